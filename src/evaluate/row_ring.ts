/** Rows that memory is taken for at first; it doubles, so that thousands of young series cost little. */
const ROWS_FIRST = 16;

/** The latest rows of numbers, in bounded memory. */
export class RowRing {
  /** Rows kept at most. */
  readonly capacity: number;
  /** Numbers in a row. */
  readonly width: number;
  #rows: Float64Array;
  #pushed = 0;

  /**
   * Starts empty.
   *
   * @param capacity Rows kept at most.
   * @param width Numbers in a row.
   */
  constructor(capacity: number, width: number) {
    this.capacity = capacity;
    this.width = width;
    this.#rows = new Float64Array(Math.min(capacity, ROWS_FIRST) * width);
  }

  /** Rows held. */
  get length(): number {
    return Math.min(this.#pushed, this.capacity);
  }

  /** The memory: rows one behind the other, each from its `offset` on. Another array after some `next`. */
  get rows(): Float64Array {
    return this.#rows;
  }

  /** Where a row starts; `age` 0 is the newest, `length − 1` the oldest. */
  offset(age: number): number {
    return ((this.#pushed - 1 - age) % this.capacity) * this.width;
  }

  /** Makes room for a row, to be written to `rows` from what this returns on; the oldest may go. */
  next(): number {
    if (this.#pushed < this.capacity && this.#pushed * this.width === this.#rows.length) {
      const wider = new Float64Array(Math.min(this.capacity, 2 * this.#pushed) * this.width);
      wider.set(this.#rows);
      this.#rows = wider;
    }
    return (this.#pushed++ % this.capacity) * this.width;
  }

  /** Appends a row. */
  push(row: ArrayLike<number>): void {
    const at = this.next();
    for (let i = 0; i < this.width; i++) this.#rows[at + i] = row[i];
  }

  /** A row without a copy, good until the next one; see {@linkcode RowRing.offset}. */
  row(age: number): Float64Array {
    const at = this.offset(age);
    return this.#rows.subarray(at, at + this.width);
  }

  /** One column of the latest `count` rows, the oldest first. */
  column(index: number, count: number = this.length): Float64Array {
    const values = new Float64Array(count);
    for (let i = 0; i < count; i++) {
      const at = (this.#pushed - count + i) % this.capacity;
      values[i] = this.#rows[at * this.width + index];
    }
    return values;
  }

  /** Forgets every row. */
  clear(): void {
    this.#pushed = 0;
  }
}
