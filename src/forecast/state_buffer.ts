import { LateCopy } from "./late_copy.ts";

/** Anything whose whole state is numbers, written and read back in one fixed order. */
export interface Stateful {
  /** Appends the state. */
  save(writer: StateWriter): void;
  /** Takes the state back, in the order in which it was saved. */
  load(reader: StateReader): void;
}

/** Collects numbers into one array that grows; what was grown serves the next state, too. */
export class StateWriter {
  #values = new Float64Array(256);
  #length = 0;
  /** What is copied late, each behind the numbers up to `at`. */
  readonly #late: { readonly at: number; readonly copy: LateCopy }[] = [];

  /** Appends single numbers. */
  put(...values: number[]): void {
    this.#reserve(values.length);
    for (let k = 0; k < values.length; k++) this.#values[this.#length + k] = values[k];
    this.#length += values.length;
  }

  /** Appends an array. */
  putAll(values: ArrayLike<number>): void {
    this.#reserve(values.length);
    this.#values.set(values, this.#length);
    this.#length += values.length;
  }

  /** Appends numbers that are copied later. */
  putLate(copy: LateCopy): void {
    this.#late.push({ at: this.#length, copy });
  }

  /** What was collected, in pieces that are good until more is. The writer then begins anew. */
  pieces(): [Float64Array, ...(Float64Array | LateCopy)[]] {
    let from = this.#late[0]?.at ?? this.#length;
    const pieces: ReturnType<StateWriter["pieces"]> = [this.#values.subarray(0, from)];
    this.#late.forEach(({ copy }, index) => {
      const to = this.#late[index + 1]?.at ?? this.#length;
      pieces.push(copy, this.#values.subarray(from, to));
      from = to;
    });
    this.#length = this.#late.length = 0;
    return pieces;
  }

  /** A copy of what was collected. The writer then begins anew. */
  finish(): Float64Array {
    const pieces = this.pieces();
    const collected = new Float64Array(pieces.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const piece of pieces) {
      if (piece instanceof LateCopy) {
        piece.into(collected, at);
        piece.finish();
      } else collected.set(piece, at);
      at += piece.length;
    }
    return collected;
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#values.length) return;
    const grown = new Float64Array(2 * (this.#length + count));
    grown.set(this.#values.subarray(0, this.#length));
    this.#values = grown;
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
