import type { Forecast } from "../forecast/forecast.ts";
import { levelIndex, meanPinball } from "./metrics.ts";
import { RowRing } from "./row_ring.ts";

/** Steps over which the recent scores forget: their weight falls to 1/e. */
const MEMORY_STEPS = 100;
/** Steps of the window: enough that a 90 % band's share is known to about 2 points. */
const WINDOW_STEPS = 256;

/** Scores of the latest forecasts of one series at one horizon. `NaN` where nothing is scored yet. */
export interface LiveScore {
  /** Forecasts scored: how many within the window, or their weight where scores are weighted. */
  readonly count: number;
  /** Mean absolute error of the point forecast, in the series' own unit. */
  readonly mae: number;
  /** Continuous ranked probability score: twice the mean pinball loss over the levels. */
  readonly crps: number;
  /** The same of the naive forecast, which says the last value: as a point, */
  readonly naiveMae: number;
  /** and at every level. With symmetric levels that equals its absolute error. */
  readonly naiveCrps: number;
  /** `1 − mae / naiveMae`: 0 is as good as naive, 1 is perfect. Only points are compared. */
  readonly skill: number;
  /** `1 − crps / naiveCrps`: the worth of point and bands together against a naive point. */
  readonly skillCrps: number;
  /** Share of truths inside the central 80 % band; `NaN` where its levels are not forecast. */
  readonly coverage80: number;
  /** Share of truths inside the central 90 % band. */
  readonly coverage90: number;
}

/** What had been forecast of the step whose truth has come: `NaN` where nothing had. */
export interface DueForecast {
  /** The 5 % quantile, or the lowest there is. */
  readonly low: number;
  /** The expected value. */
  readonly mean: number;
  /** The 95 % quantile, or the highest there is. */
  readonly high: number;
}

/** Columns of a scored forecast: errors, then whether the bands held. */
const COLUMNS = 6;

/** How many numbers {@linkcode writeSaid} writes. */
export function saidWidth(horizon: number, levels: readonly number[]): number {
  return Math.min(horizon, 2) * (1 + levels.length);
}

/**
 * Writes what is scored of a forecast: the point and the quantiles of the first step, then those of the
 * last where that is another.
 */
export function writeSaid(forecast: Forecast, into: Float64Array, at: number): void {
  const { mean, quantiles, levels } = forecast;
  const last = mean.length - 1;
  for (let step = 0; step <= last; step += Math.max(1, last)) {
    into[at++] = mean[step];
    for (let j = 0; j < levels.length; j++) into[at++] = quantiles[step * levels.length + j];
  }
}

/**
 * Scores every forecast of one series when its truth arrives, one step ahead and at the last horizon.
 * Bounded memory, `O(levels)` a tick. A view, not state: it starts anew with the process, and where
 * forecasts come again after a recovery, those scored before are passed over.
 *
 * Recent scores are exponentially weighted, `s ← (1 − 1/100) s + x`, over their weight; those of the
 * window are plain means of the last 256.
 *
 * @example A forecaster of a straight line beats the naive forecast
 * ```ts
 * import { LiveScores } from "@tickcast/tickcast";
 * import { equal } from "node:assert/strict";
 *
 * const scores = new LiveScores(1, [0.05, 0.5, 0.95]);
 * for (let step = 0; step < 10; step++) {
 *   scores.observe({
 *     series: "line", time: step, step, value: step, times: Float64Array.of(step + 1),
 *     mean: Float64Array.of(step + 1), levels: [0.05, 0.5, 0.95],
 *     quantiles: Float64Array.of(step, step + 1, step + 2),
 *     parametersVersion: 0, flags: [], pValue: 1,
 *   });
 * }
 * const { skill, coverage90, count } = scores.window("first");
 * equal(skill, 1);
 * equal(coverage90, 1);
 * equal(count, 9);
 * ```
 */
export class LiveScores {
  readonly #first: AheadScores;
  readonly #last: AheadScores;
  /** What is said of a step stands so many numbers after what is said of the first. */
  readonly #stepWidth: number;
  readonly #said: Float64Array;
  #step = -1;
  #value = NaN;

  /**
   * Starts without forecasts.
   *
   * @param horizon Steps ahead of the forecasts to come.
   * @param levels The levels of their quantiles.
   */
  constructor(horizon: number, levels: readonly number[]) {
    this.#first = new AheadScores(1, levels);
    this.#last = horizon === 1 ? this.#first : new AheadScores(horizon, levels);
    this.#stepWidth = 1 + levels.length;
    this.#said = new Float64Array(saidWidth(horizon, levels));
  }

  /** The last step taken in; −1 before the first. */
  get step(): number {
    return this.#step;
  }

  /**
   * Takes in a forecast: its value is the truth of those before it, and it waits for its own.
   *
   * @param forecast The next forecast of the series.
   * @returns False where its step was taken in before, so that nothing was done.
   */
  observe(forecast: Forecast): boolean {
    writeSaid(forecast, this.#said, 0);
    return this.take(forecast.step, forecast.value, this.#said, 0);
  }

  /**
   * The same of a forecast of which only numbers are left.
   *
   * @param step Its step.
   * @param value The value of that step.
   * @param said The point and the quantiles of the first step, then of the last where that is another,
   * @param at from here on.
   * @returns False where the step was taken in before, so that nothing was done.
   */
  take(step: number, value: number, said: Float64Array, at: number): boolean {
    if (step <= this.#step) return false;
    const follows = step === this.#step + 1;
    this.#step = step;
    if (!Number.isNaN(value)) this.#value = value;
    this.#first.observe(value, this.#value, follows, said, at);
    if (this.#last !== this.#first) {
      this.#last.observe(value, this.#value, follows, said, at + this.#stepWidth);
    }
    return true;
  }

  /** Exponentially weighted scores one step ahead, or at the last horizon. */
  recent(ahead: "first" | "last"): LiveScore {
    return (ahead === "first" ? this.#first : this.#last).recent();
  }

  /** Scores over the window one step ahead, or at the last horizon. */
  window(ahead: "first" | "last"): LiveScore {
    return (ahead === "first" ? this.#first : this.#last).window();
  }

  /** What had been forecast of the last step. */
  due(ahead: "first" | "last"): DueForecast {
    return (ahead === "first" ? this.#first : this.#last).due;
  }
}

class AheadScores {
  readonly #ahead: number;
  readonly #levels: readonly number[];
  readonly #bands: readonly (readonly [number, number])[];
  /** Forecasts whose truth has not come: last value, point, quantiles. */
  readonly #waiting: RowRing;
  readonly #scored = new RowRing(WINDOW_STEPS, COLUMNS);
  readonly #sums = new Float64Array(COLUMNS + 1);
  /** What had been forecast of the last step. */
  #low = NaN;
  #mean = NaN;
  #high = NaN;

  constructor(ahead: number, levels: readonly number[]) {
    this.#ahead = ahead;
    this.#levels = levels;
    this.#bands = [[0.1, 0.9], [0.05, 0.95]].map(([low, high]) => [
      levelIndex(levels, low),
      levelIndex(levels, high),
    ]);
    this.#waiting = new RowRing(ahead, 2 + levels.length);
  }

  get due(): DueForecast {
    return { low: this.#low, mean: this.#mean, high: this.#high };
  }

  /** `last` is the last value that was not missing; `follows` whether no step was left out before. */
  observe(value: number, last: number, follows: boolean, said: Float64Array, from: number): void {
    const waiting = this.#waiting;
    if (!follows) waiting.clear();
    if (waiting.length === this.#ahead) this.#learn(value, waiting.offset(this.#ahead - 1));
    else this.#low = this.#mean = this.#high = NaN;
    const at = waiting.next();
    const { rows, width } = waiting;
    rows[at] = last;
    for (let i = 1; i < width; i++) rows[at + i] = said[from + i - 1];
  }

  /** Scores what stands from `at` on among those waiting. */
  #learn(value: number, at: number): void {
    const levels = this.#levels;
    const said = this.#waiting.rows;
    const naive = said[at];
    const mean = said[at + 1];
    const quantiles = at + 2;
    const [low90, high90] = this.#bands[1];
    this.#low = said[quantiles + Math.max(0, low90)];
    this.#mean = mean;
    this.#high = said[quantiles + (high90 < 0 ? levels.length - 1 : high90)];
    if (!Number.isFinite(value) || !Number.isFinite(naive) || !Number.isFinite(mean)) return;
    let share = 0;
    for (let j = 0; j < levels.length; j++) share += value >= naive ? levels[j] : 1 - levels[j];
    const naiveError = Math.abs(value - naive);
    const score = this.#scored.next();
    const { rows } = this.#scored;
    rows[score] = Math.abs(value - mean);
    rows[score + 1] = 2 * meanPinball(value, levels, said, quantiles);
    rows[score + 2] = naiveError;
    rows[score + 3] = 2 * naiveError * share / levels.length;
    for (let band = 0; band < 2; band++) {
      const [low, high] = this.#bands[band];
      rows[score + 4 + band] = low < 0 || high < 0
        ? NaN
        : said[quantiles + low] <= value && value <= said[quantiles + high]
        ? 1
        : 0;
    }
    const keep = 1 - 1 / MEMORY_STEPS;
    const sums = this.#sums;
    for (let i = 0; i < COLUMNS; i++) sums[i] = keep * sums[i] + rows[score + i];
    sums[COLUMNS] = keep * sums[COLUMNS] + 1;
  }

  recent(): LiveScore {
    return scoreOf(this.#sums, this.#sums[COLUMNS]);
  }

  window(): LiveScore {
    const sums = new Float64Array(COLUMNS);
    for (let age = this.#scored.length - 1; age >= 0; age--) {
      const score = this.#scored.row(age);
      for (let i = 0; i < COLUMNS; i++) sums[i] += score[i];
    }
    return scoreOf(sums, this.#scored.length);
  }
}

function scoreOf(sums: Float64Array, count: number): LiveScore {
  const mae = sums[0] / count;
  const crps = sums[1] / count;
  const naiveMae = sums[2] / count;
  const naiveCrps = sums[3] / count;
  return {
    count,
    mae,
    crps,
    naiveMae,
    naiveCrps,
    skill: skillOf(mae, naiveMae),
    skillCrps: skillOf(crps, naiveCrps),
    coverage80: sums[4] / count,
    coverage90: sums[5] / count,
  };
}

/** `NaN` against a naive forecast without error: a series that never changed has nothing to gain. */
function skillOf(loss: number, naive: number): number {
  return naive > 0 ? 1 - loss / naive : NaN;
}
