import type { Stateful, StateReader, StateWriter } from "./state_buffer.ts";

/** Latest distances of which the median is taken. */
const DISTANCES = 9;

/** Learns the length of a step from the times of the frames: the median of the latest distances. */
export class StepClock implements Stateful {
  readonly #distances = new Float64Array(DISTANCES);
  readonly #sorted = new Float64Array(DISTANCES);
  #count = 0;
  #last = NaN;
  #stepMs = 0;

  /** The time of the last frame, epoch milliseconds; `NaN` before the first. */
  get last(): number {
    return this.#last;
  }

  /** The length of a step in milliseconds, 0 where unknown. */
  get stepMs(): number {
    return this.#stepMs;
  }

  /** Takes the time of a frame in. Times that stand still or go back tell nothing of the step. */
  observe(time: number): void {
    const distance = time - this.#last;
    this.#last = time;
    if (!(distance > 0)) return;
    const at = this.#count++ % DISTANCES;
    // Most feeds tick evenly: then nothing changes.
    if (this.#count > DISTANCES && this.#distances[at] === distance) return;
    this.#distances[at] = distance;
    this.#stepMs = this.#median();
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
    this.#stepMs = this.#median();
  }

  #median(): number {
    const known = Math.min(this.#count, DISTANCES);
    const sorted = this.#sorted;
    for (let k = 0; k < known; k++) {
      const distance = this.#distances[k];
      let at = k;
      for (; at > 0 && sorted[at - 1] > distance; at--) sorted[at] = sorted[at - 1];
      sorted[at] = distance;
    }
    return known === 0 ? 0 : sorted[known >> 1];
  }
}
