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
/** Columns of a forecast that waits: the value of its step, the last value, the point; then quantiles. */
const [VALUE, LAST, MEAN, QUANTILES] = [0, 1, 2, 3];
/** Steps scored together, unless somebody asks before: what that needs is then fetched once for all. */
const SCORED_TOGETHER = 8;

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
    const { step, value } = forecast;
    if (step <= this.#step) return false;
    const follows = step === this.#step + 1;
    this.#step = step;
    if (!Number.isNaN(value)) this.#value = value;
    this.#first.observe(forecast, this.#value, follows);
    if (this.#last !== this.#first) this.#last.observe(forecast, this.#value, follows);
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
  /** The pinball losses of a naive forecast that is one too low, and one too high, over the levels. */
  readonly #tooLow: number;
  readonly #tooHigh: number;
  /** Forecasts that may still be scored, or whose values are the truth of some. */
  readonly #said: RowRing;
  /** How many of the last values were not compared with what had been said. */
  #unscored = 0;
  readonly #scored = new RowRing(WINDOW_STEPS, COLUMNS);
  readonly #sums = new Float64Array(COLUMNS + 1);

  constructor(ahead: number, levels: readonly number[]) {
    this.#ahead = ahead;
    this.#levels = levels;
    this.#bands = [[0.1, 0.9], [0.05, 0.95]].map(([low, high]) => [
      levelIndex(levels, low),
      levelIndex(levels, high),
    ]);
    this.#tooLow = levels.reduce((sum, level) => sum + level, 0);
    this.#tooHigh = levels.reduce((sum, level) => sum + (1 - level), 0);
    this.#said = new RowRing(ahead + SCORED_TOGETHER, QUANTILES + levels.length);
  }

  get due(): DueForecast {
    const { length, rows } = this.#said;
    if (length <= this.#ahead) return { low: NaN, mean: NaN, high: NaN };
    const at = this.#said.offset(this.#ahead);
    const [low, high] = this.#bands[1];
    return {
      low: rows[at + QUANTILES + Math.max(0, low)],
      mean: rows[at + MEAN],
      high: rows[at + QUANTILES + (high < 0 ? this.#levels.length - 1 : high)],
    };
  }

  /** `last` is the last value that was not missing; `follows` whether no step was left out before. */
  observe(forecast: Forecast, last: number, follows: boolean): void {
    if (!follows) {
      this.#score();
      this.#said.clear();
    }
    const at = this.#said.next();
    const { rows } = this.#said;
    const count = this.#levels.length;
    const offset = (this.#ahead - 1) * count;
    rows[at + VALUE] = forecast.value;
    rows[at + LAST] = last;
    rows[at + MEAN] = forecast.mean[this.#ahead - 1];
    for (let j = 0; j < count; j++) rows[at + QUANTILES + j] = forecast.quantiles[offset + j];
    if (++this.#unscored === SCORED_TOGETHER) this.#score();
  }

  /** Compares the last values with what had been said of them. */
  #score(): void {
    const said = this.#said;
    for (let age = this.#unscored - 1; age >= 0; age--) {
      if (age + this.#ahead >= said.length) continue;
      this.#learn(said.rows[said.offset(age) + VALUE], said.offset(age + this.#ahead));
    }
    this.#unscored = 0;
  }

  /** Scores what was said from `at` on. */
  #learn(value: number, at: number): void {
    const levels = this.#levels;
    const said = this.#said.rows;
    const naive = said[at + LAST];
    const mean = said[at + MEAN];
    const quantiles = at + QUANTILES;
    if (!Number.isFinite(value) || !Number.isFinite(naive) || !Number.isFinite(mean)) return;
    const naiveError = Math.abs(value - naive);
    const score = this.#scored.next();
    const { rows } = this.#scored;
    rows[score] = Math.abs(value - mean);
    rows[score + 1] = 2 * meanPinball(value, levels, said, quantiles);
    rows[score + 2] = naiveError;
    rows[score + 3] = 2 * naiveError * (value >= naive ? this.#tooLow : this.#tooHigh) /
      levels.length;
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
    this.#score();
    return scoreOf(this.#sums, this.#sums[COLUMNS]);
  }

  window(): LiveScore {
    this.#score();
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
