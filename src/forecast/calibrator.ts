import { Conformal } from "./conformal.ts";
import { ErrorScale } from "./error_scale.ts";
import { ErrorShape } from "./error_shape.ts";
import type { Seasons } from "./seasonality.ts";
import type { SeriesLayout } from "./series_layout.ts";

/** Errors of h steps overlap, so they tell less each: the memory of their shape is longer. */
const SHAPE_STEPS = 2000;
const SHAPE_STEPS_PER_AHEAD = 100;
const CONFORMAL_RATE = 0.001;
const CONFORMAL_WIDTH_RATE = 0.002;
/** Errors that the starting shape counts for, of those that do not overlap. */
const SHAPE_PRIOR = 30;
/** The tables of shapes are refreshed so many times within a horizon. */
const REFRESHES = 8;

/**
 * Turns points into predictive distributions: `q(τ) = m + s · (Z(τ) + b(τ))`. The size `s` follows volatility,
 * season and level ({@linkcode ErrorScale}), the shape `Z` is that of the past standardised errors
 * ({@linkcode ErrorShape}), and the correction `b` keeps the share of truths below at τ
 * ({@linkcode Conformal}). Quantiles ascend by construction.
 */
export class Calibrator {
  readonly #scale: ErrorScale;
  readonly #shapes: ErrorShape[];
  readonly #conformal: Conformal[];
  readonly #levels: readonly number[];
  readonly #horizon: number;
  readonly #every: number;
  /**
   * Where the standardised quantiles lie as forecasts used them, `[epochs, horizon, levels]`: a forecast
   * is judged by what it said, not by what its shape has become since.
   */
  readonly #tables: number;
  readonly #epochs: number;

  /**
   * Reserves what stays whatever the seasons are; `setSeasons` must follow.
   * @param layout Where its numbers lie.
   * @param horizon Steps ahead.
   * @param levels Quantile levels, ascending.
   */
  constructor(layout: SeriesLayout, horizon: number, levels: readonly number[]) {
    this.#horizon = horizon;
    this.#scale = new ErrorScale(layout, horizon);
    this.#shapes = Array.from({ length: horizon }, (_, h) => {
      return new ErrorShape(
        layout,
        1 - 1 / (SHAPE_STEPS + SHAPE_STEPS_PER_AHEAD * h),
        SHAPE_PRIOR * (h + 1),
      );
    });
    this.#conformal = Array.from(
      { length: horizon },
      (_, h) =>
        new Conformal(layout, levels, {
          level: CONFORMAL_RATE / (h + 1),
          width: CONFORMAL_WIDTH_RATE,
        }),
    );
    this.#levels = levels;
    this.#every = Math.ceil(horizon / REFRESHES);
    this.#epochs = Math.ceil(horizon / this.#every) + 1;
    this.#tables = layout.reserve(this.#epochs * horizon * levels.length);
  }

  /** Reserves what depends on the seasons. */
  setSeasons(layout: SeriesLayout, seasons: Seasons): void {
    this.#scale.setSeasons(layout, seasons);
  }

  /** Has what is known of errors soon give way to those of new experts. */
  discount(memory: Float64Array): void {
    this.#scale.discount(memory);
  }

  /** Takes in the latest value and the error of the point that was forecast one step before it. */
  observe(memory: Float64Array, step: number, value: number, error: number): void {
    this.#scale.observe(memory, step, value, error);
  }

  /** The expected absolute error of a point. */
  size(memory: Float64Array, origin: number, ahead: number, point: number): number {
    return this.#scale.expected(memory, origin, ahead, point);
  }

  /** The probability that the truth is at most `value`. */
  probability(
    memory: Float64Array,
    ahead: number,
    point: number,
    size: number,
    value: number,
  ): number {
    return this.#shapes[ahead - 1].probability(memory, (value - point) / size);
  }

  /** Brings the tables up to date where it is time. Called once a step, after learning. */
  refresh(memory: Float64Array, step: number): void {
    if (step % this.#every !== 0) return;
    for (let ahead = 1; ahead <= this.#horizon; ahead++) {
      const row = this.#row(step, ahead);
      this.#shapes[ahead - 1].quantiles(memory, this.#levels, memory, row);
      this.#conformal[ahead - 1].correct(memory, memory, row);
    }
  }

  /** Writes the quantiles of a forecast from `offset` on. */
  distribution(
    memory: Float64Array,
    origin: number,
    ahead: number,
    point: number,
    size: number,
    quantiles: Float64Array,
    offset: number,
  ): void {
    const row = this.#row(origin, ahead);
    for (let j = 0; j < this.#levels.length; j++) {
      quantiles[offset + j] = point + size * memory[row + j];
    }
  }

  /** Learns from a truth that has arrived. */
  learn(
    memory: Float64Array,
    origin: number,
    ahead: number,
    point: number,
    size: number,
    value: number,
  ): void {
    const u = (value - point) / size;
    this.#conformal[ahead - 1].learn(memory, u, memory, this.#row(origin, ahead));
    this.#shapes[ahead - 1].observe(memory, u);
    this.#scale.learn(memory, origin, ahead, point, value - point, size);
  }

  /** Where the table starts that forecasts from `origin` used. */
  #row(origin: number, ahead: number): number {
    const epoch = Math.floor(origin / this.#every) % this.#epochs;
    return this.#tables + (epoch * this.#horizon + ahead - 1) * this.#levels.length;
  }
}
