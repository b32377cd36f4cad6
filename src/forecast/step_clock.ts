import type { Stateful, StateReader, StateWriter } from "./state_buffer.ts";

/** Latest distances of which the median is taken. */
const DISTANCES = 9;

/** Learns the length of a step from the times of the frames: the median of the latest distances. */
export class StepClock implements Stateful {
  readonly #distances = new Float64Array(DISTANCES);
  readonly #sorted = new Float64Array(DISTANCES);
  #count = 0;
  #last = NaN;

  /** The time of the last frame, epoch milliseconds; `NaN` before the first. */
  get last(): number {
    return this.#last;
  }

  /** The length of a step in milliseconds, 0 where unknown. */
  get stepMs(): number {
    const known = Math.min(this.#count, DISTANCES);
    if (known === 0) return 0;
    const sorted = this.#sorted.subarray(0, known);
    sorted.set(this.#distances.subarray(0, known));
    sorted.sort();
    return sorted[known >> 1];
  }

  /** Takes the time of a frame in. Times that stand still or go back tell nothing of the step. */
  observe(time: number): void {
    const distance = time - this.#last;
    if (distance > 0) this.#distances[this.#count++ % DISTANCES] = distance;
    this.#last = time;
  }

  /** Appends the state. */
  save(writer: StateWriter): void {
    writer.put(this.#count, this.#last);
    writer.putAll(this.#distances);
  }

  /** Takes the state back. */
  load(reader: StateReader): void {
    this.#count = reader.take();
    this.#last = reader.take();
    reader.takeAll(this.#distances);
  }
}
