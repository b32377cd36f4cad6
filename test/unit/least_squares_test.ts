import { deepEqual, ok } from "node:assert/strict";
import { Random } from "../../mod.ts";
import { LeastSquares } from "../../src/forecast/least_squares.ts";
import {
  multiply,
  scaleRow,
  subtractSquare,
  triangleLength,
} from "../../src/forecast/packed_triangle.ts";
import { SeriesLayout } from "../../src/forecast/series_layout.ts";

const AT = 3;

/** A triangle that begins at `AT`, with guards around it, and the matrix it stands for. */
function symmetric(size: number, random: Random): { p: Float64Array; full: number[][] } {
  const p = new Float64Array(AT + triangleLength(size) + 2).fill(7);
  const full = Array.from({ length: size }, () => new Array<number>(size).fill(0));
  for (let i = 0, at = AT; i < size; i++) {
    for (let j = 0; j <= i; j++) p[at++] = full[i][j] = full[j][i] = random.normal();
  }
  return { p, full };
}

function near(got: number, wanted: number, what: string): void {
  ok(Math.abs(got - wanted) <= 1e-12 * (1 + Math.abs(wanted)), `${what}: ${got}, not ${wanted}`);
}

function same(p: Float64Array, full: readonly number[][]): void {
  full.forEach((row, i) => {
    for (let j = 0; j <= i; j++) near(p[AT + triangleLength(i) + j], row[j], `${i}, ${j}`);
  });
  deepEqual([...p.subarray(0, AT), ...p.subarray(-2)], [7, 7, 7, 7, 7]);
}

Deno.test("a packed triangle does what the full matrix would, whatever its size", () => {
  const random = new Random(1);
  for (let size = 1; size <= 14; size++) {
    const { p, full } = symmetric(size, random);
    const x = Float64Array.from({ length: size }, () => random.normal());
    const y = new Float64Array(size).fill(NaN);
    multiply(p, AT, x, y);
    full.forEach((row, i) => {
      near(y[i], row.reduce((sum, value, j) => sum + value * x[j], 0), `row ${i}`);
    });
    subtractSquare(p, AT, x, 0.3);
    same(p, full.map((row, i) => row.map((value, j) => value - 0.3 * x[i] * x[j])));
    for (let i = 0; i < size; i++) {
      const { p, full } = symmetric(size, random);
      scaleRow(p, AT, size, i, 0.5);
      const factor = (j: number): number => j === i ? 0.5 : 1;
      same(p, full.map((row, r) => row.map((value, j) => factor(r) * factor(j) * value)));
    }
  }
});

/** The textbook's recursive least squares with a full matrix, and rows held to the prior. */
class Textbook {
  readonly coefficients: number[];
  readonly p: number[][];

  constructor(readonly size: number, readonly forgetting: number, readonly prior: number) {
    this.coefficients = new Array<number>(size).fill(0);
    this.p = this.coefficients.map((_, i) => this.coefficients.map((_, j) => i === j ? prior : 0));
  }

  update(x: ArrayLike<number>, target: number, weight: number): void {
    const dot = (a: ArrayLike<number>): number => {
      return Array.from(a).reduce((sum, value, j) => sum + value * x[j], 0);
    };
    const gain = this.p.map(dot);
    const norm = 1 / (this.forgetting / weight + dot(gain));
    const error = target - dot(this.coefficients);
    gain.forEach((value, j) => this.coefficients[j] += error * norm * value);
    const grown = this.p.map((row, i) => {
      return row.map((value, j) => (value - norm * gain[i] * gain[j]) / this.forgetting);
    });
    const held = grown.map((row, i) => Math.min(1, Math.sqrt(this.prior / row[i])));
    // What rounding leaves of asymmetry would grow without end.
    grown.forEach((row, i) => {
      this.p[i] = row.map((value, j) => held[i] * held[j] * (value + grown[j][i]) / 2);
    });
  }
}

Deno.test("least squares is the textbook's, over thousands of samples, with features that fall silent", () => {
  const random = new Random(2);
  for (const size of [1, 2, 5, 9, 11]) {
    const layout = new SeriesLayout();
    layout.reserve(5, 7);
    const regression = new LeastSquares(layout, size, 1, { forgetting: 0.99, ridge: 2 });
    const memory = layout.makeMemory();
    const textbook = new Textbook(size, 0.99, 1 / 2);
    // Long enough for the factor to be taken back to 1 more than once.
    for (let k = 0; k < 4000; k++) {
      const x = Float64Array.from({ length: size }, (_, j) => {
        return j % 3 === 2 && k % 1000 > 300 ? 0 : random.normal();
      });
      const target = Float64Array.of(x[0] - 2 * x[size - 1] + random.normal());
      const weight = 0.5 + random.uniform();
      regression.update(memory, x, target, weight);
      textbook.update(x, target[0], weight);
    }
    textbook.coefficients.forEach((wanted, j) => {
      const got = memory[regression.coefficients + j];
      ok(
        Math.abs(got - wanted) < 1e-9,
        `${size} features, coefficient ${j}: ${got}, not ${wanted}`,
      );
    });
  }
});

Deno.test("a sample that would make anything infinite starts the regression anew", () => {
  const layout = new SeriesLayout();
  const regression = new LeastSquares(layout, 2, 1, { forgetting: 0.9, ridge: 1 });
  const memory = layout.makeMemory();
  const fresh = memory.slice();
  regression.update(memory, Float64Array.of(1, 2), Float64Array.of(3));
  ok(memory.some((value, k) => value !== fresh[k]));
  regression.update(memory, Float64Array.of(1e200, 2), Float64Array.of(3));
  deepEqual(memory, fresh);
});
