import { type CellKind, gateCount, type LayerShape } from "../backend.ts";
import { affineRow, sigmoid, type Vector } from "./vector.ts";

/** Where one layer's weights stand in its parameters, PyTorch's layout. */
export interface LayerOffsets {
  readonly inputWeight: number;
  readonly hiddenWeight: number;
  readonly inputBias: number;
  readonly hiddenBias: number;
}

/** The offsets of `weight_ih`, `weight_hh`, `bias_ih` and `bias_hh`. */
export function layerOffsets({ cell, inputSize, hiddenSize }: LayerShape): LayerOffsets {
  const gateRows = gateCount(cell) * hiddenSize;
  const hiddenWeight = gateRows * inputSize;
  const inputBias = hiddenWeight + gateRows * hiddenSize;
  return { inputWeight: 0, hiddenWeight, inputBias, hiddenBias: inputBias + gateRows };
}

/** Arrays of one step, with the place of the row in each. `cPrevious` and `c` serve an LSTM only. */
export interface StepArrays {
  x: Vector;
  xAt: number;
  hPrevious: Vector;
  hPreviousAt: number;
  cPrevious?: Vector;
  cPreviousAt: number;
  c?: Vector;
  cAt: number;
  h: Vector;
  hAt: number;
}

/**
 * One step of one row. `saved [4·H]` receives what the backward pass needs, in 64 bits; `h` and `c`
 * may be the previous ones, since everything is read before anything is written.
 */
export function stepRow(
  shape: LayerShape,
  parameters: Vector,
  arrays: StepArrays,
  saved: Float64Array,
): void {
  if (shape.cell === "lstm") lstmRow(shape, parameters, arrays, saved);
  else gruRow(shape, parameters, arrays, saved);
}

/** i, f, o = σ(W x + U h + b); g = tanh(…); c′ = f c + i g; h′ = o tanh(c′) (Gers et al. 2000). */
function lstmRow(
  shape: LayerShape,
  parameters: Vector,
  arrays: StepArrays,
  saved: Float64Array,
): void {
  const H = shape.hiddenSize;
  for (let row = 0; row < 4 * H; row++) {
    const a = inputProduct(shape, parameters, arrays, row) +
      hiddenProduct(shape, parameters, arrays.hPrevious, arrays.hPreviousAt, row);
    saved[row] = row >= 2 * H && row < 3 * H ? Math.tanh(a) : sigmoid(a);
  }
  const { cPrevious, cPreviousAt, c, cAt, h, hAt } = arrays;
  if (!cPrevious || !c) throw new TypeError("An LSTM needs cell states");
  for (let j = 0; j < H; j++) {
    const [i, f, g, o] = [saved[j], saved[H + j], saved[2 * H + j], saved[3 * H + j]];
    c[cAt + j] = f * cPrevious[cPreviousAt + j] + i * g;
    h[hAt + j] = o * Math.tanh(c[cAt + j]);
  }
}

/**
 * r, z = σ(W x + U h + b); n = tanh(W x + b + r (U h + b′)) or, with the reset before the product,
 * n = tanh(W x + b + U (r h) + b′); h′ = (1 − z) n + z h (Cho et al. 2014).
 */
function gruRow(
  shape: LayerShape,
  parameters: Vector,
  arrays: StepArrays,
  saved: Float64Array,
): void {
  const H = shape.hiddenSize;
  const { hPrevious, hPreviousAt, h, hAt } = arrays;
  for (let row = 0; row < 2 * H; row++) {
    const a = inputProduct(shape, parameters, arrays, row) +
      hiddenProduct(shape, parameters, hPrevious, hPreviousAt, row);
    saved[row] = sigmoid(a);
  }
  const aside = saved.subarray(3 * H);
  for (let j = 0; j < H; j++) {
    aside[j] = shape.cell === "gru"
      ? hiddenProduct(shape, parameters, hPrevious, hPreviousAt, 2 * H + j)
      : saved[j] * hPrevious[hPreviousAt + j];
  }
  for (let j = 0; j < H; j++) {
    const recurrent = shape.cell === "gru"
      ? saved[j] * aside[j]
      : hiddenProduct(shape, parameters, aside, 0, 2 * H + j);
    saved[2 * H + j] = Math.tanh(inputProduct(shape, parameters, arrays, 2 * H + j) + recurrent);
  }
  for (let j = 0; j < H; j++) {
    const [z, n] = [saved[H + j], saved[2 * H + j]];
    h[hAt + j] = (1 - z) * n + z * hPrevious[hPreviousAt + j];
  }
}

/** Row `row` of `W_ih x + b_ih`. */
function inputProduct(
  shape: LayerShape,
  parameters: Vector,
  { x, xAt }: StepArrays,
  row: number,
): number {
  const at = layerOffsets(shape);
  const bias = parameters[at.inputBias + row];
  return affineRow(parameters, row * shape.inputSize, bias, x, xAt, shape.inputSize);
}

/** Row `row` of `W_hh h + b_hh`. */
function hiddenProduct(
  shape: LayerShape,
  parameters: Vector,
  h: Vector,
  hAt: number,
  row: number,
): number {
  const at = layerOffsets(shape);
  const H = shape.hiddenSize;
  const bias = parameters[at.hiddenBias + row];
  return affineRow(parameters, at.hiddenWeight + row * H, bias, h, hAt, H);
}

/** Whether a cell carries `c` beside `h`. */
export function hasCellState(cell: CellKind): boolean {
  return cell === "lstm";
}
