/** Anything whose whole state is numbers, written and read back in one fixed order. */
export interface Stateful {
  /** Appends the state. */
  save(writer: StateWriter): void;
  /** Takes the state back, in the order in which it was saved. */
  load(reader: StateReader): void;
}

/** Collects numbers into one array that grows. */
export class StateWriter {
  #values = new Float64Array(256);
  #length = 0;

  /** Appends single numbers. */
  put(...values: number[]): void {
    this.putAll(values);
  }

  /** Appends an array. */
  putAll(values: ArrayLike<number>): void {
    if (this.#length + values.length > this.#values.length) {
      const grown = new Float64Array(2 * (this.#length + values.length));
      grown.set(this.#values.subarray(0, this.#length));
      this.#values = grown;
    }
    this.#values.set(values, this.#length);
    this.#length += values.length;
  }

  /** What was collected. */
  finish(): Float64Array {
    return this.#values.slice(0, this.#length);
  }
}

/** Reads numbers back in the order in which they were collected. */
export class StateReader {
  readonly #values: Float64Array;
  #at = 0;

  /** @param values What a writer's `finish` returned. */
  constructor(values: Float64Array) {
    this.#values = values;
  }

  /**
   * The next number.
   * @throws {SyntaxError} when nothing is left.
   */
  take(): number {
    if (this.#at >= this.#values.length) throw new SyntaxError("Series state is cut short");
    return this.#values[this.#at++];
  }

  /**
   * Fills an array with the next numbers.
   * @throws {SyntaxError} when too few are left.
   */
  takeAll(target: Float64Array): void {
    const end = this.#at + target.length;
    if (end > this.#values.length) throw new SyntaxError("Series state is cut short");
    target.set(this.#values.subarray(this.#at, end));
    this.#at = end;
  }

  /** Whether everything was read. */
  get done(): boolean {
    return this.#at === this.#values.length;
  }
}
