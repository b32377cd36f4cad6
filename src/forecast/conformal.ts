import type { SeriesLayout } from "./series_layout.ts";

/** How fast a {@linkcode Conformal} moves, in typical errors. */
export interface ConformalRates {
  /** η of each level by itself: bias and skew. */
  readonly level: number;
  /** η of the width between a level and its mirror image. */
  readonly width: number;
}

/**
 * Online conformal correction of each quantile level at one horizon: quantile tracking (Angelopoulos,
 * Candès and Tibshirani 2023, "Conformal PID control for time series prediction", section 2.1).
 * `b ← b + η (τ − 1{y < q + b})`, in typical errors: where truths fall below the quantile of level τ too
 * seldom the quantile goes up, else down; and likewise for the share of truths outside a pair of levels
 * τ and 1 − τ, which widens or narrows the band as a whole. While errors stay bounded, the shares are as
 * wanted up to `O(1 / (η n))` on any stream, also after drift.
 *
 * A band may be quick, a level must not be: errors of h steps ahead overlap and stay on one side for as
 * long as a trend lasts, and levels that ran after them would be wrong when it ends.
 */
export class Conformal {
  readonly #levels: readonly number[];
  readonly #rates: ConformalRates;
  /** Where the shifts of the levels and what widens the bands lie. */
  readonly #shifts: number;
  readonly #widths: number;
  /** The index of each level's mirror image; its own where it has none. */
  readonly #mirror: readonly number[];

  /**
   * @param layout Where its numbers lie.
   * @param levels The levels wanted, ascending.
   * @param rates How fast it moves.
   */
  constructor(layout: SeriesLayout, levels: readonly number[], rates: ConformalRates) {
    this.#levels = levels;
    this.#rates = rates;
    this.#shifts = layout.reserve(levels.length);
    this.#widths = layout.reserve(levels.length);
    this.#mirror = levels.map((level, j) => {
      const mirror = levels.findIndex((other) => Math.abs(level + other - 1) < 1e-9);
      return mirror < 0 ? j : mirror;
    });
  }

  /** Shifts quantiles, from `offset` on, and keeps them in order. */
  correct(memory: Float64Array, quantiles: Float64Array, offset: number): void {
    const shifts = this.#shifts;
    const widths = this.#widths;
    let last = -Infinity;
    for (let j = 0; j < this.#levels.length; j++) {
      const corrected = quantiles[offset + j] + memory[shifts + j] + memory[widths + j];
      last = Math.max(last, corrected);
      quantiles[offset + j] = last;
    }
  }

  /**
   * Learns from a truth: below each quantile, as it was forecast, or not.
   * @param memory The series.
   * @param value The truth.
   * @param quantiles One corrected quantile a level, from `offset` on.
   * @param offset Where they start.
   */
  learn(memory: Float64Array, value: number, quantiles: Float64Array, offset: number): void {
    const { level: rate, width } = this.#rates;
    const shifts = this.#shifts;
    const widths = this.#widths;
    for (let j = 0; j < this.#levels.length; j++) {
      const level = this.#levels[j];
      const below = value < quantiles[offset + j] ? 1 : 0;
      memory[shifts + j] += rate * (level - below);
      const k = this.#mirror[j];
      if (k <= j) continue;
      const outside = below === 1 || value >= quantiles[offset + k] ? 1 : 0;
      const widening = width * (outside / 2 - level);
      memory[widths + j] -= widening;
      memory[widths + k] += widening;
    }
  }
}
