import { Conformal } from "./conformal.ts";
import { ErrorScale } from "./error_scale.ts";
import { ErrorShape } from "./error_shape.ts";
import type { Seasons } from "./seasonality.ts";
import type { Stateful, StateReader, StateWriter } from "./state_buffer.ts";

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
export class Calibrator implements Stateful {
  readonly #scale: ErrorScale;
  readonly #shapes: ErrorShape[];
  readonly #conformal: Conformal[];
  readonly #levels: readonly number[];
  readonly #horizon: number;
  readonly #every: number;
  /**
   * Standardised quantiles as forecasts used them, `[epochs, horizon, levels]`: a forecast
   * is judged by what it said, not by what its shape has become since.
   */
  readonly #tables: Float64Array;
  readonly #epochs: number;

  /**
   * @param horizon Steps ahead.
   * @param levels Quantile levels, ascending.
   * @param seasons The seasonal periods.
   */
  constructor(horizon: number, levels: readonly number[], seasons: Seasons) {
    this.#horizon = horizon;
    this.#scale = new ErrorScale(horizon, seasons);
    this.#shapes = Array.from({ length: horizon }, (_, h) => {
      return new ErrorShape(
        1 - 1 / (SHAPE_STEPS + SHAPE_STEPS_PER_AHEAD * h),
        SHAPE_PRIOR * (h + 1),
      );
    });
    this.#conformal = Array.from(
      { length: horizon },
      (_, h) =>
        new Conformal(levels, {
          level: CONFORMAL_RATE / (h + 1),
          width: CONFORMAL_WIDTH_RATE,
        }),
    );
    this.#levels = levels;
    this.#every = Math.ceil(horizon / REFRESHES);
    this.#epochs = Math.ceil(horizon / this.#every) + 1;
    this.#tables = new Float64Array(this.#epochs * horizon * levels.length);
  }

  /** Goes on with other seasons. */
  setSeasons(seasons: Seasons): void {
    this.#scale.setSeasons(seasons);
  }

  /** Takes in the latest value and the error of the point that was forecast one step before it. */
  observe(step: number, value: number, error: number): void {
    this.#scale.observe(step, value, error);
  }

  /** The expected absolute error of a point. */
  size(origin: number, ahead: number, point: number): number {
    return this.#scale.expected(origin, ahead, point);
  }

  /** The probability that the truth is at most `value`. */
  probability(ahead: number, point: number, size: number, value: number): number {
    return this.#shapes[ahead - 1].probability((value - point) / size);
  }

  /** Brings the tables up to date where it is time. Called once a step, after learning. */
  refresh(step: number): void {
    if (step % this.#every !== 0) return;
    for (let ahead = 1; ahead <= this.#horizon; ahead++) {
      const row = this.#row(step, ahead);
      this.#shapes[ahead - 1].quantiles(this.#levels, this.#tables, row);
      this.#conformal[ahead - 1].correct(this.#tables, row);
    }
  }

  /** Writes the quantiles of a forecast from `offset` on. */
  distribution(
    origin: number,
    ahead: number,
    point: number,
    size: number,
    quantiles: Float64Array,
    offset: number,
  ): void {
    const row = this.#row(origin, ahead);
    for (let j = 0; j < this.#levels.length; j++) {
      quantiles[offset + j] = point + size * this.#tables[row + j];
    }
  }

  /** Learns from a truth that has arrived. */
  learn(origin: number, ahead: number, point: number, size: number, value: number): void {
    const u = (value - point) / size;
    this.#conformal[ahead - 1].learn(u, this.#tables, this.#row(origin, ahead));
    this.#shapes[ahead - 1].observe(u);
    this.#scale.learn(origin, ahead, point, value - point, size);
  }

  /** Appends the state. */
  save(writer: StateWriter): void {
    this.#scale.save(writer);
    for (const shape of this.#shapes) shape.save(writer);
    for (const conformal of this.#conformal) conformal.save(writer);
    writer.putAll(this.#tables);
  }

  /** Takes the state back. */
  load(reader: StateReader): void {
    this.#scale.load(reader);
    for (const shape of this.#shapes) shape.load(reader);
    for (const conformal of this.#conformal) conformal.load(reader);
    reader.takeAll(this.#tables);
  }

  /** Where the table starts that forecasts from `origin` used. */
  #row(origin: number, ahead: number): number {
    const epoch = Math.floor(origin / this.#every) % this.#epochs;
    return (epoch * this.#horizon + ahead - 1) * this.#levels.length;
  }
}
