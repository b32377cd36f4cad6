import { Conformal } from "./conformal.ts";
import { ErrorScale } from "./error_scale.ts";
import { ErrorShape } from "./error_shape.ts";
import type { Seasons } from "./seasonality.ts";
import type { Stateful, StateReader, StateWriter } from "./state_buffer.ts";

const SHAPE_MEMORY = 0.9995;
const CONFORMAL_RATE = 0.005;

/**
 * Turns points into predictive distributions: `q(τ) = m + s · Z(τ')`. The size `s` follows volatility,
 * season and level ({@linkcode ErrorScale}), the shape `Z` is that of the past standardised errors
 * ({@linkcode ErrorShape}), and the level `τ'` is corrected so that the share of truths below is τ
 * ({@linkcode Conformal}). Quantiles ascend by construction.
 */
export class Calibrator implements Stateful {
  readonly #scale: ErrorScale;
  readonly #shapes: ErrorShape[];
  readonly #conformal: Conformal[];
  readonly #asked: Float64Array;

  /**
   * @param horizon Steps ahead.
   * @param levels Quantile levels, ascending.
   * @param seasons The seasonal periods.
   */
  constructor(horizon: number, levels: readonly number[], seasons: Seasons) {
    this.#scale = new ErrorScale(horizon, seasons);
    this.#shapes = Array.from({ length: horizon }, () => new ErrorShape(SHAPE_MEMORY));
    this.#conformal = Array.from(
      { length: horizon },
      () => new Conformal(levels, CONFORMAL_RATE),
    );
    this.#asked = new Float64Array(levels.length);
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

  /** Writes the quantiles of a forecast from `offset` on; returns its mean. */
  distribution(
    ahead: number,
    point: number,
    size: number,
    quantiles: Float64Array,
    offset: number,
  ): number {
    const shape = this.#shapes[ahead - 1];
    this.#conformal[ahead - 1].levels(this.#asked);
    shape.quantiles(this.#asked, quantiles, offset);
    for (let j = 0; j < this.#asked.length; j++) {
      quantiles[offset + j] = point + size * quantiles[offset + j];
    }
    return point + size * shape.mean();
  }

  /** Learns from a truth that has arrived. */
  learn(origin: number, ahead: number, point: number, size: number, value: number): void {
    const shape = this.#shapes[ahead - 1];
    const conformal = this.#conformal[ahead - 1];
    const u = (value - point) / size;
    conformal.levels(this.#asked);
    conformal.learn(shape.probability(u), this.#asked);
    shape.observe(u);
    this.#scale.learn(origin, ahead, point, value - point, size);
  }

  /** Appends the state. */
  save(writer: StateWriter): void {
    this.#scale.save(writer);
    for (const shape of this.#shapes) shape.save(writer);
    for (const conformal of this.#conformal) conformal.save(writer);
  }

  /** Takes the state back. */
  load(reader: StateReader): void {
    this.#scale.load(reader);
    for (const shape of this.#shapes) shape.load(reader);
    for (const conformal of this.#conformal) conformal.load(reader);
  }
}
