import type { TrainingSequence } from "../learn/training_sequence.ts";

const CAPACITY_FIRST = 256;

/** Rows of a ring, without a copy; two pieces where they lie around its seam. */
type Pieces = [Float32Array, ...Float32Array[]];

/**
 * The latest steps of one series as the network saw them, and the targets settled since: what it is
 * trained on, and what its state is recomputed from after a swap. It starts small and doubles up to its
 * limit; after that the oldest step makes room for the newest.
 */
export class NetworkMemory {
  /** Steps kept at most. */
  readonly limit: number;
  readonly #inputSize: number;
  readonly #horizon: number;
  #capacity: number;
  #inputs: Float32Array;
  #targets: Float32Array;
  #pushed = 0;

  /**
   * @param limit Steps kept at most.
   * @param inputSize Inputs of a step.
   * @param horizon Targets of a step.
   */
  constructor(limit: number, inputSize: number, horizon: number) {
    this.limit = limit;
    this.#inputSize = inputSize;
    this.#horizon = horizon;
    this.#capacity = Math.min(limit, CAPACITY_FIRST);
    this.#inputs = new Float32Array(this.#capacity * inputSize);
    this.#targets = new Float32Array(this.#capacity * horizon);
  }

  /** Steps kept. */
  get length(): number {
    return Math.min(this.#pushed, this.#capacity);
  }

  /** Steps ever taken in. */
  get pushed(): number {
    return this.#pushed;
  }

  /**
   * Takes a step in.
   *
   * @param x What the network sees `[inputs]`.
   * @param settled The targets that it settles: entry h − 1 is that of h steps before; NaN where none.
   */
  push(x: Float32Array, settled: Float32Array): void {
    if (this.#pushed === this.#capacity && this.#capacity < this.limit) this.#grow();
    for (let ahead = 1; ahead <= Math.min(this.#horizon, this.length); ahead++) {
      this.#targets[this.#place(this.#pushed - ahead) * this.#horizon + ahead - 1] =
        settled[ahead - 1];
    }
    const place = this.#place(this.#pushed++);
    this.#inputs.set(x, place * this.#inputSize);
    this.#targets.fill(NaN, place * this.#horizon, (place + 1) * this.#horizon);
  }

  /**
   * Copies what the network saw at one step.
   *
   * @param back How many steps before the latest one.
   * @param target Where it goes.
   * @param offset From where on.
   */
  readInputs(back: number, target: Float32Array, offset: number): void {
    const at = this.#place(this.#pushed - 1 - back) * this.#inputSize;
    target.set(this.#inputs.subarray(at, at + this.#inputSize), offset);
  }

  /**
   * A copy of some of the steps kept.
   *
   * @param from The first, counted from the oldest one kept.
   * @param to One after the last.
   * @returns Them, oldest first; the mask is 1 where a target is settled.
   */
  sequence(from: number = 0, to: number = this.length): TrainingSequence {
    const count = Math.max(0, to - from);
    const first = this.#pushed - this.length + from;
    const inputs = this.#copy(this.#inputs, this.#inputSize, first, count);
    const targets = this.#copy(this.#targets, this.#horizon, first, count);
    const mask = new Float32Array(targets.length);
    for (let k = 0; k < mask.length; k++) mask[k] = Number.isNaN(targets[k]) ? 0 : 1;
    return { inputs, targets, mask };
  }

  /** The content, in pieces that make one array; they are good until the next push. */
  snapshot(): { pushed: number; inputs: Pieces; targets: Pieces } {
    const { length } = this;
    const first = this.#pushed - length;
    return {
      pushed: this.#pushed,
      inputs: this.#pieces(this.#inputs, this.#inputSize, first, length),
      targets: this.#pieces(this.#targets, this.#horizon, first, length),
    };
  }

  /**
   * Takes the content back.
   *
   * @throws {SyntaxError} when it does not fit.
   */
  restore(pushed: number, inputs: unknown, targets: unknown): void {
    let capacity = Math.min(this.limit, CAPACITY_FIRST);
    while (capacity < Math.min(pushed, this.limit)) capacity = Math.min(this.limit, 2 * capacity);
    const length = Math.min(pushed, capacity);
    if (
      !(inputs instanceof Float32Array) || inputs.length !== length * this.#inputSize ||
      !(targets instanceof Float32Array) || targets.length !== length * this.#horizon
    ) {
      throw new SyntaxError("Cannot restore network: the memory of a series is damaged");
    }
    this.#capacity = capacity;
    this.#inputs = new Float32Array(capacity * this.#inputSize);
    this.#targets = new Float32Array(capacity * this.#horizon);
    this.#pushed = pushed;
    for (let k = 0; k < length; k++) {
      const place = this.#place(pushed - length + k);
      const [i, h] = [this.#inputSize, this.#horizon];
      this.#inputs.set(inputs.subarray(k * i, (k + 1) * i), place * i);
      this.#targets.set(targets.subarray(k * h, (k + 1) * h), place * h);
    }
  }

  #copy(ring: Float32Array, width: number, first: number, count: number): Float32Array {
    const [piece, rest] = this.#pieces(ring, width, first, count);
    if (rest === undefined) return piece.slice();
    const rows = new Float32Array(count * width);
    rows.set(piece);
    rows.set(rest, piece.length);
    return rows;
  }

  /** Rows of a ring in the order of their steps: what stands before its seam comes last. */
  #pieces(ring: Float32Array, width: number, first: number, count: number): Pieces {
    const place = this.#place(first);
    const whole = Math.min(count, this.#capacity - place);
    const piece = ring.subarray(place * width, (place + whole) * width);
    return whole === count ? [piece] : [piece, ring.subarray(0, (count - whole) * width)];
  }

  #place(step: number): number {
    return step % this.#capacity;
  }

  /** Nothing was overwritten before it grows, so step k lies at place k. */
  #grow(): void {
    this.#capacity = Math.min(this.limit, 2 * this.#capacity);
    const inputs = new Float32Array(this.#capacity * this.#inputSize);
    const targets = new Float32Array(this.#capacity * this.#horizon);
    inputs.set(this.#inputs);
    targets.set(this.#targets);
    this.#inputs = inputs;
    this.#targets = targets;
  }
}
