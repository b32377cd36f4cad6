import { LeastSquares, type LeastSquaresOptions } from "./least_squares.ts";
import { SeriesLayout } from "./series_layout.ts";
import type { Stateful, StateReader, StateWriter } from "./state_buffer.ts";

/** A {@linkcode LeastSquares} with a memory of its own. */
export class RecursiveLeastSquares implements Stateful {
  /** Coefficients `[outputs, size]`. */
  readonly coefficients: Float64Array;
  readonly #regression: LeastSquares;
  readonly #memory: Float64Array;

  /**
   * @param size Features.
   * @param outputs Outputs.
   * @param options Start and forgetting.
   */
  constructor(size: number, outputs: number, options: LeastSquaresOptions) {
    const layout = new SeriesLayout();
    this.#regression = new LeastSquares(layout, size, outputs, options);
    this.#memory = layout.makeMemory();
    this.coefficients = this.#memory.subarray(0, outputs * size);
  }

  /** The value of one output, as {@linkcode LeastSquares.predict} says. */
  predict(x: Float64Array, output = 0, offset = 0): number {
    return this.#regression.predict(this.#memory, x, output, offset);
  }

  /** Learns one sample, as {@linkcode LeastSquares.update} does. */
  update(x: Float64Array, targets: Float64Array, weight = 1, offset = 0): void {
    this.#regression.update(this.#memory, x, targets, weight, offset);
  }

  /** Appends the state. */
  save(writer: StateWriter): void {
    writer.putAll(this.#memory);
  }

  /** Takes the state back. */
  load(reader: StateReader): void {
    reader.takeAll(this.#memory);
  }
}
