import type { SeriesLayout } from "./series_layout.ts";

/** A change counts as at most this many scales, so that one outlier cannot blow the scale up. */
const CLIP = 6;

/**
 * A running mean of absolute values, robust to outliers: `s ← s + α (min(|x|, 6 s) − s)`. It starts
 * as a plain mean, so that the first values count alike.
 */
export class RunningScale {
  readonly #rate: number;
  /** Where the scale lies, and behind it how many values were seen. */
  readonly #at: number;

  /**
   * @param layout Where its numbers lie.
   * @param rate The weight α of the newest value once warm, in (0, 1).
   */
  constructor(layout: SeriesLayout, rate: number) {
    this.#rate = rate;
    this.#at = layout.reserve(2);
  }

  /** The scale; 0 until something other than 0 was seen. */
  value(memory: Float64Array): number {
    return memory[this.#at];
  }

  /** Values seen. */
  count(memory: Float64Array): number {
    return memory[this.#at + 1];
  }

  /** Has what was seen so far count for no more than `count` values, so that the next ones soon decide. */
  discount(memory: Float64Array, count: number): void {
    memory[this.#at + 1] = Math.min(memory[this.#at + 1], count);
  }

  /** Takes one value in; `NaN` is passed over. */
  observe(memory: Float64Array, x: number): void {
    const size = Math.abs(x);
    if (Number.isNaN(size)) return;
    const at = this.#at;
    const value = memory[at];
    const rate = Math.max(this.#rate, 1 / ++memory[at + 1]);
    // A scale that is still 0 takes its first value whole.
    const clipped = value > 0 ? Math.min(size, CLIP * value / Math.sqrt(rate)) : size;
    memory[at] = value + rate * (clipped - value);
  }
}
