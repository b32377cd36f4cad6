import type { SeriesLayout } from "./series_layout.ts";
import type { Stateful, StateReader, StateWriter } from "./state_buffer.ts";

/** A change counts as at most this many scales, so that one outlier cannot blow the scale up. */
const CLIP = 6;

/**
 * A running mean of absolute values, robust to outliers: `s ← s + α (min(|x|, 6 s) − s)`. It starts
 * as a plain mean, so that the first values count alike.
 */
export class RunningScale implements Stateful {
  readonly #rate: number;
  #value = 0;
  #count = 0;

  /** @param rate The weight α of the newest value once warm, in (0, 1). */
  constructor(rate: number) {
    this.#rate = rate;
  }

  /** Values seen. */
  get count(): number {
    return this.#count;
  }

  /** The scale; 0 until something other than 0 was seen. */
  get value(): number {
    return this.#value;
  }

  /** Takes one value in; `NaN` is passed over. */
  observe(x: number): void {
    const size = Math.abs(x);
    if (Number.isNaN(size)) return;
    this.#value = moved(this.#value, ++this.#count, this.#rate, size);
  }

  /** Appends the state. */
  save(writer: StateWriter): void {
    writer.put(this.#value, this.#count);
  }

  /** Takes the state back. */
  load(reader: StateReader): void {
    this.#value = reader.take();
    this.#count = reader.take();
  }
}

/** A {@linkcode RunningScale} whose two numbers lie in the memory of a series. */
export class PackedScale {
  readonly #rate: number;
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
    memory[at] = moved(memory[at], ++memory[at + 1], this.#rate, size);
  }
}

/** A scale after one more size, the `count`-th. */
function moved(value: number, count: number, rate: number, size: number): number {
  const weight = Math.max(rate, 1 / count);
  // A scale that is still 0 takes its first value whole.
  const clipped = value > 0 ? Math.min(size, CLIP * value / Math.sqrt(weight)) : size;
  return value + weight * (clipped - value);
}
