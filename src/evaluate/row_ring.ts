/** Rows that memory is taken for at first; it doubles, so that thousands of young series cost little. */
const ROWS_FIRST = 16;

/** The latest rows of numbers, in bounded memory. */
export class RowRing {
  /** Rows kept at most. */
  readonly capacity: number;
  /** Numbers in a row. */
  readonly width: number;
  #rows: Float64Array;
  #length = 0;
  /** The row that is written next. */
  #next = 0;

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
    return this.#length;
  }

  /** The memory: rows one behind the other, each from its `offset` on. Another array after some `next`. */
  get rows(): Float64Array {
    return this.#rows;
  }

  /** Where a row starts; `age` 0 is the newest, `length − 1` the oldest. */
  offset(age: number): number {
    const row = this.#next - 1 - age;
    return (row < 0 ? row + this.capacity : row) * this.width;
  }

  /** Makes room for a row, to be written to `rows` from what this returns on; the oldest may go. */
  next(): number {
    const at = this.#next * this.width;
    if (at === this.#rows.length) {
      const wider = new Float64Array(Math.min(2 * at, this.capacity * this.width));
      wider.set(this.#rows);
      this.#rows = wider;
    }
    if (this.#length < this.capacity) this.#length++;
    this.#next = this.#next + 1 === this.capacity ? 0 : this.#next + 1;
    return at;
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
      values[i] = this.#rows[this.offset(count - 1 - i) + index];
    }
    return values;
  }

  /** Forgets every row. */
  clear(): void {
    this.#length = this.#next = 0;
  }
}
