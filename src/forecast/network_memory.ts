import type { TrainingSequence } from "../learn/training_sequence.ts";
import { type CopySteps, LateCopy } from "./late_copy.ts";

/** Steps of a page: a memory has at most so many more than it needs, and is copied in stretches of so many. */
const PAGE_STEPS = 128;
/** Pages cut from one array: 256 kB of them at a horizon of 1. */
const BLOCK_PAGES = 16;
const NOWHERE = new Float32Array(0);

/**
 * Where the memories of many series lie: pages of a few steps, cut from larger arrays. A memory then grows
 * a page at a time, without copying what it has, and a step touches little besides its own numbers.
 */
export class NetworkPages {
  /** Inputs of a step. */
  readonly inputSize: number;
  /** Targets of a step. */
  readonly horizon: number;
  readonly #pageLength: number;
  readonly #blocks: Float32Array[] = [];
  #taken = 0;

  /**
   * @param inputSize Inputs of a step.
   * @param horizon Targets of a step.
   */
  constructor(inputSize: number, horizon: number) {
    this.inputSize = inputSize;
    this.horizon = horizon;
    this.#pageLength = PAGE_STEPS * (inputSize + horizon);
  }

  /** The number of a fresh page. */
  take(): number {
    if (this.#taken % BLOCK_PAGES === 0) {
      this.#blocks.push(new Float32Array(BLOCK_PAGES * this.#pageLength));
    }
    return this.#taken++;
  }

  /** The array that a page is part of. */
  block(page: number): Float32Array {
    return this.#blocks[Math.floor(page / BLOCK_PAGES)];
  }

  /** Where in it the page's inputs start `[steps, inputs]`; the targets follow `[steps, horizon]`. */
  start(page: number): number {
    return (page % BLOCK_PAGES) * this.#pageLength;
  }
}

/** Pieces of one array. */
type Pieces = [Float32Array, ...(Float32Array | LateCopy)[]];

/** What copies its steps for snapshots. */
interface Late {
  readonly inputs: LateCopy;
  readonly targets: LateCopy;
}

/**
 * The latest steps of one series as the network saw them, and the targets settled since: what it is
 * trained on, and what its state is recomputed from after a swap. At its limit the oldest step makes room
 * for the newest.
 */
export class NetworkMemory {
  /** Steps kept at most. */
  readonly limit: number;
  readonly #pages: NetworkPages;
  /** Its pages in the order of their places. */
  readonly #own: number[] = [];
  #pushed = 0;
  /** Which of them is that of the latest step, and where it lies. */
  #index = -1;
  #block: Float32Array = NOWHERE;
  #start = 0;
  #late: Late | undefined;

  /**
   * @param limit Steps kept at most.
   * @param pages Where they lie.
   */
  constructor(limit: number, pages: NetworkPages) {
    this.limit = limit;
    this.#pages = pages;
  }

  /** Steps kept. */
  get length(): number {
    return Math.min(this.#pushed, this.limit);
  }

  /** Steps ever taken in. */
  get pushed(): number {
    return this.#pushed;
  }

  /**
   * Takes a step in.
   *
   * @param x What the network sees, from `at` on `[inputs]`.
   * @param at Where in `x` it starts.
   * @param settled The targets that it settles: entry h − 1 is that of h steps before; NaN where none.
   */
  push(x: Float32Array, at: number, settled: Float32Array): void {
    const { inputSize, horizon } = this.#pages;
    for (let ahead = Math.min(horizon, this.length); ahead > 0; ahead--) {
      this.#settle(this.#pushed - ahead, ahead - 1, settled[ahead - 1]);
    }
    if (this.#late !== undefined) {
      this.#late.inputs.before(this.#pushed - this.limit);
      this.#late.targets.before(this.#pushed - this.limit);
    }
    const place = this.#place(this.#pushed++);
    const slot = place % PAGE_STEPS;
    if (slot === 0) this.#turnTo(place / PAGE_STEPS);
    const block = this.#block;
    const inputs = this.#start + slot * inputSize;
    for (let k = 0; k < inputSize; k++) block[inputs + k] = x[at + k];
    const targets = this.#start + PAGE_STEPS * inputSize + slot * horizon;
    for (let h = 0; h < horizon; h++) block[targets + h] = NaN;
  }

  /**
   * Copies what the network saw at one step.
   *
   * @param back How many steps before the latest one.
   * @param target Where it goes.
   * @param offset From where on.
   */
  readInputs(back: number, target: Float32Array, offset: number): void {
    const { inputSize } = this.#pages;
    const place = this.#place(this.#pushed - 1 - back);
    const page = this.#own[Math.floor(place / PAGE_STEPS)];
    const block = this.#pages.block(page);
    const from = this.#pages.start(page) + (place % PAGE_STEPS) * inputSize;
    for (let k = 0; k < inputSize; k++) target[offset + k] = block[from + k];
  }

  /**
   * A copy of some of the steps kept.
   *
   * @param from The first, counted from the oldest one kept.
   * @param to One after the last; no further than there are.
   * @returns Them, oldest first; the mask is 1 where a target is settled.
   */
  sequence(from: number = 0, to: number = this.length): TrainingSequence {
    const count = Math.max(0, Math.min(to, this.length) - from);
    const first = this.#pushed - this.length + from;
    const { inputSize, horizon } = this.#pages;
    const inputs = new Float32Array(count * inputSize);
    const targets = new Float32Array(count * horizon);
    this.#copyInputs(first, first + count, inputs, 0);
    this.#copyTargets(first, first + count, targets, 0);
    const mask = new Float32Array(targets.length);
    for (let k = 0; k < mask.length; k++) mask[k] = Number.isNaN(targets[k]) ? 0 : 1;
    return { inputs, targets, mask };
  }

  /**
   * The content in pieces, the oldest steps first: what may still change is good until the next push, the
   * rest is copied late.
   */
  snapshot(): { pushed: number; inputs: Pieces; targets: Pieces } {
    const { length, pushed } = this;
    const { inputSize, horizon } = this.#pages;
    const first = pushed - length;
    const settled = Math.max(first, pushed - horizon);
    this.#late ??= {
      inputs: new LateCopy(inputSize, this.#copyInputs),
      targets: new LateCopy(horizon, this.#copyTargets),
    };
    const inputs = this.#late.inputs.begin(first, pushed);
    const targets: Pieces = [NOWHERE, this.#late.targets.begin(first, settled)];
    this.#stretches(settled, pushed, (block, _, t, __, count) => {
      targets.push(block.subarray(t, t + count * horizon));
    });
    return { pushed, inputs: [NOWHERE, inputs], targets };
  }

  /**
   * Takes the content back.
   *
   * @throws {SyntaxError} when it does not fit.
   */
  restore(pushed: number, inputs: unknown, targets: unknown): void {
    const { inputSize, horizon } = this.#pages;
    const length = Math.min(pushed, this.limit);
    if (
      !(inputs instanceof Float32Array) || inputs.length !== length * inputSize ||
      !(targets instanceof Float32Array) || targets.length !== length * horizon
    ) {
      throw new SyntaxError("Cannot restore network: the memory of a series is damaged");
    }
    this.#pushed = pushed;
    while (this.#own.length * PAGE_STEPS < length) this.#own.push(this.#pages.take());
    this.#stretches(pushed - length, pushed, (block, i, t, done, count) => {
      block.set(inputs.subarray(done * inputSize, (done + count) * inputSize), i);
      block.set(targets.subarray(done * horizon, (done + count) * horizon), t);
    });
    if (length > 0) this.#turnTo(Math.floor(this.#place(pushed - 1) / PAGE_STEPS));
  }

  /** Copies what the network saw, in the order of time. */
  readonly #copyInputs: CopySteps = (from, to, target, at) => {
    const { inputSize } = this.#pages;
    this.#stretches(from, to, (block, i, _, done, count) => {
      target.set(block.subarray(i, i + count * inputSize), at + done * inputSize);
    });
  };

  /** Copies the targets settled since. */
  readonly #copyTargets: CopySteps = (from, to, target, at) => {
    const { horizon } = this.#pages;
    this.#stretches(from, to, (block, _, t, done, count) => {
      target.set(block.subarray(t, t + count * horizon), at + done * horizon);
    });
  };

  /**
   * Goes through steps a page at a time: the array, where in it their inputs and targets start, the
   * steps done before, and how many there are.
   */
  #stretches(
    from: number,
    to: number,
    each: (block: Float32Array, i: number, t: number, done: number, count: number) => void,
  ): void {
    const { inputSize, horizon } = this.#pages;
    for (let done = 0; done < to - from;) {
      const place = this.#place(from + done);
      const slot = place % PAGE_STEPS;
      const page = this.#own[Math.floor(place / PAGE_STEPS)];
      const start = this.#pages.start(page);
      const together = Math.min(to - from - done, PAGE_STEPS - slot, this.limit - place);
      const targets = start + PAGE_STEPS * inputSize + slot * horizon;
      each(this.#pages.block(page), start + slot * inputSize, targets, done, together);
      done += together;
    }
  }

  #place(step: number): number {
    return step % this.limit;
  }

  /** Goes to the page of the latest step, a fresh one where it is not there yet. */
  #turnTo(index: number): void {
    if (index === this.#own.length) this.#own.push(this.#pages.take());
    this.#index = index;
    this.#block = this.#pages.block(this.#own[index]);
    this.#start = this.#pages.start(this.#own[index]);
  }

  /** Sets a target of a step before the latest one, which nearly always lies on the same page. */
  #settle(step: number, h: number, target: number): void {
    const { inputSize, horizon } = this.#pages;
    const place = this.#place(step);
    const slot = place % PAGE_STEPS;
    const index = Math.floor(place / PAGE_STEPS);
    const isLatest = index === this.#index;
    const block = isLatest ? this.#block : this.#pages.block(this.#own[index]);
    const start = isLatest ? this.#start : this.#pages.start(this.#own[index]);
    block[start + PAGE_STEPS * inputSize + slot * horizon + h] = target;
  }
}
