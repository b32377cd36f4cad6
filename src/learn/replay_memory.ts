import { Random } from "../model/random.ts";
import type { TrainingSequence } from "./training_sequence.ts";

/** A replay memory as plain data. */
export interface ReplaySnapshot {
  /** What is remembered. */
  readonly windows: readonly TrainingSequence[];
  /** How many were offered so far. */
  readonly offered: number;
  /** The state of its chance. */
  readonly random: Uint32Array;
}

/**
 * A fixed number of windows out of everything that was ever seen, each as likely to be among them as
 * any other (reservoir sampling, Vitter 1985): what a network trains on beside the recent past, so
 * that it does not forget what has not happened lately.
 *
 * @example It holds no more than its capacity
 * ```ts
 * import { ReplayMemory } from "@tickcast/tickcast";
 *
 * const memory = new ReplayMemory(3, 1);
 * const inputs = new Float32Array(4);
 * for (let k = 0; k < 10; k++) memory.offer(() => ({ inputs, targets: inputs, mask: inputs }));
 * if (memory.windows.length !== 3) throw new Error();
 * ```
 */
export class ReplayMemory {
  /** What is remembered. */
  readonly windows: TrainingSequence[] = [];
  readonly #capacity: number;
  readonly #random: Random;
  #offered = 0;

  /**
   * Starts empty.
   *
   * @param capacity Windows it holds at most.
   * @param seed Of its chance.
   */
  constructor(capacity: number, seed: number) {
    this.#capacity = capacity;
    this.#random = new Random(seed);
  }

  /**
   * Offers it a window, which it keeps or not.
   *
   * @param window Makes the window; asked only where it is kept, which of thousands few are.
   */
  offer(window: () => TrainingSequence): void {
    this.#offered++;
    if (this.windows.length < this.#capacity) {
      this.windows.push(window());
      return;
    }
    const place = this.#random.integer(this.#offered);
    if (place < this.#capacity) this.windows[place] = window();
  }

  /** Everything needed to go on. */
  snapshot(): ReplaySnapshot {
    const random = this.#random.snapshot();
    return { windows: [...this.windows], offered: this.#offered, random };
  }

  /**
   * Goes on from a snapshot.
   *
   * @param snapshot What `snapshot` returned.
   * @throws {RangeError} when it holds more than the capacity.
   */
  restore(snapshot: ReplaySnapshot): void {
    if (snapshot.windows.length > this.#capacity) {
      throw new RangeError(
        `The memory has room for ${this.#capacity} windows, not ${snapshot.windows.length}`,
      );
    }
    this.windows.splice(0, Infinity, ...snapshot.windows);
    this.#offered = snapshot.offered;
    this.#random.restore(snapshot.random);
  }
}
