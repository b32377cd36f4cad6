import { LeastSquares } from "./least_squares.ts";
import { RunningScale } from "./scaler.ts";
import type { Seasons } from "./seasonality.ts";
import type { SeriesLayout } from "./series_layout.ts";
import { Waves } from "./waves.ts";

/** Rates of the running one-step errors: days, weeks and months for a daily price, as in HAR models. */
const RATES = [0.15, 0.04, 0.008];
/** Overlapping errors of h steps tell little more than one: their running size moves the slower. */
const OWN_STEPS = 100;
const OWN_STEPS_PER_AHEAD = 100;
/** Growth as of a random walk counts for so many errors that do not overlap. */
const GROWTH_ERRORS = 5;
const MEMORY_STEPS = 2000;
const MEMORY_STEPS_PER_AHEAD = 300;
const RIDGE = 20;
/** The ridge holds the regression to these, until it knows better: how volatility persists. */
const PRIOR = [0, 0.1, 0.3, 0.8];
/** What the errors of experts that are gone count for, as so many of those of the new ones. */
const FORMER_ERRORS = 3;
/** An error counts as at most this many expected ones. */
const RATIO_MAX = 6;
/** The model may move the size of errors by at most this factor, as a logarithm. */
const LOG_RANGE = 3;
/** Sine and cosine pairs of the short and the long season. */
const HARMONICS = [3, 2];

/**
 * The expected absolute error at each horizon, conditional on what drives it: the recent volatility at
 * three speeds, the slot of the season, and the level.
 *
 * `log s = log e_h + θᵀz`, a gamma regression with log link for |error| (its scores are those of the
 * multiplicative error model, Engle 2002; the three speeds follow Corsi's HAR model, 2009), learnt by
 * recursive least squares on the working response `log s + (|error|/s − 1)`.
 */
export class ErrorScale {
  readonly #horizon: number;
  readonly #speeds: readonly RunningScale[];
  readonly #own: readonly RunningScale[];
  /** The running one-step errors, with the memory of each horizon. */
  readonly #reference: readonly RunningScale[];
  readonly #level: RunningScale;
  /** Where the logarithms of the running errors at the latest origins lie, `[horizon + 1, speeds]`. */
  readonly #origins: number;
  /** Where those of the running one-step errors of each horizon lie, as they are now. */
  readonly #references: number;
  /** Where the running errors of each horizon lie as forecasts used them, `[horizon + 1, horizon]`. */
  readonly #typicals: number;
  #regressions: readonly LeastSquares[] = [];
  #waves: readonly Waves[] = [];
  #z = new Float64Array(0);
  readonly #target = new Float64Array(1);

  /**
   * Reserves what stays whatever the seasons are; `setSeasons` must follow.
   * @param layout Where its numbers lie.
   * @param horizon Steps ahead.
   */
  constructor(layout: SeriesLayout, horizon: number) {
    this.#horizon = horizon;
    const running = (_: unknown, h: number): RunningScale =>
      new RunningScale(layout, 1 / (OWN_STEPS + OWN_STEPS_PER_AHEAD * h));
    this.#level = new RunningScale(layout, 0.002);
    this.#speeds = RATES.map((rate) => new RunningScale(layout, rate));
    this.#own = Array.from({ length: horizon }, running);
    this.#reference = Array.from({ length: horizon }, running);
    this.#references = layout.reserve(horizon);
    this.#typicals = layout.reserve((horizon + 1) * horizon);
    this.#origins = layout.reserve((horizon + 1) * RATES.length);
  }

  /** Reserves the regressions, with the waves of the seasons. */
  setSeasons(layout: SeriesLayout, seasons: Seasons): void {
    this.#waves = seasons.map((period, k) => new Waves(period, HARMONICS[k]));
    const waves = seasons.reduce((sum, _, k) => sum + 2 * HARMONICS[k], 0);
    const size = 2 + RATES.length + waves;
    this.#regressions = Array.from({ length: this.#horizon }, (_, h) => {
      const forgetting = 1 - 1 / (MEMORY_STEPS + MEMORY_STEPS_PER_AHEAD * h);
      return new LeastSquares(layout, size, 1, { forgetting, ridge: RIDGE, start: PRIOR });
    });
    this.#z = new Float64Array(size);
  }

  /** Has the running errors soon give way to those of new experts, which are often far smaller. */
  discount(memory: Float64Array): void {
    for (const running of [...this.#speeds, ...this.#own, ...this.#reference]) {
      running.discount(memory, FORMER_ERRORS);
    }
  }

  /** Takes in the latest value and the error of the forecast made one step before it. */
  observe(memory: Float64Array, step: number, value: number, error: number): void {
    this.#level.observe(memory, value);
    const floor = this.#floor(memory);
    for (let h = 0; h < this.#horizon; h++) {
      const reference = this.#reference[h];
      reference.observe(memory, error);
      memory[this.#references + h] = Math.log(Math.max(reference.value(memory), floor));
    }
    const row = this.#origins + (step % (this.#horizon + 1)) * RATES.length;
    for (let k = 0; k < RATES.length; k++) {
      const speed = this.#speeds[k];
      speed.observe(memory, error);
      memory[row + k] = Math.log(Math.max(speed.value(memory), floor));
    }
  }

  /**
   * The expected size of the error of `point`, forecast at `origin` for `ahead` steps later.
   * @returns Above 0.
   */
  expected(memory: Float64Array, origin: number, ahead: number, point: number): number {
    const own = this.#typical(memory, ahead);
    memory[this.#typicalAt(origin, ahead)] = own;
    this.#fill(memory, origin, ahead, point);
    const shift = this.#regressions[ahead - 1].predict(memory, this.#z);
    return own * Math.exp(Math.max(-LOG_RANGE, Math.min(LOG_RANGE, shift)));
  }

  /** Learns from an error that has become known, and from the size that was expected of it. */
  learn(
    memory: Float64Array,
    origin: number,
    ahead: number,
    point: number,
    error: number,
    expected: number,
  ): void {
    this.#own[ahead - 1].observe(memory, error);
    const own = memory[this.#typicalAt(origin, ahead)];
    this.#fill(memory, origin, ahead, point);
    const ratio = Math.min(RATIO_MAX, Math.abs(error) / expected);
    this.#target[0] = Math.log(expected / own) + ratio - 1;
    // Errors of h steps overlap: h of them tell about as much as one.
    this.#regressions[ahead - 1].update(memory, this.#z, this.#target, 1 / ahead);
  }

  #typicalAt(origin: number, ahead: number): number {
    return this.#typicals + (origin % (this.#horizon + 1)) * this.#horizon + ahead - 1;
  }

  /** Keeps logarithms finite where nothing ever changes; far below any error that matters. */
  #floor(memory: Float64Array): number {
    return Math.max(1e-9 * this.#level.value(memory), 1e-300);
  }

  /** The running error of a horizon; before its first label, that of one step grown as a random walk. */
  #typical(memory: Float64Array, ahead: number): number {
    const own = this.#own[ahead - 1];
    const walk = this.#reference[ahead - 1].value(memory) * Math.sqrt(ahead);
    const steps = Math.min(own.count(memory), OWN_STEPS + OWN_STEPS_PER_AHEAD * (ahead - 1));
    const trust = steps / (steps + GROWTH_ERRORS * ahead);
    return Math.max(walk + trust * (own.value(memory) - walk), this.#floor(memory));
  }

  #fill(memory: Float64Array, origin: number, ahead: number, point: number): void {
    const z = this.#z;
    const row = this.#origins + (origin % (this.#horizon + 1)) * RATES.length;
    const slow = memory[row + RATES.length - 1];
    z[0] = 1;
    for (let k = 0; k < RATES.length - 1; k++) z[1 + k] = memory[row + k] - slow;
    z[RATES.length] = slow - memory[this.#references + ahead - 1];
    const level = this.#level.value(memory);
    z[1 + RATES.length] = level > 0 ? Math.log(0.1 + Math.min(10, Math.abs(point) / level)) : 0;
    let at = 2 + RATES.length;
    for (let s = 0; s < this.#waves.length; s++) {
      at = this.#waves[s].fill(origin + ahead, z, at);
    }
  }
}
