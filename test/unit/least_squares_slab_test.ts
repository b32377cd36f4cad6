import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { type LeastSquaresShape, LeastSquaresSlab } from "../../kernels/mod.ts";
import { Random } from "../../mod.ts";

/** The same in plain arithmetic, in the order of the module's sums. */
class Oracle {
  readonly #shape: LeastSquaresShape;
  readonly #coefficients: number[][];
  /** The lower triangle, row after row. */
  readonly #p: number[][];

  constructor(shape: LeastSquaresShape) {
    const { size, outputs, ridge } = shape;
    this.#shape = shape;
    this.#coefficients = Array.from({ length: outputs }, () => new Array<number>(size).fill(0));
    this.#p = Array.from({ length: size }, (_, i) => {
      return Array.from({ length: i + 1 }, (_, j) => i === j ? 1 / ridge : 0);
    });
  }

  /** Coefficients and P, in the order of the slab's `read`. */
  numbers(): Float64Array {
    return Float64Array.from([...this.#coefficients.flat(), ...this.#p.flat()]);
  }

  predict(x: Float64Array, output: number): number {
    return this.#coefficients[output].reduce((sum, value, j) => sum + value * x[j], 0);
  }

  update(x: Float64Array, targets: Float64Array): void {
    const { forgetting, ridge } = this.#shape;
    const p = this.#p;
    const gain = p.map((_, i) => this.#gain(i, x));
    const norm = 1 / (forgetting + dot(gain, x));
    this.#coefficients.forEach((own, k) => {
      const step = (targets[k] - dot(own, x)) * norm;
      if (!Number.isNaN(step)) own.forEach((_, j) => own[j] += step * gain[j]);
    });
    const full = 1 / Math.sqrt(forgetting);
    const forget = p.map((row, i) => {
      const left = row[i] - gain[i] * (gain[i] * norm);
      return left * (full * full) <= 1 / ridge ? full : Math.sqrt(1 / ridge / left);
    });
    p.forEach((row, i) => {
      row.forEach((value, j) =>
        row[j] = (value - gain[i] * norm * gain[j]) * forget[i] * forget[j]
      );
    });
  }

  /** A row of P times x: up to the diagonal first, then what its mirror image adds, quad by quad. */
  #gain(i: number, x: Float64Array): number {
    const { size } = this.#shape;
    const term = (j: number): number => {
      return j < size ? this.#p[Math.max(i, j)][Math.min(i, j)] * x[j] : 0;
    };
    const quad = i - i % 4;
    const end = i % 4 < 2 ? quad + 2 : quad + 4;
    const terms = Array.from({ length: end }, (_, j) => term(j));
    let sum = dot(terms, new Array<number>(end).fill(1));
    for (let j = end; j < quad + 4; j++) sum += term(j);
    for (let j = quad + 4; j < size; j += 4) {
      sum += (term(j) + term(j + 1)) + (term(j + 2) + term(j + 3));
    }
    return sum;
  }
}

/** Even and odd features apart. */
function dot(a: readonly number[], x: ArrayLike<number>): number {
  const sums = [0, 0];
  a.forEach((value, j) => sums[j % 2] += value * x[j]);
  return sums[0] + sums[1];
}

Deno.test("regressions in WASM are those in plain TypeScript, to the last bit, side by side", () => {
  const random = new Random(3);
  const uniform = (): number => 2 * random.uniform() - 1;
  for (const [size, outputs] of [[1, 1], [2, 3], [3, 1], [4, 2], [7, 1], [32, 1], [35, 12]]) {
    const shape = { size, outputs, forgetting: 0.97, ridge: 30 };
    const slab = new LeastSquaresSlab(shape, 3);
    const rows = [slab.allocateRow(), slab.allocateRow(), slab.allocateRow()];
    const oracles = rows.map(() => new Oracle(shape));
    for (let step = 0; step < 200; step++) {
      for (const row of rows) {
        // The last feature is silent for a while, so that its prior's bound is met; labels go missing.
        const x = Float64Array.from({ length: size + 2 }, uniform);
        if (step > 50 && step < 150) x[size] = 0;
        const y = Float64Array.from(
          { length: outputs },
          () => random.uniform() < 0.1 ? NaN : uniform(),
        );
        slab.update(row, x, 1, y);
        oracles[row].update(x.subarray(1), y);
        const output = step % outputs;
        equal(slab.predict(row, x, 1, output), oracles[row].predict(x.subarray(1), output));
      }
    }
    for (const row of rows) deepEqual(slab.read(row), oracles[row].numbers());
    const last = size * outputs - 1;
    equal(slab.coefficient(1, outputs - 1, size - 1), oracles[1].numbers()[last]);
  }
});

Deno.test("a regression that was written goes on as the one that was read", () => {
  const random = new Random(4);
  const slab = new LeastSquaresSlab({ size: 6, outputs: 2, forgetting: 0.99, ridge: 1 }, 2);
  const [from, to] = [slab.allocateRow(), slab.allocateRow()];
  const learn = (...rows: number[]): void => {
    const x = Float64Array.from({ length: 6 }, () => random.uniform());
    const y = Float64Array.from({ length: 2 }, () => random.uniform());
    for (const row of rows) slab.update(row, x, 0, y);
  };
  for (let k = 0; k < 20; k++) learn(from);
  slab.write(to, slab.read(from));
  for (let k = 0; k < 20; k++) learn(from, to);
  deepEqual(slab.read(to), slab.read(from));
  throws(() => slab.allocateRow(), RangeError);
});

Deno.test("a sample beyond all bounds has a regression forget everything, its neighbour nothing", () => {
  const slab = new LeastSquaresSlab({ size: 3, outputs: 1, forgetting: 0.99, ridge: 2 }, 2);
  const [row, neighbour] = [slab.allocateRow(), slab.allocateRow()];
  const fresh = slab.read(row);
  const x = Float64Array.of(1, 2, 3);
  for (const each of [row, neighbour]) slab.update(each, x, 0, Float64Array.of(4));
  const learnt = slab.read(neighbour);
  ok(learnt[0] > 0);
  slab.update(row, Float64Array.of(1e200, 1e200, 1), 0, Float64Array.of(1));
  deepEqual(slab.read(row), fresh);
  deepEqual(slab.read(neighbour), learnt);
});
