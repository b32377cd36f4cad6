import { multiply, scaleRow, subtractSquare, triangleLength } from "./packed_triangle.ts";
import type { SeriesLayout } from "./series_layout.ts";

/** Growing weights are brought back to 1 beyond this, long before they lose precision. */
const RESCALE_AT = 2 ** 20;

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
 * `P` is kept as a packed lower triangle, so it is symmetric by construction, and a factor `c` before it,
 * which alone grows by forgetting. A feature's row and column grow only up to the prior's diagonal:
 * features that are silent for long then keep the prior's information instead of winding up.
 */
export class LeastSquares {
  /** Features. */
  readonly size: number;
  /** Outputs that share the features. */
  readonly outputs: number;
  /** Where the coefficients `[outputs, size]` lie. */
  readonly coefficients: number;
  /** Where the factor c lies, and behind it the triangle of P / c. */
  readonly #factor: number;
  readonly #triangle: number;
  readonly #gain: Float64Array;
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
    this.#forgetting = forgetting;
    this.#prior = 1 / ridge;
    this.#gain = new Float64Array(size);
    this.#errors = new Float64Array(outputs);
    this.coefficients = layout.reserve(outputs * size, start);
    this.#factor = layout.reserve(1, 1);
    const triangle = new Float64Array(triangleLength(size));
    this.#setPrior(triangle, 0);
    this.#triangle = layout.reserve(triangle.length, triangle);
  }

  /** Forgets everything. */
  reset(memory: Float64Array): void {
    memory.fill(0, this.coefficients, this.#factor);
    memory[this.#factor] = 1;
    this.#setPrior(memory, this.#triangle);
  }

  /**
   * The value of one output.
   * @param memory The series.
   * @param x Features.
   * @param output Which output.
   * @returns θᵀ x.
   */
  predict(memory: Float64Array, x: Float64Array, output = 0): number {
    const { size } = this;
    const row = this.coefficients + output * size;
    let sum = 0;
    for (let j = 0; j < size; j++) sum += memory[row + j] * x[j];
    return sum;
  }

  /**
   * Learns one sample. A missing target (`NaN`) leaves its output's coefficients as they are.
   * A sample that would make anything non-finite resets the regression instead.
   * @param memory The series.
   * @param x Features.
   * @param targets One target an output.
   * @param weight The sample's weight w, above 0.
   */
  update(
    memory: Float64Array,
    x: Float64Array,
    targets: Float64Array,
    weight = 1,
  ): void {
    const errors = this.#errors;
    for (let k = 0; k < this.outputs; k++) {
      errors[k] = targets[k] - this.predict(memory, x, k);
    }
    this.correct(memory, x, errors, weight);
  }

  /** Learns one sample, as `update` does, from the errors `y − θᵀ x` of all outputs. */
  correct(
    memory: Float64Array,
    x: Float64Array,
    errors: Float64Array,
    weight = 1,
  ): void {
    const { size, outputs, coefficients } = this;
    const gain = this.#gain;
    multiply(memory, this.#triangle, x, gain);
    let spread = 0;
    for (let j = 0; j < size; j++) spread += gain[j] * x[j];
    const factor = memory[this.#factor];
    const norm = factor / (this.#forgetting / weight + factor * spread);
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
    subtractSquare(memory, this.#triangle, gain, norm);
    this.#forget(memory, factor / this.#forgetting);
  }

  /** Lets P grow to a factor, as far as it may. */
  #forget(memory: Float64Array, factor: number): void {
    const { size } = this;
    const triangle = this.#triangle;
    const most = this.#prior / factor;
    memory[this.#factor] = factor;
    for (let i = 0, at = triangle; i < size; i++, at += i + 1) {
      if (memory[at] > most) scaleRow(memory, triangle, size, i, Math.sqrt(most / memory[at]));
    }
    if (factor < RESCALE_AT) return;
    const end = triangle + triangleLength(size);
    for (let at = triangle; at < end; at++) memory[at] *= factor;
    memory[this.#factor] = 1;
  }

  /** Writes the prior's P from `at` on. */
  #setPrior(p: Float64Array, at: number): void {
    p.fill(0, at, at + triangleLength(this.size));
    for (let i = 0; i < this.size; i++, at += i + 1) p[at] = this.#prior;
  }
}
