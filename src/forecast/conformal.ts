import type { Stateful, StateReader, StateWriter } from "./state_buffer.ts";

/** How far a level may be moved towards 0 or 1, as a share of the way. */
const REACH = 0.9;

/**
 * Adaptive conformal inference (Gibbs and Candès 2021) for each quantile level at one horizon: where
 * truths fall below the quantile of level τ too seldom or too often, the level asked of the error shape
 * is moved, `α ← α + γ (τ − 1{y < q})`, so that in the long run the share below is τ on any stream.
 */
export class Conformal implements Stateful {
  readonly #levels: readonly number[];
  readonly #rate: number;
  readonly #shifts: Float64Array;

  /**
   * @param levels The levels wanted, ascending.
   * @param rate γ.
   */
  constructor(levels: readonly number[], rate: number) {
    this.#levels = levels;
    this.#rate = rate;
    this.#shifts = new Float64Array(levels.length);
  }

  /** Writes the levels to ask for, ascending. */
  levels(out: Float64Array): void {
    let last = 0;
    for (let j = 0; j < out.length; j++) {
      const level = this.#levels[j];
      const lowest = level * (1 - REACH);
      const highest = level + (1 - level) * REACH;
      const moved = Math.max(lowest, Math.min(highest, level + this.#shifts[j]));
      last = Math.max(last, moved);
      out[j] = last;
    }
  }

  /** Learns from the probability that the error shape gave to what came: below each level or not. */
  learn(probability: number, asked: Float64Array): void {
    for (let j = 0; j < asked.length; j++) {
      const level = this.#levels[j];
      const below = probability < asked[j] ? 1 : 0;
      const shift = this.#shifts[j] + this.#rate * (level - below);
      this.#shifts[j] = Math.max(-level, Math.min(1 - level, shift));
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
