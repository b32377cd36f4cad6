import { affineRow, type Vector } from "./vector.ts";

/** The arrays of a linear layer: `x [N, I]`, `weight [O, I]` then `bias [O]`, `y [N, O]`. */
export interface LinearArrays {
  inputSize: number;
  outputSize: number;
  x: Vector;
  parameters: Vector;
  y: Vector;
}

/** `y = x Wᵀ + b` for the first `rows` rows. */
export function linear(arrays: LinearArrays, rows: number): void {
  const { inputSize: I, outputSize: O, x, parameters, y } = arrays;
  for (let n = 0; n < rows; n++) {
    for (let o = 0; o < O; o++) {
      y[n * O + o] = affineRow(parameters, o * I, parameters[O * I + o], x, n * I, I);
    }
  }
}

/** What the backward pass of a linear layer takes and gives. */
export interface LinearBackwardArrays {
  rows: number;
  inputSize: number;
  outputSize: number;
  x: Vector;
  parameters: Vector;
  dy: Vector;
  gradient: Vector;
  dx?: Vector;
}

/** `dW += dyᵀ x`, `db += Σ dy`, `dx = dy W`. */
export function linearBackward(arrays: LinearBackwardArrays): void {
  const { rows, inputSize: I, outputSize: O, x, parameters, dy, gradient, dx } = arrays;
  for (let o = 0; o < O; o++) {
    let bias = 0;
    for (let n = 0; n < rows; n++) bias += dy[n * O + o];
    gradient[O * I + o] += bias;
    for (let k = 0; k < I; k++) {
      let weight = 0;
      for (let n = 0; n < rows; n++) weight += dy[n * O + o] * x[n * I + k];
      gradient[o * I + k] += weight;
    }
  }
  if (!dx) return;
  for (let n = 0; n < rows; n++) {
    for (let k = 0; k < I; k++) {
      let sum = 0;
      for (let o = 0; o < O; o++) sum += dy[n * O + o] * parameters[o * I + k];
      dx[n * I + k] = sum;
    }
  }
}
