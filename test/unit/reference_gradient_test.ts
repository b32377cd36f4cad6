// The oracle's gradients against central differences of its own forward pass, in 64 bits.
import { ok } from "node:assert/strict";
import { type CellKind, layerParameterLength } from "../../kernels/mod.ts";
import { linear, linearBackward } from "../../kernels/reference/linear.ts";
import { loss, lossWidth } from "../../kernels/reference/loss.ts";
import { sequence, sequenceBackward } from "../../kernels/reference/sequence.ts";
import { Random } from "../../src/model/random.ts";

const TOLERANCE = 1e-7;
const EPSILON = 1e-5;

function normals(length: number, random: Random): Float64Array {
  return Float64Array.from({ length }, () => random.normal());
}

function zeros(length: number): Float64Array {
  return new Float64Array(length);
}

/** Σ weights · values: turns any output into one number whose gradient by it is `weights`. */
function dot(weights: Float64Array, values: Float64Array): number {
  return weights.reduce((sum, weight, k) => sum + weight * values[k], 0);
}

function checkGradient(
  what: string,
  by: Float64Array,
  gradient: Float64Array,
  value: () => number,
): void {
  for (let k = 0; k < by.length; k++) {
    const kept = by[k];
    by[k] = kept + EPSILON;
    const above = value();
    by[k] = kept - EPSILON;
    const below = value();
    by[k] = kept;
    const numeric = (above - below) / (2 * EPSILON);
    const error = Math.abs(numeric - gradient[k]) / Math.max(1, Math.abs(numeric));
    ok(error < TOLERANCE, `${what}[${k}]: ${gradient[k]}, by differences ${numeric}`);
  }
}

for (const cell of ["lstm", "gru", "gru_reset_before"] as CellKind[]) {
  Deno.test(`the gradient of a ${cell} sequence is that of its forward pass`, () => {
    const shape = { cell, inputSize: 2, hiddenSize: 3 };
    const [steps, batch] = [4, 2];
    const rows = steps * batch;
    const random = new Random(11);
    const forward = {
      steps,
      batch,
      x: normals(rows * 2, random),
      parameters: normals(layerParameterLength(shape), random),
      h0: normals(batch * 3, random),
      c0: normals(batch * 3, random),
      hs: zeros(rows * 3),
      cs: zeros(rows * 3),
      saved: zeros(rows * 12),
    };
    const dhs = normals(rows * 3, random);
    const value = (): number => {
      sequence(shape, forward);
      return dot(dhs, forward.hs);
    };
    value();
    const gradient = zeros(forward.parameters.length);
    const dx = zeros(forward.x.length);
    sequenceBackward(shape, { ...forward, dhs, gradient, dx });
    checkGradient("parameters", forward.parameters, gradient, value);
    checkGradient("x", forward.x, dx, value);
  });
}

Deno.test("the gradient of a linear layer is that of its forward pass", () => {
  const random = new Random(12);
  const sizes = { inputSize: 3, outputSize: 2 };
  const [x, parameters, y] = [normals(12, random), normals(8, random), zeros(8)];
  const dy = normals(8, random);
  const value = (): number => {
    linear({ ...sizes, x, parameters, y }, 4);
    return dot(dy, y);
  };
  const [gradient, dx] = [zeros(8), zeros(12)];
  linearBackward({ ...sizes, rows: 4, x, parameters, dy, gradient, dx });
  checkGradient("parameters", parameters, gradient, value);
  checkGradient("x", x, dx, value);
});

const LOSSES = [
  { kind: "pinball", levels: [0.1, 0.5, 0.95] },
  { kind: "mse" },
  { kind: "huber", delta: 0.8 },
  { kind: "gaussian" },
] as const;

for (const chosen of LOSSES) {
  Deno.test(`the gradient of the ${chosen.kind} loss is that of its value`, () => {
    const random = new Random(13);
    const width = lossWidth(chosen.kind, "levels" in chosen ? chosen.levels : undefined);
    const [rows, horizon] = [3, 4];
    const predictions = normals(rows * horizon * width, random);
    const targets = normals(rows * horizon, random);
    const mask = Float64Array.from(targets, (_, k) => k % 4 === 0 ? 0 : 1);
    const [value, gradient] = [zeros(1), zeros(predictions.length)];
    const shared = { ...chosen, rows, horizon, predictions, targets, mask };
    loss({ ...shared, loss: value, gradient });
    checkGradient("predictions", predictions, gradient, () => {
      loss({ ...shared, loss: value, gradient: zeros(predictions.length) });
      return value[0];
    });
  });
}
