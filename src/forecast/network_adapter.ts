import { LeastSquaresSlab } from "../../kernels/mod.ts";
import type { Stateful, StateReader, StateWriter } from "./state_buffer.ts";

/** Weight of the past after one more step, and the penalty on squared coefficients. */
const FORGETTING = 0.999;
const RIDGE = 30;
/** Weight of the past in how far the corrections are followed, after one more step. */
const TRUST_MEMORY = 0.995;
/** What is left unexplained counts as at most this many typical errors, so that one outlier cannot decide. */
const RESIDUAL_MAX = 4;

/**
 * Room for what adapters learn.
 *
 * @param horizon Steps ahead.
 * @param inputSize Inputs of the network.
 * @param limit Adapters at most.
 */
export function adapterRegressions(
  horizon: number,
  inputSize: number,
  limit: number,
): LeastSquaresSlab {
  const shape = { size: inputSize + 1, outputs: horizon, forgetting: FORGETTING, ridge: RIDGE };
  return new LeastSquaresSlab(shape, limit);
}

/**
 * The cheap adaptation of a network between retrainings: what its head leaves unexplained is regressed,
 * at every tick, on what entered the network, all horizons at once (recursive least squares). A sample
 * is learnt when the label of the last horizon has arrived. A correction is followed as far as those
 * before it were right: by the share `Σ a r / Σ a²` of corrections `a` and residuals `r`, in [0, 1].
 */
export class NetworkAdapter implements Stateful {
  readonly #horizon: number;
  readonly #size: number;
  readonly #regressions: LeastSquaresSlab;
  readonly #row: number;
  /** Features, what the head said, and the labels so far, of the latest origins. */
  readonly #features: Float64Array;
  readonly #residuals: Float64Array;
  readonly #corrections: Float64Array;
  /** Σ a r and Σ a² by horizon. */
  readonly #right: Float64Array;
  readonly #squares: Float64Array;
  readonly #y: Float64Array;

  /** @param regressions Where what it learns lies, see {@linkcode adapterRegressions}. */
  constructor(regressions: LeastSquaresSlab) {
    const { size, outputs: horizon } = regressions.shape;
    this.#horizon = horizon;
    this.#size = size;
    this.#regressions = regressions;
    this.#row = regressions.allocateRow();
    this.#features = new Float64Array((horizon + 1) * this.#size);
    this.#residuals = new Float64Array((horizon + 1) * horizon).fill(NaN);
    this.#corrections = new Float64Array((horizon + 1) * horizon);
    this.#right = new Float64Array(horizon);
    this.#squares = new Float64Array(horizon);
    this.#y = new Float64Array(horizon);
  }

  /** Takes the labels in that a step brings: entry h − 1 is that of h steps before. */
  settle(step: number, targets: Float32Array): void {
    const horizon = this.#horizon;
    for (let ahead = 1; ahead <= Math.min(horizon, step); ahead++) {
      const at = ((step - ahead) % (horizon + 1)) * horizon + ahead - 1;
      const residual = clip(this.#residuals[at] += targets[ahead - 1]);
      if (Number.isNaN(residual)) continue;
      const correction = this.#corrections[at];
      const h = ahead - 1;
      this.#right[h] = TRUST_MEMORY * this.#right[h] + correction * residual;
      this.#squares[h] = TRUST_MEMORY * this.#squares[h] + correction * correction;
    }
    if (step < horizon) return;
    const row = (step - horizon) % (horizon + 1);
    for (let h = 0; h < horizon; h++) this.#y[h] = clip(this.#residuals[row * horizon + h]);
    this.#regressions.update(this.#row, this.#features, row * this.#size, this.#y);
  }

  /**
   * Adds what is expected of the residuals to what the head says at a step `[horizon]`.
   *
   * @param step The step.
   * @param x What entered the network, from `at` on.
   * @param at Where in `x` it starts.
   * @param said What the head says.
   */
  adapt(step: number, x: Float32Array, at: number, said: Float64Array): void {
    const horizon = this.#horizon;
    const row = step % (horizon + 1);
    const features = this.#features;
    const z = row * this.#size;
    features[z] = 1;
    for (let k = 1; k < this.#size; k++) features[z + k] = x[at + k - 1];
    for (let h = 0; h < horizon; h++) {
      const correction = clip(this.#regressions.predict(this.#row, features, z, h));
      this.#residuals[row * horizon + h] = -said[h];
      this.#corrections[row * horizon + h] = correction;
      const trust = this.#squares[h] > 0 ? this.#right[h] / this.#squares[h] : 0;
      said[h] += Math.max(0, Math.min(1, trust)) * correction;
    }
  }

  /**
   * How far the constant 1 and then each input moved the latest correction; linear, so exact.
   *
   * @param step The latest step.
   * @param ahead Steps ahead.
   */
  explain(step: number, ahead: number): Float64Array {
    const h = ahead - 1;
    const start = (step % (this.#horizon + 1)) * this.#size;
    const plain = this.#regressions.predict(this.#row, this.#features, start, h);
    const trust = this.#squares[h] > 0 ? this.#right[h] / this.#squares[h] : 0;
    const share = Math.max(0, Math.min(1, trust)) * (plain === 0 ? 0 : clip(plain) / plain);
    return this.#features.slice(start, start + this.#size).map((value, j) =>
      share * this.#regressions.coefficient(this.#row, h, j) * value
    );
  }

  /** Appends the state. */
  save(writer: StateWriter): void {
    writer.putAll(this.#regressions.read(this.#row));
    writer.putAll(this.#features);
    for (const array of this.#arrays()) writer.putAll(array);
  }

  /** Takes the state back. */
  load(reader: StateReader): void {
    const learnt = new Float64Array(this.#regressions.length);
    reader.takeAll(learnt);
    this.#regressions.write(this.#row, learnt);
    reader.takeAll(this.#features);
    for (const array of this.#arrays()) reader.takeAll(array);
  }

  #arrays(): Float64Array[] {
    return [this.#residuals, this.#corrections, this.#right, this.#squares];
  }
}

function clip(value: number): number {
  return Math.max(-RESIDUAL_MAX, Math.min(RESIDUAL_MAX, value));
}
