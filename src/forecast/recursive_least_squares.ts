import type { Stateful, StateReader, StateWriter } from "./state_buffer.ts";

/** How a {@linkcode RecursiveLeastSquares} starts and forgets. */
export interface RecursiveLeastSquaresOptions {
  /** Weight of the past after one more sample, λ in (0, 1]. */
  readonly forgetting: number;
  /** The penalty on squared coefficients before the first sample, in units of squared features. */
  readonly ridge: number;
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
export class RecursiveLeastSquares implements Stateful {
  /** Features. */
  readonly size: number;
  /** Outputs that share the features. */
  readonly outputs: number;
  /** Coefficients `[outputs, size]`. */
  readonly coefficients: Float64Array;
  /** Lower triangle of P, row after row: `[size · (size + 1) / 2]`. */
  readonly #covariance: Float64Array;
  readonly #gain: Float64Array;
  readonly #forget: Float64Array;
  readonly #forgetting: number;
  readonly #prior: number;

  /**
   * @param size Features.
   * @param outputs Outputs.
   * @param options Forgetting and ridge.
   */
  constructor(size: number, outputs: number, options: RecursiveLeastSquaresOptions) {
    this.size = size;
    this.outputs = outputs;
    this.coefficients = new Float64Array(outputs * size);
    this.#covariance = new Float64Array(size * (size + 1) / 2);
    this.#gain = new Float64Array(size);
    this.#forget = new Float64Array(size);
    this.#forgetting = options.forgetting;
    this.#prior = 1 / options.ridge;
    this.reset();
  }

  /** Forgets everything. */
  reset(): void {
    this.coefficients.fill(0);
    this.#covariance.fill(0);
    for (let i = 0, at = 0; i < this.size; i++, at += i + 1) this.#covariance[at] = this.#prior;
  }

  /**
   * The value of one output.
   * @param x Features, from `offset` on.
   * @param output Which output.
   * @param offset Where in `x` the features start.
   * @returns θᵀ x.
   */
  predict(x: Float64Array, output = 0, offset = 0): number {
    const { size, coefficients } = this;
    const row = output * size;
    let sum = 0;
    for (let j = 0; j < size; j++) sum += coefficients[row + j] * x[offset + j];
    return sum;
  }

  /**
   * Learns one sample. A missing target (`NaN`) leaves its output's coefficients as they are.
   * A sample that would make anything non-finite resets the regression instead.
   * @param x Features, from `offset` on.
   * @param targets One target an output.
   * @param weight The sample's weight w, above 0.
   * @param offset Where in `x` the features start.
   */
  update(x: Float64Array, targets: Float64Array, weight = 1, offset = 0): void {
    const { size, outputs, coefficients } = this;
    const p = this.#covariance;
    const gain = this.#gain;
    this.#multiply(x, offset);
    let spread = 0;
    for (let j = 0; j < size; j++) spread += gain[j] * x[offset + j];
    const norm = 1 / (this.#forgetting / weight + spread);
    if (!(norm > 0) || norm === Infinity) {
      this.reset();
      return;
    }
    for (let k = 0; k < outputs; k++) {
      const error = targets[k] - this.predict(x, k, offset);
      if (Number.isNaN(error)) continue;
      const step = error * norm;
      for (let j = 0, at = k * size; j < size; j++, at++) coefficients[at] += step * gain[j];
    }
    // Forgetting is `P ← D P D` with D = λ^(−½), less where a feature would pass its prior.
    const forget = this.#forget;
    const prior = this.#prior;
    const full = 1 / Math.sqrt(this.#forgetting);
    for (let i = 0, at = 0; i < size; i++, at += i + 1) {
      const left = p[at] - gain[i] * gain[i] * norm;
      forget[i] = left * full * full <= prior ? full : Math.sqrt(prior / left);
    }
    this.#shrink(norm);
  }

  /** `P x` into the gain, two rows of the triangle at a time: each stands for a column, too. */
  #multiply(x: Float64Array, offset: number): void {
    const { size } = this;
    const p = this.#covariance;
    const gain = this.#gain;
    let upper = 0;
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
  #shrink(norm: number): void {
    const { size } = this;
    const p = this.#covariance;
    const gain = this.#gain;
    const forget = this.#forget;
    let upper = 0;
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

  /** Appends the state. */
  save(writer: StateWriter): void {
    writer.putAll(this.coefficients);
    writer.putAll(this.#covariance);
  }

  /** Takes the state back. */
  load(reader: StateReader): void {
    reader.takeAll(this.coefficients);
    reader.takeAll(this.#covariance);
  }
}
