/** The size of a {@linkcode RingBuffer}. */
export interface RingBufferOptions {
  /** How many frames are kept. */
  readonly capacity: number;
  /** How many values a frame has. */
  readonly features: number;
}

/** The exact content of a {@linkcode RingBuffer}, oldest frame first. */
export interface RingSnapshot {
  /** How many frames the buffer can hold. */
  readonly capacity: number;
  /** How many values a frame has. */
  readonly features: number;
  /** How many frames were ever pushed. */
  readonly pushed: number;
  /** The times of the frames held, epoch milliseconds `[length]`. */
  readonly times: Float64Array;
  /** The values of the frames held `[length, features]`. */
  readonly values: Float64Array;
}

/**
 * The latest frames of a {@linkcode RingBuffer}, without a copy, until the next push.
 *
 * Each access checks that the buffer has not moved on, so that a view kept too long is an error rather
 * than silently other frames.
 *
 * @example
 * ```ts
 * import { RingBuffer, type RingView } from "@tickcast/tickcast/streams";
 * import { equal } from "node:assert/strict";
 *
 * const ring = new RingBuffer({ capacity: 2, features: 1 });
 * for (const time of [1, 2, 3]) ring.push(time, [10 * time]);
 * const view: RingView = ring.view();
 * equal(view.values[0], 20);
 * ring.push(4, [40]);
 * equal(view.stale, true);
 * ```
 */
export class RingView {
  readonly #ring: RingBuffer;
  readonly #times: Float64Array;
  readonly #values: Float64Array;
  /** The buffer's generation when the view was taken. */
  readonly generation: number;
  /** How many frames it shows. */
  readonly length: number;

  /**
   * Made by {@linkcode RingBuffer.view}.
   *
   * @param ring The buffer.
   * @param times The frames' times.
   * @param values The frames' values.
   */
  constructor(ring: RingBuffer, times: Float64Array, values: Float64Array) {
    this.#ring = ring;
    this.#times = times;
    this.#values = values;
    this.generation = ring.generation;
    this.length = times.length;
  }

  /** Whether the buffer has moved on since. */
  get stale(): boolean {
    return this.#ring.generation !== this.generation;
  }

  /**
   * The times, epoch milliseconds `[length]`, oldest first. Not a copy.
   * @throws {RangeError} when the view is stale.
   */
  get times(): Float64Array {
    this.#check();
    return this.#times;
  }

  /**
   * The values `[length, features]`, oldest frame first. Not a copy.
   * @throws {RangeError} when the view is stale.
   */
  get values(): Float64Array {
    this.#check();
    return this.#values;
  }

  #check(): void {
    if (this.stale) {
      throw new RangeError(
        `Stale view: taken at generation ${this.generation}, the buffer is at ${this.#ring.generation}`,
      );
    }
  }
}

/**
 * The last frames of one series in fixed memory.
 *
 * Every frame is written twice, one capacity apart, so that the latest frames always lie in one
 * contiguous piece and a window is a subarray, never a copy. A push allocates nothing.
 *
 * @example The last two of three frames
 * ```ts
 * import { RingBuffer } from "@tickcast/tickcast/streams";
 * import { deepEqual, throws } from "node:assert/strict";
 *
 * const ring = new RingBuffer({ capacity: 2, features: 1 });
 * for (const [time, value] of [[1000, 5], [2000, 6], [3000, 7]]) ring.push(time, [value]);
 * const view = ring.view();
 * deepEqual([...view.values], [6, 7]);
 *
 * ring.push(4000, [8]);
 * throws(() => view.values, RangeError);
 * ```
 */
export class RingBuffer {
  /** How many frames are kept. */
  readonly capacity: number;
  /** How many values a frame has. */
  readonly features: number;
  readonly #times: Float64Array;
  readonly #values: Float64Array;
  #pushed = 0;
  #length = 0;
  #generation = 0;

  /**
   * An empty buffer.
   *
   * @param options Its size.
   * @throws {RangeError} when a size is not a positive integer.
   */
  constructor({ capacity, features }: RingBufferOptions) {
    for (const [name, size] of Object.entries({ capacity, features })) {
      if (!Number.isSafeInteger(size) || size < 1) {
        throw new RangeError(`Ring buffer ${name} must be a positive integer, got ${size}`);
      }
    }
    this.capacity = capacity;
    this.features = features;
    this.#times = new Float64Array(2 * capacity);
    this.#values = new Float64Array(2 * capacity * features);
  }

  /** How many frames it holds. */
  get length(): number {
    return this.#length;
  }

  /** How many frames were ever pushed: the index of the next step. */
  get pushed(): number {
    return this.#pushed;
  }

  /** Changes with every change of content. */
  get generation(): number {
    return this.#generation;
  }

  /**
   * Appends a frame, over the oldest one when full.
   *
   * @param time Its time, epoch milliseconds.
   * @param values Its values `[features]`; copied.
   * @throws {RangeError} when the number of values is not `features`.
   */
  push(time: number, values: ArrayLike<number>): void {
    const { capacity, features } = this;
    if (values.length !== features) {
      throw new RangeError(`Expected ${features} values, got ${values.length}`);
    }
    const slot = this.#pushed % capacity;
    const first = slot * features;
    const second = (slot + capacity) * features;
    this.#times[slot] = this.#times[slot + capacity] = time;
    for (let i = 0; i < features; i++) {
      this.#values[first + i] = this.#values[second + i] = values[i];
    }
    this.#pushed++;
    this.#generation++;
    if (this.#length < capacity) this.#length++;
  }

  /**
   * The latest frames, oldest first.
   *
   * @param count How many; all by default.
   * @returns A view, good until the next push.
   * @throws {RangeError} when fewer frames are held.
   */
  view(count: number = this.#length): RingView {
    if (!Number.isSafeInteger(count) || count < 0 || count > this.#length) {
      throw new RangeError(`Cannot view ${count} frames of ${this.#length}`);
    }
    const end = this.#length === 0 ? 0 : (this.#pushed - 1) % this.capacity + 1 + this.capacity;
    const start = end - count;
    return new RingView(
      this,
      this.#times.subarray(start, end),
      this.#values.subarray(start * this.features, end * this.features),
    );
  }

  /** A copy of the content, from which {@linkcode RingBuffer.restore} makes an equal buffer. */
  snapshot(): RingSnapshot {
    const view = this.view();
    return {
      capacity: this.capacity,
      features: this.features,
      pushed: this.#pushed,
      times: view.times.slice(),
      values: view.values.slice(),
    };
  }

  /**
   * A buffer with the content of a snapshot.
   *
   * @param snapshot What {@linkcode RingBuffer.snapshot} gave.
   * @returns A buffer that goes on as the original would have.
   * @throws {RangeError} when the snapshot's sizes do not fit together.
   */
  static restore(snapshot: RingSnapshot): RingBuffer {
    const ring = new RingBuffer(snapshot);
    const { times, values, pushed, features, capacity } = snapshot;
    const held = times.length;
    if (held !== Math.min(pushed, capacity) || values.length !== held * features) {
      throw new RangeError(
        `Snapshot of ${held} times and ${values.length} values does not fit ${pushed} pushed frames`,
      );
    }
    ring.#pushed = pushed - held;
    for (let i = 0; i < held; i++) {
      ring.push(times[i], values.subarray(i * features, (i + 1) * features));
    }
    return ring;
  }
}
