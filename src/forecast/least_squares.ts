import { multiply, scaleRow, subtractSquare, triangleLength } from "./packed_triangle.ts";
import type { SeriesLayout } from "./series_layout.ts";

/** Growing units are brought back to 1 beyond this, long before anything loses precision. */
const UNIT_MAX = 2 ** 10;

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
 * `P` is kept as `D Q D`: a packed lower triangle, symmetric by construction, and a unit for each feature,
 * so that forgetting moves the few units alone. They grow only as long as the diagonal of P stays below
 * the prior's: features that are silent for long then keep the prior's information instead of winding up.
 */
export class LeastSquares {
  /** Features. */
  readonly size: number;
  /** Outputs that share the features. */
  readonly outputs: number;
  /** Where the coefficients `[outputs, size]` lie. */
  readonly coefficients: number;
  /** Where the units lie, and behind them the triangle. */
  readonly #units: number;
  readonly #triangle: number;
  /** The sample at hand in units, `D x`, and `Q D x`. */
  readonly #x: Float64Array;
  readonly #gain: Float64Array;
  readonly #errors: Float64Array;
  readonly #forgetting: number;
  readonly #growth: number;
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
    this.#growth = 1 / Math.sqrt(forgetting);
    this.#prior = 1 / ridge;
    this.#x = new Float64Array(size);
    this.#gain = new Float64Array(size);
    this.#errors = new Float64Array(outputs);
    this.coefficients = layout.reserve(outputs * size, start);
    this.#units = layout.reserve(size, 1);
    const triangle = new Float64Array(triangleLength(size));
    this.#setPrior(triangle, 0);
    this.#triangle = layout.reserve(triangle.length, triangle);
  }

  /** Forgets everything. */
  reset(memory: Float64Array): void {
    memory.fill(0, this.coefficients, this.#units);
    memory.fill(1, this.#units, this.#triangle);
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
    const units = this.#units;
    const scaled = this.#x;
    const gain = this.#gain;
    for (let j = 0; j < size; j++) scaled[j] = memory[units + j] * x[j];
    multiply(memory, this.#triangle, scaled, gain);
    let spread = 0;
    for (let j = 0; j < size; j++) spread += gain[j] * scaled[j];
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
      for (let j = 0; j < size; j++) memory[row + j] += step * memory[units + j] * gain[j];
    }
    subtractSquare(memory, this.#triangle, gain, norm);
    this.#forget(memory);
  }

  /** Lets the units grow by `λ^(−½)`, or as far as they may. */
  #forget(memory: Float64Array): void {
    const { size } = this;
    const units = this.#units;
    const triangle = this.#triangle;
    const prior = this.#prior;
    const growth = this.#growth;
    for (let i = 0, at = triangle; i < size; i++, at += i + 1) {
      let unit = growth * memory[units + i];
      if (unit * unit * memory[at] > prior) unit = Math.sqrt(prior / memory[at]);
      if (unit > UNIT_MAX) {
        scaleRow(memory, triangle, size, i, unit);
        unit = 1;
      }
      memory[units + i] = unit;
    }
  }

  /** Writes the prior's P from `at` on. */
  #setPrior(p: Float64Array, at: number): void {
    p.fill(0, at, at + triangleLength(this.size));
    for (let i = 0; i < this.size; i++, at += i + 1) p[at] = this.#prior;
  }
}
