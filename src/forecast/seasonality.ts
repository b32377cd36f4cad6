import type { History } from "./history.ts";

/** The periods of a series in steps, shortest first; none, one or two (such as day and week). */
export type Seasons = readonly number[];

const DAY_MS = 86_400_000;
/** Cycles that must have been seen before a period is believed. */
const CYCLES_MIN = 2.5;
/** Longest lag searched without a hint from the calendar, and the values looked at for it. */
const LAG_MAX = 512;
const VALUES_MAX = 4096;
/** So many peaks are looked at, of at least this share of the highest; the lowest that is one at all. */
const PEAKS_MAX = 3;
const PEAK_SHARE = 0.8;
const PEAK_MIN = 0.1;
/** What repeats must be so much better without a hint than what is there already. */
const ADVANTAGE = 0.15;

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
  // No correlation is above 1, so that what repeats well enough need not be compared.
  const peaks = strength + ADVANTAGE < 1 ? differencePeaks(tail) : [];
  for (const period of peaks) {
    const isMultiple = best > 0 && Math.abs(period / best - Math.round(period / best)) < 0.1;
    if (isMultiple || strength + ADVANTAGE >= 1) continue;
    const repeat = evidence(period, 0.3, 1);
    if (repeat > strength + ADVANTAGE) {
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
  const correlations = new Autocorrelations(differences);
  const peaks: number[] = [];
  const heights: number[] = [];
  // Whatever the highest is, these are among those that count.
  let clear = 0;
  for (let lag = 3; lag < highest && clear < PEAKS_MAX; lag++) {
    const here = correlations.at(lag);
    const isPeak = here >= PEAK_MIN && here >= correlations.at(lag - 1) &&
      here > correlations.at(lag + 1);
    if (!isPeak) continue;
    peaks.push(lag);
    heights.push(here);
    if (here > PEAK_SHARE) clear++;
  }
  const least = PEAK_SHARE * Math.max(PEAK_MIN, ...heights);
  return peaks.filter((_, k) => heights[k] > least).slice(0, PEAKS_MAX);
}

/**
 * The autocorrelations of some values at lags from 2 on, each computed when it is first asked for. Sums and
 * squares of what overlaps come from running sums, so that only the products are left to be added up, for
 * four lags at a time.
 */
class Autocorrelations {
  readonly #centred: Float64Array;
  readonly #sums: Float64Array;
  readonly #squares: Float64Array;
  readonly #known: number[] = [NaN, NaN];
  readonly #products = new Float64Array(4);

  constructor(x: Float64Array) {
    const { length } = x;
    let mean = 0;
    for (let i = 0; i < length; i++) mean += x[i] / length;
    // Without their mean, sums of squares lose nothing to a trend.
    this.#centred = new Float64Array(length);
    this.#sums = new Float64Array(length + 1);
    this.#squares = new Float64Array(length + 1);
    for (let i = 0; i < length; i++) {
      const value = x[i] - mean;
      this.#centred[i] = value;
      this.#sums[i + 1] = this.#sums[i] + value;
      this.#squares[i + 1] = this.#squares[i] + value * value;
    }
  }

  /** At a lag that three values more than it leave something of. */
  at(lag: number): number {
    while (lag >= this.#known.length) this.#addFour(this.#known.length);
    return this.#known[lag];
  }

  #addFour(first: number): void {
    const { length } = this.#centred;
    const sums = this.#sums;
    const squares = this.#squares;
    addProducts(this.#centred, first, this.#products);
    for (let lag = first; lag < first + 4; lag++) {
      const count = length - lag;
      const sumA = sums[count];
      const sumB = sums[length] - sums[lag];
      const ab = this.#products[lag - first] - sumA * sumB / count;
      const aa = squares[count] - sumA * sumA / count;
      const bb = squares[length] - squares[lag] - sumB * sumB / count;
      this.#known.push(aa > 0 && bb > 0 ? ab / Math.sqrt(aa * bb) : 0);
    }
  }
}

/** `Σ x[i] x[i + lag]` at four lags from `first` on; there must be as many values as the last of them. */
function addProducts(x: Float64Array, first: number, products: Float64Array): void {
  const end = x.length - first - 3;
  let p0 = 0;
  let p1 = 0;
  let p2 = 0;
  let p3 = 0;
  let x0 = x[first];
  let x1 = x[first + 1];
  let x2 = x[first + 2];
  for (let i = 0; i < end; i++) {
    // A value that is three steps off now is two steps off next: each is loaded once.
    const x3 = x[i + first + 3];
    const value = x[i];
    p0 += value * x0;
    p1 += value * x1;
    p2 += value * x2;
    p3 += value * x3;
    x0 = x1;
    x1 = x2;
    x2 = x3;
  }
  // The shorter the lag, the more pairs there are.
  p0 += x[end] * x0 + x[end + 1] * x1 + x[end + 2] * x2;
  p1 += x[end] * x1 + x[end + 1] * x2;
  p2 += x[end] * x2;
  products[0] = p0;
  products[1] = p1;
  products[2] = p2;
  products[3] = p3;
}
