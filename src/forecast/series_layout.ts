import type { History } from "./history.ts";

/** Numbers in a line of the processor's cache: memories start at one, as seen from their array. */
const LINE = 8;
/** Numbers that memories are cut from at once, at most, where one does not take more: 256 kB. */
const BLOCK_MAX = 32_768;

/** One series as its stations see it. */
export interface SeriesState {
  /** The numbers of all stations, laid out by a {@linkcode SeriesLayout}. */
  readonly memory: Float64Array;
  /** The values so far. */
  readonly history: History;
  /** The features beside it, step by step. */
  readonly covariates: readonly History[];
}

/**
 * Where stations keep their numbers. Those of a series lie side by side in one array, its memory, so that
 * a step touches few lines of the processor's cache, and saving it is one copy. A station reserves a
 * range when it is made, once for all series that are alike; it is then handed the memory of the
 * series at hand and holds nothing of it.
 */
export class SeriesLayout {
  readonly #ranges: { at: number; end: number; start: number | ArrayLike<number> }[] = [];
  /** What the next memories are cut from: then those of many series lie side by side, too. */
  #block = new Float64Array(0);
  #used = 0;

  /** Numbers reserved so far. */
  get size(): number {
    return this.#ranges.at(-1)?.end ?? 0;
  }

  /**
   * Reserves a range.
   * @param count Numbers.
   * @param start What they are at first: one number for all, or one each.
   * @returns Where the range begins.
   */
  reserve(count: number, start: number | ArrayLike<number> = 0): number {
    const at = this.size;
    this.#ranges.push({ at, end: at + count, start });
    return at;
  }

  /** The memory of a series before its first step. */
  makeMemory(): Float64Array {
    const length = LINE * Math.ceil(this.size / LINE);
    if (this.#used + length > this.#block.length) {
      // The first is for one series; each is twice the one before.
      this.#block = new Float64Array(Math.max(length, Math.min(2 * this.#block.length, BLOCK_MAX)));
      this.#used = 0;
    }
    const memory = this.#block.subarray(this.#used, this.#used + this.size);
    this.#used += length;
    for (const { at, end, start } of this.#ranges) {
      if (typeof start !== "number") memory.set(start, at);
      else if (start !== 0) memory.fill(start, at, end);
    }
    return memory;
  }
}
