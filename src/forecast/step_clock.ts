import type { SeriesLayout } from "./series_layout.ts";

/** Latest distances of which the median is taken. */
const DISTANCES = 9;
/** Where what it keeps lies in its range: the last time, the step, distances known, the next one's place. */
const LAST = 0;
const STEP_MS = 1;
const KNOWN = 2;
const NEXT = 3;
const RING = 4;

const sorted = new Float64Array(DISTANCES);

/** Learns the length of a step from the times of the frames: the median of the latest distances. */
export class StepClock {
  readonly #at: number;

  /** @param layout Where its numbers lie. */
  constructor(layout: SeriesLayout) {
    this.#at = layout.reserve(1, NaN);
    layout.reserve(RING + DISTANCES - 1);
  }

  /** The time of the last frame, epoch milliseconds; `NaN` before the first. */
  last(memory: Float64Array): number {
    return memory[this.#at + LAST];
  }

  /** The length of a step in milliseconds, 0 where unknown. */
  stepMs(memory: Float64Array): number {
    return memory[this.#at + STEP_MS];
  }

  /** Takes the time of a frame in. Times that stand still or go back tell nothing of the step. */
  observe(memory: Float64Array, time: number): void {
    const at = this.#at;
    const distance = time - memory[at + LAST];
    memory[at + LAST] = time;
    if (!(distance > 0)) return;
    const next = memory[at + NEXT];
    memory[at + NEXT] = next + 1 === DISTANCES ? 0 : next + 1;
    const known = memory[at + KNOWN];
    // Most feeds tick evenly: then nothing changes.
    if (known === DISTANCES && memory[at + RING + next] === distance) return;
    memory[at + RING + next] = distance;
    if (known < DISTANCES) memory[at + KNOWN]++;
    memory[at + STEP_MS] = median(memory, at + RING, memory[at + KNOWN]);
  }
}

/** The median of `count` numbers from `from` on; the upper one of two. */
function median(memory: Float64Array, from: number, count: number): number {
  for (let k = 0; k < count; k++) {
    const distance = memory[from + k];
    let at = k;
    for (; at > 0 && sorted[at - 1] > distance; at--) sorted[at] = sorted[at - 1];
    sorted[at] = distance;
  }
  return sorted[count >> 1];
}
