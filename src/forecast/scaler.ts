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

  /** Has what was seen so far count for no more than `count` values, so that the next ones soon decide. */
  discount(count: number): void {
    this.#count = Math.min(this.#count, count);
  }

  /** Takes one value in; `NaN` is passed over. */
  observe(x: number): void {
    const size = Math.abs(x);
    if (Number.isNaN(size)) return;
    this.#count++;
    const rate = Math.max(this.#rate, 1 / this.#count);
    // A scale that is still 0 takes its first value whole.
    const clipped = this.#value > 0 ? Math.min(size, CLIP * this.#value / Math.sqrt(rate)) : size;
    this.#value += rate * (clipped - this.#value);
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
