/**
 * Rows of a batch stand side by side in vectors of workgroup memory, so that a thread fetches the same
 * input of all its rows at once. WGSL of one thread's 1, 2, 4 or 8 rows, unrolled.
 */
export class RowVectors {
  /** Rows in a vector. */
  readonly width: number;
  /** Vectors of one thread. */
  readonly vectors: number;
  /** The type of a vector. */
  readonly type: string;

  constructor(readonly rows: number) {
    this.width = Math.min(rows, 4);
    this.vectors = rows / this.width;
    this.type = this.width === 1 ? "f32" : `vec${this.width}f`;
  }

  /** The element of row `row` of a thread in its vectors `<name>0`, `<name>1`. */
  element(name: string, row: number): string {
    const vector = `${name}${Math.floor(row / this.width)}`;
    return this.width === 1 ? vector : `${vector}.${"xyzw"[row % this.width]}`;
  }

  /** Text for each row of a thread. */
  each(text: (row: number) => string): string {
    return Array.from({ length: this.rows }, (_, row) => text(row)).join("\n");
  }

  /** Text for each vector of a thread. */
  eachVector(text: (vector: number) => string): string {
    return Array.from({ length: this.vectors }, (_, vector) => text(vector)).join("\n");
  }

  /** A vector of consecutive rows, from text that gives one. */
  gather(row: (index: number) => string): string {
    return `${this.type}(${
      Array.from({ length: this.width }, (_, index) => row(index)).join(", ")
    })`;
  }
}
