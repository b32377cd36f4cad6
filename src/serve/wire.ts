import type { Forecast } from "../forecast/forecast.ts";
import { NumberWriter } from "./number_writer.ts";

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

const ascii = new TextEncoder();
const [TIME, STEP, VALUE, HORIZON, MEAN, QUANTILES, CLOSED, PARAMETERS, NO_FLAGS, P_VALUE, END] = [
  ...[',"time":', ',"step":', ',"value":', ',"horizon":[', '],"mean":[', '],"quantiles":{', "]"],
  ...['},"parameters":', ',"flags":[]', ',"pValue":', "}"],
].map((text) => ascii.encode(text));

/** What stands before the numbers of each level, made once: `"0.05":[`, then `],"0.5":[` and so on. */
const levelKeys = new WeakMap<readonly number[], readonly Uint8Array[]>();

function keysOf(levels: readonly number[]): readonly Uint8Array[] {
  let keys = levelKeys.get(levels);
  if (keys === undefined) {
    keys = levels.map((level, j) => ascii.encode(`${j === 0 ? "" : "],"}"${level}":[`));
    levelKeys.set(levels, keys);
  }
  return keys;
}

/** One for all: a text is finished before the next begins. */
const writer = new NumberWriter();

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
  const { levels, quantiles, mean, times, value, flags } = forecast;
  const places = placesOf(forecast);
  const keys = keysOf(levels);
  writer.put(TIME);
  writer.exact(forecast.time);
  writer.put(STEP);
  writer.exact(forecast.step);
  writer.put(VALUE);
  writer.exact(value);
  writer.put(HORIZON);
  writer.numbers(times, 0, 1, 0);
  writer.put(MEAN);
  writer.numbers(mean, 0, 1, places);
  writer.put(QUANTILES);
  for (let level = 0; level < levels.length; level++) {
    writer.put(keys[level]);
    writer.numbers(quantiles, level, levels.length, places);
  }
  if (levels.length > 0) writer.put(CLOSED);
  writer.put(PARAMETERS);
  writer.exact(forecast.parametersVersion);
  writer.put(flags.length === 0 ? NO_FLAGS : ascii.encode(`,"flags":${JSON.stringify(flags)}`));
  writer.put(P_VALUE);
  writer.rounded(forecast.pValue, P_VALUE_PLACES);
  writer.put(END);
  return `{"type":"forecast","series":${JSON.stringify(forecast.series)}${writer.finish()}`;
}
