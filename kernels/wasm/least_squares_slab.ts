import { LEAST_SQUARES_MODULE } from "./module.ts";
import { bytesOf } from "./unpack.ts";

/** What the regressions of a {@linkcode LeastSquaresSlab} have in common. */
export interface LeastSquaresShape {
  /** Features. */
  readonly size: number;
  /** Outputs that share the features. */
  readonly outputs: number;
  /** Weight of the past after one more sample, λ in (0, 1]. */
  readonly forgetting: number;
  /** The penalty on squared coefficients before the first sample, in units of squared features. */
  readonly ridge: number;
}

/** What the module built from `assembly/least_squares.ts` exports; addresses are in bytes. */
interface LeastSquaresExports {
  readonly memory: WebAssembly.Memory;
  heapBase(): number;
  scratchBytes(quads: number): number;
  update(
    quads: number,
    outputs: number,
    p: number,
    coefficients: number,
    x: number,
    targets: number,
    forgetting: number,
    prior: number,
    scratch: number,
  ): number;
}

const PAGE_BYTES = 65_536;
const FLOAT_BYTES = 8;
/** Blocks start at cache lines, of so many floats. */
const LINE = 8;

/** Compiled once; below the 4 kB that a browser compiles at once on its main thread. */
let compiled: WebAssembly.Module | undefined;

/**
 * Linear regressions of one shape, each of several outputs on one vector of features, learnt a sample at a
 * time in 64-bit floats:
 *
 * `k = P x / (λ + xᵀ P x)`, `θ ← θ + k (y − θᵀ x)`, `P ← (P − k xᵀ P) / λ`
 *
 * (recursive least squares with exponential forgetting; Haykin, Adaptive Filter Theory, chapter 10). A
 * feature's row and column are grown by forgetting only up to the prior's diagonal.
 *
 * @example A line
 * ```ts
 * import { LeastSquaresSlab } from "@tickcast/tickcast/kernels";
 * import { ok } from "node:assert/strict";
 *
 * const shape = { size: 2, outputs: 1, forgetting: 0.999, ridge: 1e-6 };
 * const regressions = new LeastSquaresSlab(shape, 1);
 * const row = regressions.allocateRow();
 * for (let k = 0; k < 50; k++) {
 *   const x = Math.sin(k);
 *   regressions.update(row, Float64Array.of(1, x), 0, Float64Array.of(3 + 2 * x));
 * }
 * ok(Math.abs(regressions.predict(row, Float64Array.of(1, 10), 0) - 23) < 1e-3);
 * ```
 */
export class LeastSquaresSlab {
  /** What the regressions have in common. */
  readonly shape: LeastSquaresShape;
  /** Numbers that make up one regression. */
  readonly length: number;
  readonly #exports: LeastSquaresExports;
  /** The module's memory. It never grows, so that this view stays. */
  readonly #numbers: Float64Array;
  /** Groups of four features, and features with zeros up to the end of the last one. */
  readonly #quads: number;
  readonly #width: number;
  /** Where intermediate results go, in bytes, and a sample; where the regressions lie: P, then coefficients. */
  readonly #scratch: number;
  readonly #x: number;
  readonly #targets: number;
  readonly #first: number;
  readonly #covarianceLength: number;
  readonly #rowLength: number;
  readonly #limit: number;
  readonly #places: Uint32Array;
  #used = 0;

  /**
   * Takes the memory for a number of regressions; the system gives what is touched.
   *
   * @param shape What they have in common.
   * @param limit How many there are at most.
   * @throws {Error} when the engine has no WebAssembly SIMD.
   * @throws {RangeError} when there is no memory for so many.
   */
  constructor(shape: LeastSquaresShape, limit: number) {
    const { size, outputs } = shape;
    this.shape = shape;
    this.length = outputs * size + size * (size + 1) / 2;
    this.#exports = instantiate();
    const { memory, heapBase, scratchBytes } = this.#exports;
    this.#quads = Math.ceil(size / 4);
    this.#width = 4 * this.#quads;
    this.#scratch = FLOAT_BYTES * toLine(heapBase() / FLOAT_BYTES);
    this.#x = toLine((this.#scratch + scratchBytes(this.#quads)) / FLOAT_BYTES);
    this.#targets = toLine(this.#x + this.#width);
    this.#first = toLine(this.#targets + outputs);
    this.#covarianceLength = 8 * this.#quads * (this.#quads + 1);
    this.#rowLength = toLine(this.#covarianceLength + outputs * this.#width);
    const bytes = FLOAT_BYTES * (this.#first + limit * this.#rowLength);
    memory.grow(Math.max(0, Math.ceil((bytes - memory.buffer.byteLength) / PAGE_BYTES)));
    this.#numbers = new Float64Array(memory.buffer);
    this.#limit = limit;
    this.#places = this.#placesOfRow();
  }

  /**
   * Takes a regression that has seen nothing.
   *
   * @returns Its row.
   * @throws {RangeError} when all are taken.
   */
  allocateRow(): number {
    if (this.#used === this.#limit) {
      throw new RangeError(`There is room for ${this.#limit} regressions, and it is taken`);
    }
    this.reset(this.#used);
    return this.#used++;
  }

  /** Has a regression forget everything. */
  reset(row: number): void {
    const start = this.#start(row);
    this.#numbers.fill(0, start, start + this.#rowLength);
    const { size, ridge } = this.shape;
    for (let i = 0; i < size; i++) this.#numbers[start + tilePlace(i, i)] = 1 / ridge;
  }

  /**
   * The value of one output, θᵀ x.
   *
   * @param row Which regression.
   * @param x Features, from `at` on.
   * @param at Where in `x` they start.
   * @param output Which output.
   */
  predict(row: number, x: Float64Array, at: number, output: number = 0): number {
    const numbers = this.#numbers;
    const start = this.#coefficients(row) + output * this.#width;
    let sum = 0;
    for (let j = 0; j < this.shape.size; j++) sum += numbers[start + j] * x[at + j];
    return sum;
  }

  /** A coefficient of an output. */
  coefficient(row: number, output: number, feature: number): number {
    return this.#numbers[this.#coefficients(row) + output * this.#width + feature];
  }

  /**
   * Learns one sample. A missing target (`NaN`) leaves its output's coefficients as they are. A sample
   * that would make anything non-finite has the regression forget everything instead.
   *
   * @param row Which regression.
   * @param x Features, from `at` on.
   * @param at Where in `x` they start.
   * @param targets One target an output.
   */
  update(row: number, x: Float64Array, at: number, targets: Float64Array): void {
    const { size, outputs, forgetting, ridge } = this.shape;
    const numbers = this.#numbers;
    for (let j = 0; j < size; j++) numbers[this.#x + j] = x[at + j];
    for (let k = 0; k < outputs; k++) numbers[this.#targets + k] = targets[k];
    const learnt = this.#exports.update(
      this.#quads,
      outputs,
      FLOAT_BYTES * this.#start(row),
      FLOAT_BYTES * this.#coefficients(row),
      FLOAT_BYTES * this.#x,
      FLOAT_BYTES * this.#targets,
      forgetting,
      1 / ridge,
      this.#scratch,
    );
    if (learnt === 0) this.reset(row);
  }

  /** A regression as `length` numbers: the coefficients `[outputs, size]`, then P's lower triangle by rows. */
  read(row: number): Float64Array {
    const values = new Float64Array(this.length);
    const numbers = this.#numbers;
    const places = this.#places;
    const start = this.#start(row);
    for (let k = 0; k < values.length; k++) values[k] = numbers[start + places[k]];
    return values;
  }

  /** Sets a regression to what {@linkcode LeastSquaresSlab.read} gave. */
  write(row: number, values: Float64Array): void {
    this.reset(row);
    const start = this.#start(row);
    for (let k = 0; k < values.length; k++) this.#numbers[start + this.#places[k]] = values[k];
    // Where two rows pass through the diagonal, what is above it mirrors what is below.
    for (let i = 0; i + 1 < this.shape.size; i += 2) {
      this.#numbers[start + tilePlace(i, i + 1)] = this.#numbers[start + tilePlace(i + 1, i)];
    }
  }

  #start(row: number): number {
    return this.#first + row * this.#rowLength;
  }

  #coefficients(row: number): number {
    return this.#start(row) + this.#covarianceLength;
  }

  /** Where the numbers of a regression lie within its row, in the order of `read`. */
  #placesOfRow(): Uint32Array {
    const { size, outputs } = this.shape;
    const places: number[] = [];
    for (let k = 0; k < outputs; k++) {
      for (let j = 0; j < size; j++) places.push(this.#covarianceLength + k * this.#width + j);
    }
    for (let i = 0; i < size; i++) {
      for (let j = 0; j <= i; j++) places.push(tilePlace(i, j));
    }
    return Uint32Array.from(places);
  }
}

/** Where element (i, j) lies, in tiles of four rows and two columns. */
function tilePlace(i: number, j: number): number {
  const quad = i >> 2;
  return 8 * (quad * (quad + 1) + (j >> 1)) + 2 * (i & 3) + (j & 1);
}

function toLine(at: number): number {
  return LINE * Math.ceil(at / LINE);
}

function instantiate(): LeastSquaresExports {
  const bytes = bytesOf(LEAST_SQUARES_MODULE);
  if (compiled === undefined && !WebAssembly.validate(bytes)) {
    throw new Error("Cannot open least squares: this engine has no WebAssembly SIMD");
  }
  compiled ??= new WebAssembly.Module(bytes);
  return new WebAssembly.Instance(compiled, {}).exports as unknown as LeastSquaresExports;
}
