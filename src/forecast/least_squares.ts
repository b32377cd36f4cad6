import type { SeriesLayout } from "./series_layout.ts";

/** How a {@linkcode LeastSquares} starts and forgets. */
export interface LeastSquaresOptions {
  /** Weight of the past after one more sample, λ in (0, 1]. */
  readonly forgetting: number;
  /** The penalty on squared coefficients before the first sample, in units of squared features. */
  readonly ridge: number;
  /** Coefficients `[outputs, size]` before the first sample, as many as are not 0. */
  readonly start?: readonly number[];
}

/**
 * Linear regression of several outputs on one vector of features, learnt a sample at a time:
 *
 * `k = P x / (λ/w + xᵀ P x)`, `θ ← θ + k (y − θᵀ x)`, `P ← (P − k xᵀ P) / λ`
 *
 * (recursive least squares with exponential forgetting; Haykin, Adaptive Filter Theory, chapter 10).
 * `P` is kept as a packed lower triangle, so it is symmetric by construction. A feature's row and column
 * are grown by forgetting only up to the prior's diagonal: features that are silent for long then keep
 * the prior's information instead of winding up.
 */
export class LeastSquares {
  /** Features. */
  readonly size: number;
  /** Outputs that share the features. */
  readonly outputs: number;
  /** Where the coefficients `[outputs, size]` lie. */
  readonly coefficients: number;
  /** Where the lower triangle of P lies, row after row: `[size · (size + 1) / 2]`. */
  readonly #covariance: number;
  readonly #gain: Float64Array;
  readonly #forget: Float64Array;
  readonly #errors: Float64Array;
  readonly #forgetting: number;
  readonly #prior: number;

  /**
   * @param layout Where its numbers lie.
   * @param size Features.
   * @param outputs Outputs.
   * @param options Start and forgetting.
   */
  constructor(layout: SeriesLayout, size: number, outputs: number, options: LeastSquaresOptions) {
    const { forgetting, ridge, start = [] } = options;
    this.size = size;
    this.outputs = outputs;
    this.#prior = 1 / ridge;
    this.coefficients = layout.reserve(outputs * size, start);
    const triangle = new Float64Array(size * (size + 1) / 2);
    this.#setPrior(triangle, 0);
    this.#covariance = layout.reserve(triangle.length, triangle);
    this.#gain = new Float64Array(size);
    this.#forget = new Float64Array(size);
    this.#errors = new Float64Array(outputs);
    this.#forgetting = forgetting;
  }

  /** Forgets everything. */
  reset(memory: Float64Array): void {
    memory.fill(0, this.coefficients, this.#covariance);
    this.#setPrior(memory, this.#covariance);
  }

  /**
   * The value of one output.
   * @param memory The series.
   * @param x Features, from `offset` on.
   * @param output Which output.
   * @param offset Where in `x` the features start.
   * @returns θᵀ x.
   */
  predict(memory: Float64Array, x: Float64Array, output = 0, offset = 0): number {
    const { size } = this;
    const row = this.coefficients + output * size;
    let sum = 0;
    for (let j = 0; j < size; j++) sum += memory[row + j] * x[offset + j];
    return sum;
  }

  /**
   * Learns one sample. A missing target (`NaN`) leaves its output's coefficients as they are.
   * A sample that would make anything non-finite resets the regression instead.
   * @param memory The series.
   * @param x Features, from `offset` on.
   * @param targets One target an output.
   * @param weight The sample's weight w, above 0.
   * @param offset Where in `x` the features start.
   */
  update(
    memory: Float64Array,
    x: Float64Array,
    targets: Float64Array,
    weight = 1,
    offset = 0,
  ): void {
    const errors = this.#errors;
    for (let k = 0; k < this.outputs; k++) {
      errors[k] = targets[k] - this.predict(memory, x, k, offset);
    }
    this.correct(memory, x, errors, weight, offset);
  }

  /** Learns one sample, as `update` does, from the errors `y − θᵀ x` of all outputs. */
  correct(
    memory: Float64Array,
    x: Float64Array,
    errors: Float64Array,
    weight = 1,
    offset = 0,
  ): void {
    const { size, outputs, coefficients } = this;
    const gain = this.#gain;
    this.#multiply(memory, x, offset);
    let spread = 0;
    for (let j = 0; j < size; j++) spread += gain[j] * x[offset + j];
    const norm = 1 / (this.#forgetting / weight + spread);
    if (!(norm > 0) || norm === Infinity) {
      this.reset(memory);
      return;
    }
    for (let k = 0; k < outputs; k++) {
      const error = errors[k];
      if (Number.isNaN(error)) continue;
      const step = error * norm;
      const row = coefficients + k * size;
      for (let j = 0; j < size; j++) memory[row + j] += step * gain[j];
    }
    // Forgetting is `P ← D P D` with D = λ^(−½), less where a feature would pass its prior.
    const forget = this.#forget;
    const prior = this.#prior;
    const full = 1 / Math.sqrt(this.#forgetting);
    for (let i = 0, at = this.#covariance; i < size; i++, at += i + 1) {
      const left = memory[at] - gain[i] * gain[i] * norm;
      forget[i] = left * full * full <= prior ? full : Math.sqrt(prior / left);
    }
    this.#shrink(memory, norm);
  }

  /** `P x` into the gain, two rows of the triangle at a time: each stands for a column, too. */
  #multiply(p: Float64Array, x: Float64Array, offset: number): void {
    const { size } = this;
    const gain = this.#gain;
    let upper = this.#covariance;
    let i = 0;
    for (; i + 1 < size; i += 2) {
      const lower = upper + i + 1;
      const xUpper = x[offset + i];
      const xLower = x[offset + i + 1];
      let sumUpper = 0;
      let sumLower = 0;
      for (let j = 0; j < i; j++) {
        const pUpper = p[upper + j];
        const pLower = p[lower + j];
        const xj = x[offset + j];
        sumUpper += pUpper * xj;
        sumLower += pLower * xj;
        gain[j] = gain[j] + pUpper * xUpper + pLower * xLower;
      }
      const between = p[lower + i];
      gain[i] = sumUpper + p[upper + i] * xUpper + between * xLower;
      gain[i + 1] = sumLower + between * xUpper + p[lower + i + 1] * xLower;
      upper = lower + i + 2;
    }
    if (i === size) return;
    const xi = x[offset + i];
    let sum = 0;
    for (let j = 0; j < i; j++) {
      const pj = p[upper + j];
      sum += pj * x[offset + j];
      gain[j] += pj * xi;
    }
    gain[i] = sum + p[upper + i] * xi;
  }

  /** `P ← D (P − g gᵀ / norm⁻¹) D`, two rows at a time. */
  #shrink(p: Float64Array, norm: number): void {
    const { size } = this;
    const gain = this.#gain;
    const forget = this.#forget;
    let upper = this.#covariance;
    let i = 0;
    for (; i + 1 < size; i += 2) {
      const lower = upper + i + 1;
      const gainUpper = gain[i] * norm;
      const gainLower = gain[i + 1] * norm;
      const forgetUpper = forget[i];
      const forgetLower = forget[i + 1];
      for (let j = 0; j <= i; j++) {
        const gj = gain[j];
        const fj = forget[j];
        p[upper + j] = (p[upper + j] - gainUpper * gj) * forgetUpper * fj;
        p[lower + j] = (p[lower + j] - gainLower * gj) * forgetLower * fj;
      }
      const last = lower + i + 1;
      p[last] = (p[last] - gainLower * gain[i + 1]) * forgetLower * forgetLower;
      upper = last + 1;
    }
    if (i === size) return;
    const gi = gain[i] * norm;
    const fi = forget[i];
    for (let j = 0; j <= i; j++) p[upper + j] = (p[upper + j] - gi * gain[j]) * fi * forget[j];
  }

  /** Writes the prior's P from `at` on. */
  #setPrior(p: Float64Array, at: number): void {
    p.fill(0, at, at + this.size * (this.size + 1) / 2);
    for (let i = 0; i < this.size; i++, at += i + 1) p[at] = this.#prior;
  }
}
