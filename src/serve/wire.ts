import type { Forecast } from "../forecast/forecast.ts";
import { NumberWriter, type Prepared, prepared } from "./number_writer.ts";

/**
 * Digits kept, counted from the largest number of a forecast: more than any band is wide, and half the
 * bytes of full doubles.
 */
const SIGNIFICANT_DIGITS = 8;
/** A p-value below a millionth is as good as none. */
const P_VALUE_PLACES = 6;

/** A forecast as it goes over the wire; see {@linkcode encodeForecast}. */
export interface ForecastMessage {
  /** `"forecast"`. */
  readonly type: "forecast";
  /** The series. */
  readonly series: string;
  /** The time of the last tick seen, epoch milliseconds. */
  readonly time: number;
  /** The step of that tick within the series. */
  readonly step: number;
  /** The value of that tick; null where it was missing. */
  readonly value: number | null;
  /** The times forecast for, epoch milliseconds. */
  readonly horizon: readonly number[];
  /** The expected values. */
  readonly mean: readonly number[];
  /** By level, the quantiles. */
  readonly quantiles: Readonly<Record<string, readonly number[]>>;
  /** The version of the parameters. */
  readonly parameters: number;
  /** What to know about it. */
  readonly flags: readonly string[];
  /** How surprising the last tick was: its two-sided p-value. */
  readonly pValue: number;
}

/** The decimal places that keep {@linkcode SIGNIFICANT_DIGITS} of the forecast's largest number. */
function placesOf(forecast: Forecast): number {
  const { quantiles, mean } = forecast;
  let largest = 0;
  for (let i = 0; i < quantiles.length; i++) largest = Math.max(largest, Math.abs(quantiles[i]));
  for (let i = 0; i < mean.length; i++) largest = Math.max(largest, Math.abs(mean[i]));
  if (!(largest > 0) || !Number.isFinite(largest)) return 0;
  const places = SIGNIFICANT_DIGITS - 1 - Math.floor(Math.log10(largest));
  // Beyond this a double has no such digits, or the power of ten itself overflows.
  return Math.min(300, places);
}

const [HEAD, TIME, STEP, VALUE, FLAGS, NO_FLAGS, P_VALUE, END] = [
  ...['{"type":"forecast","series":', ',"time":', ',"step":', ',"value":', ',"flags":'],
  ...[',"flags":[],"pValue":', ',"pValue":', "}"],
].map(prepared);
/** Room for what is the same in all forecasts, and for all flags. */
const FIXED_BYTES = 256;
/** Numbers of every forecast: time, step, value, parameters, p-value. */
const NUMBERS = 5;
/** Room for what stands before the numbers of a level: none is longer than a number. */
const KEY_BYTES = 32;

/** What stands between the numbers of forecasts of the same levels. */
interface Keys {
  /** Before the times, the means, and the quantiles of each level. */
  readonly lists: readonly Prepared[];
  /** Before the parameters. */
  readonly parameters: Prepared;
}

/** Made once for all forecasts of the same levels. */
const keys = new WeakMap<readonly number[], Keys>();

function makeKeys(levels: readonly number[]): Keys {
  const quantiles = levels.map((level, j) => `${j === 0 ? '],"quantiles":{' : "],"}"${level}":[`);
  return {
    lists: [',"horizon":[', '],"mean":[', ...quantiles].map(prepared),
    parameters: prepared(`${levels.length === 0 ? '],"quantiles":{' : "]"}},"parameters":`),
  };
}

/** One for all: a text is finished before the next begins. */
const writer = new NumberWriter();
const decoder = new TextDecoder();

/**
 * A forecast as one line of JSON: `{"type":"forecast","series","time","step","value","horizon":[times],
 * "mean":[],"quantiles":{"0.05":[],…},"parameters","flags":[],"pValue"}`. Written by hand, since this is
 * done once for every tick; numbers are rounded to eight digits of the largest.
 *
 * @param forecast What to write.
 * @returns One line of JSON, without a line break.
 *
 * @example
 * ```ts
 * import { encodeForecast } from "@tickcast/tickcast";
 * import { equal } from "node:assert/strict";
 *
 * const line = encodeForecast({
 *   series: "room",
 *   time: 1000,
 *   step: 1,
 *   value: 20,
 *   times: Float64Array.of(2000),
 *   mean: Float64Array.of(20.5),
 *   levels: [0.1, 0.9],
 *   quantiles: Float64Array.of(20, 21),
 *   parametersVersion: 3,
 *   flags: [],
 *   pValue: 0.4,
 * });
 * equal(JSON.parse(line).quantiles["0.9"][0], 21);
 * ```
 */
export function encodeForecast(forecast: Forecast): string {
  return decoder.decode(forecastBytes(forecast));
}

/** {@linkcode encodeForecast} in UTF-8: bytes that are good until the next forecast is encoded. */
export function forecastBytes(forecast: Forecast): Uint8Array {
  const { series, levels, quantiles, mean, times, flags } = forecast;
  let between = keys.get(levels);
  if (between === undefined) keys.set(levels, between = makeKeys(levels));
  const { lists, parameters } = between;
  const places = placesOf(forecast);
  const numbers = NUMBERS + times.length + mean.length + quantiles.length;
  writer.begin(
    FIXED_BYTES + NumberWriter.stringBytes(series) + KEY_BYTES * levels.length +
      NumberWriter.NUMBER_BYTES * numbers,
  );
  writer.put(HEAD);
  writer.string(series);
  writer.put(TIME);
  writer.exact(forecast.time);
  writer.put(STEP);
  writer.exact(forecast.step);
  writer.put(VALUE);
  writer.exact(forecast.value);
  for (let list = 0; list < lists.length; list++) {
    writer.put(lists[list]);
    if (list === 0) writer.numbers(times, 0, 1, 0);
    else if (list === 1) writer.numbers(mean, 0, 1, places);
    else writer.numbers(quantiles, list - 2, levels.length, places);
  }
  writer.put(parameters);
  writer.exact(forecast.parametersVersion);
  if (flags.length === 0) writer.put(NO_FLAGS);
  else {
    writer.put(FLAGS);
    writer.json(flags);
    writer.put(P_VALUE);
  }
  writer.rounded(forecast.pValue, P_VALUE_PLACES);
  writer.put(END);
  return writer.finish();
}
