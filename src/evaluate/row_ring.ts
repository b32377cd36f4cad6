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

  /** Appends a row; beyond the capacity the oldest goes. */
  push(row: ArrayLike<number>): void {
    if (this.#pushed < this.capacity && this.#pushed * this.width === this.#rows.length) {
      const wider = new Float64Array(Math.min(this.capacity, 2 * this.#pushed) * this.width);
      wider.set(this.#rows);
      this.#rows = wider;
    }
    const at = (this.#pushed % this.capacity) * this.width;
    for (let i = 0; i < this.width; i++) this.#rows[at + i] = row[i];
    this.#pushed++;
  }

  /** A row without a copy, good until the next push; `age` 0 is the newest, `length − 1` the oldest. */
  row(age: number): Float64Array {
    const at = ((this.#pushed - 1 - age) % this.capacity) * this.width;
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
