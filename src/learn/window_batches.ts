import type { Random } from "../model/random.ts";
import { sequenceLength, type TrainingSequence } from "./training_sequence.ts";

/** How sequences are cut into windows. */
export interface WindowOptions {
  /** Steps of a window: how far back gradients flow. */
  readonly window: number;
  /** First steps of a window that only warm the state up and do not count. */
  readonly burnIn: number;
  /** Windows side by side. */
  readonly batch: number;
}

/**
 * Cuts sequences into windows, so that each step counts once in each round, and lays them side by side
 * as batches. A window that begins where its sequence does counts from its first step, as a fresh state
 * does in the stream. Nothing is allocated from batch to batch.
 */
export class WindowBatches {
  /** Features of the batch `[window, batch, inputs]`. */
  readonly x: Float32Array;
  /** Targets `[window, batch, horizon]`. */
  readonly targets: Float32Array;
  /** Mask `[window, batch, horizon]`. */
  readonly mask: Float32Array;
  /** Targets that count in the batch. */
  counted = 0;
  readonly #sequences: readonly TrainingSequence[];
  readonly #lengths: readonly number[];
  readonly #options: WindowOptions;
  readonly #inputSize: number;
  readonly #horizon: number;
  readonly #sequenceOf: Uint32Array;
  readonly #startOf: Int32Array;
  readonly #countsFrom: Uint32Array;
  readonly #order: Uint32Array;
  #windows = 0;
  #next = 0;

  /** Takes the memory of one batch. */
  constructor(
    sequences: readonly TrainingSequence[],
    inputSize: number,
    horizon: number,
    options: WindowOptions,
  ) {
    const { window, burnIn, batch } = options;
    this.#sequences = sequences;
    this.#lengths = sequences.map((each) => sequenceLength(each, inputSize, horizon));
    this.#options = options;
    this.#inputSize = inputSize;
    this.#horizon = horizon;
    this.x = new Float32Array(window * batch * inputSize);
    this.targets = new Float32Array(window * batch * horizon);
    this.mask = new Float32Array(window * batch * horizon);
    const stride = window - burnIn;
    // A round with a random phase may need one window more than one without.
    const most = this.#lengths.reduce((sum, each) => sum + Math.ceil(each / stride) + 2, 0);
    this.#sequenceOf = new Uint32Array(most);
    this.#startOf = new Int32Array(most);
    this.#countsFrom = new Uint32Array(most);
    this.#order = new Uint32Array(most);
  }

  /** Batches of a round at most. */
  get batches(): number {
    return Math.ceil(this.#windows / this.#options.batch);
  }

  /** Begins a round: at a random phase and in random order, or without chance from the start on. */
  begin(random?: Random): void {
    const { window, burnIn } = this.#options;
    const stride = window - burnIn;
    this.#windows = 0;
    this.#next = 0;
    this.#lengths.forEach((length, sequence) => {
      // The first window counts from the sequence's start; later ones after their burn-in.
      const first = random ? random.integer(Math.min(stride, length)) + 1 : window;
      this.#add(sequence, first - window, 0);
      for (let counted = first; counted < length; counted += stride) {
        this.#add(sequence, counted - burnIn, counted);
      }
    });
    for (let k = 0; k < this.#windows; k++) this.#order[k] = k;
    random?.shuffle(this.#order, this.#windows);
  }

  /** Lays the next batch out. @returns whether there was one. */
  next(): boolean {
    if (this.#next >= this.#windows) return false;
    this.x.fill(0);
    this.mask.fill(0);
    this.counted = 0;
    const { batch } = this.#options;
    for (let b = 0; b < batch && this.#next < this.#windows; b++, this.#next++) {
      this.#lay(this.#order[this.#next], b);
    }
    return true;
  }

  #add(sequence: number, start: number, countsFrom: number): void {
    this.#sequenceOf[this.#windows] = sequence;
    this.#startOf[this.#windows] = start;
    this.#countsFrom[this.#windows++] = countsFrom;
  }

  #lay(chosen: number, b: number): void {
    const { window, batch } = this.#options;
    const [inputSize, horizon] = [this.#inputSize, this.#horizon];
    const index = this.#sequenceOf[chosen];
    const { inputs, targets, mask } = this.#sequences[index];
    const length = this.#lengths[index];
    // A window that would begin before its sequence is moved up to it, and ends where it would have.
    const end = Math.min(length, this.#startOf[chosen] + window);
    const start = Math.max(0, this.#startOf[chosen]);
    for (let t = 0; start + t < end; t++) {
      const row = t * batch + b;
      const step = start + t;
      for (let k = 0; k < inputSize; k++) {
        this.x[row * inputSize + k] = inputs[step * inputSize + k];
      }
      if (step < this.#countsFrom[chosen]) continue;
      for (let k = 0; k < horizon; k++) {
        const at = step * horizon + k;
        this.targets[row * horizon + k] = targets[at];
        this.mask[row * horizon + k] = mask[at];
        if (mask[at] !== 0) this.counted++;
      }
    }
  }
}
