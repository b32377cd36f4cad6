import type { Stateful, StateReader, StateWriter } from "./state_buffer.ts";

/**
 * Online conformal correction of each quantile level at one horizon: quantile tracking (Angelopoulos,
 * Candès and Tibshirani 2023, "Conformal PID control for time series prediction", section 2.1).
 * `b ← b + η (τ − 1{y < q + b})`, in typical errors: where truths fall below the quantile of level τ too
 * seldom the quantile goes up, else down. While errors stay bounded, the share below is τ up to
 * `O(1 / (η n))` on any stream, also after drift.
 */
export class Conformal implements Stateful {
  readonly #levels: readonly number[];
  readonly #rate: number;
  readonly #shifts: Float64Array;

  /**
   * @param levels The levels wanted, ascending.
   * @param rate η.
   */
  constructor(levels: readonly number[], rate: number) {
    this.#levels = levels;
    this.#rate = rate;
    this.#shifts = new Float64Array(levels.length);
  }

  /** Shifts quantiles, from `offset` on, and keeps them in order. */
  correct(quantiles: Float64Array, offset: number): void {
    let last = -Infinity;
    for (let j = 0; j < this.#levels.length; j++) {
      last = Math.max(last, quantiles[offset + j] + this.#shifts[j]);
      quantiles[offset + j] = last;
    }
  }

  /**
   * Learns from a truth: below each quantile, as it was forecast, or not.
   * @param value The truth.
   * @param quantiles One corrected quantile a level, from `offset` on.
   * @param offset Where they start.
   */
  learn(value: number, quantiles: Float64Array, offset: number): void {
    for (let j = 0; j < this.#levels.length; j++) {
      const below = value < quantiles[offset + j] ? 1 : 0;
      this.#shifts[j] += this.#rate * (this.#levels[j] - below);
    }
  }

  /** Appends the state. */
  save(writer: StateWriter): void {
    writer.putAll(this.#shifts);
  }

  /** Takes the state back. */
  load(reader: StateReader): void {
    reader.takeAll(this.#shifts);
  }
}
