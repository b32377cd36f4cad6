import type { History } from "./history.ts";

/** The periods of a series in steps, shortest first; none, one or two (such as day and week). */
export type Seasons = readonly number[];

const DAY_MS = 86_400_000;
/** Cycles that must have been seen before a period is believed. */
const CYCLES_MIN = 2.5;
/** Longest lag searched without a hint from the calendar, and the values looked at for it. */
const LAG_MAX = 512;
const VALUES_MAX = 4096;

/** Periods that the calendar suggests, in steps of `stepMs`: day, week, year, and months of a year. */
export function calendarPeriods(stepMs: number): number[] {
  const periods: number[] = [];
  const suggest = (ms: number): void => {
    const period = Math.round(ms / stepMs);
    if (period >= 2 && !periods.includes(period)) periods.push(period);
  };
  if (stepMs > 0) {
    suggest(DAY_MS);
    suggest(7 * DAY_MS);
    suggest(365.2425 * DAY_MS);
  }
  return periods;
}

/**
 * Finds the seasonal periods of the latest values.
 *
 * A period S is believed when the deviations from the centred moving mean over S repeat after S steps:
 * their autocorrelation at lag S must exceed a bound that falls with the cycles seen. The calendar's
 * periods need less evidence than the peaks of the autocorrelation of first differences. A second,
 * longer period must still show in what the first one leaves: the S-step differences of the series.
 *
 * @param history The values.
 * @param stepMs Length of a step in milliseconds, 0 where unknown.
 * @returns The periods, shortest first.
 */
export function findSeasons(history: History, stepMs: number): Seasons {
  const from = history.first;
  const count = history.length - from;
  const values = new Float64Array(count);
  for (let i = 0; i < count; i++) values[i] = history.at(from + i);
  const calendar = calendarPeriods(stepMs);
  const tail = values.subarray(Math.max(0, count - VALUES_MAX));
  const evidence = (period: number, floor: number, doubt: number): number => {
    const cycles = count / period;
    if (cycles < CYCLES_MIN) return 0;
    const repeat = seasonalAutocorrelation(values, period);
    return repeat > floor + doubt / Math.sqrt(cycles) ? repeat : 0;
  };
  let best = 0;
  let strength = 0;
  for (const period of calendar) {
    // Multiples of a period repeat as well as it does, so a longer one must be clearly better.
    const repeat = evidence(period, 0.2, 0.6);
    if (repeat > (best > 0 ? 2 * strength : 0)) {
      best = period;
      strength = repeat;
    }
  }
  for (const period of differencePeaks(tail)) {
    const repeat = evidence(period, 0.3, 1);
    const nearCalendar = best > 0 && Math.abs(period / best - Math.round(period / best)) < 0.1;
    if (repeat > strength + 0.15 && !nearCalendar) {
      best = period;
      strength = repeat;
    }
  }
  if (best === 0) return [];
  let longer = 0;
  for (const period of [...calendar, 7 * best]) {
    if (period <= best || period % best !== 0 || count / period < CYCLES_MIN) continue;
    const left = differenceAutocorrelation(values, best, period);
    if (left > 0.15 + 0.5 / Math.sqrt(count / period)) {
      longer = period;
      break;
    }
  }
  return longer > 0 ? [best, longer] : [best];
}

/** Autocorrelation at lag `period` of the deviations from the centred moving mean over `period`. */
function seasonalAutocorrelation(values: Float64Array, period: number): number {
  const half = period >> 1;
  const width = 2 * half + 1;
  if (values.length < width + period + 2) return 0;
  const deviations = new Float64Array(values.length - 2 * half);
  let sum = 0;
  for (let i = 0; i < width - 1; i++) sum += values[i];
  for (let i = 0; i < deviations.length; i++) {
    sum += values[i + width - 1];
    deviations[i] = values[i + half] - sum / width;
    sum -= values[i];
  }
  return autocorrelation(deviations, period);
}

/** Autocorrelation at lag `period` of the differences over `shift` steps. */
function differenceAutocorrelation(values: Float64Array, shift: number, period: number): number {
  const differences = new Float64Array(values.length - shift);
  for (let i = 0; i < differences.length; i++) differences[i] = values[i + shift] - values[i];
  return autocorrelation(differences, period);
}

/** Pearson's correlation of a series with itself `lag` steps later. */
function autocorrelation(x: Float64Array, lag: number): number {
  const count = x.length - lag;
  if (count < 3) return 0;
  let meanA = 0;
  let meanB = 0;
  for (let i = 0; i < count; i++) {
    meanA += x[i];
    meanB += x[i + lag];
  }
  meanA /= count;
  meanB /= count;
  let ab = 0;
  let aa = 0;
  let bb = 0;
  for (let i = 0; i < count; i++) {
    const a = x[i] - meanA;
    const b = x[i + lag] - meanB;
    ab += a * b;
    aa += a * a;
    bb += b * b;
  }
  return aa > 0 && bb > 0 ? ab / Math.sqrt(aa * bb) : 0;
}

/** The three shortest lags at which the first differences correlate about best; local peaks only. */
function differencePeaks(values: Float64Array): number[] {
  const differences = new Float64Array(Math.max(0, values.length - 1));
  for (let i = 0; i < differences.length; i++) differences[i] = values[i + 1] - values[i];
  const highest = Math.min(LAG_MAX, Math.floor(differences.length / CYCLES_MIN));
  const correlation = new Float64Array(highest + 2);
  for (let lag = 2; lag <= highest; lag++) correlation[lag] = autocorrelation(differences, lag);
  const peaks: number[] = [];
  let highestPeak = 0.1;
  for (let lag = 3; lag < highest; lag++) {
    const here = correlation[lag];
    if (here < correlation[lag - 1] || here <= correlation[lag + 1] || here < 0.1) continue;
    peaks.push(lag);
    highestPeak = Math.max(highestPeak, here);
  }
  return peaks.filter((lag) => correlation[lag] > 0.8 * highestPeak).slice(0, 3);
}
