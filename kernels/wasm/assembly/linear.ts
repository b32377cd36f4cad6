// Linear layers. Forward, weights are taken as they stand, a row of them at a time against a row of x,
// so that nothing need be packed for a head that is used once a tick.

import { copyFloats } from "./elementwise";
import {
  gradientScratch,
  packBackward,
  panelBytes,
  panelProductRows,
  roundUp,
  TILE_ROWS,
  weightGradient,
} from "./panels";
import { loadRow, madd, storeRow, sumLanes } from "./simd";

const FLOAT: usize = 4;

/** Four outputs of one row: dot products along the inputs, summed lane by lane, then across. */
// @ts-ignore: decorator
@inline
function dotFour(inputs: i32, x: usize, w: usize, wRow: usize): v128 {
  const w1 = w + wRow;
  const w2 = w1 + wRow;
  const w3 = w2 + wRow;
  let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0;
  let k = 0;
  for (; k + 4 <= inputs; k += 4) {
    const at = <usize>k * FLOAT;
    const v = v128.load(x + at);
    s0 = madd(v, v128.load(w + at), s0);
    s1 = madd(v, v128.load(w1 + at), s1);
    s2 = madd(v, v128.load(w2 + at), s2);
    s3 = madd(v, v128.load(w3 + at), s3);
  }
  if (k < inputs) {
    const at = <usize>k * FLOAT;
    const lanes = inputs - k;
    const v = loadRow(x + at, lanes);
    s0 = madd(v, loadRow(w + at, lanes), s0);
    s1 = madd(v, loadRow(w1 + at, lanes), s1);
    s2 = madd(v, loadRow(w2 + at, lanes), s2);
    s3 = madd(v, loadRow(w3 + at, lanes), s3);
  }
  return sumLanes(s0, s1, s2, s3);
}

/** Four outputs of three rows, in the very order of {@link dotFour}. */
// @ts-ignore: decorator
@inline
function dotTwelve(
  inputs: i32, x: usize, xRow: usize, w: usize, wRow: usize, bias: v128, y: usize, yRow: usize,
): void {
  const x1 = x + xRow;
  const x2 = x1 + xRow;
  const w1 = w + wRow;
  const w2 = w1 + wRow;
  const w3 = w2 + wRow;
  let a0 = f32x4.splat(0), a1 = a0, a2 = a0, a3 = a0;
  let b0 = a0, b1 = a0, b2 = a0, b3 = a0;
  let c0 = a0, c1 = a0, c2 = a0, c3 = a0;
  let k = 0;
  for (; k + 4 <= inputs; k += 4) {
    const at = <usize>k * FLOAT;
    const p = v128.load(x + at);
    const q = v128.load(x1 + at);
    const r = v128.load(x2 + at);
    let v = v128.load(w + at);
    a0 = madd(p, v, a0);
    b0 = madd(q, v, b0);
    c0 = madd(r, v, c0);
    v = v128.load(w1 + at);
    a1 = madd(p, v, a1);
    b1 = madd(q, v, b1);
    c1 = madd(r, v, c1);
    v = v128.load(w2 + at);
    a2 = madd(p, v, a2);
    b2 = madd(q, v, b2);
    c2 = madd(r, v, c2);
    v = v128.load(w3 + at);
    a3 = madd(p, v, a3);
    b3 = madd(q, v, b3);
    c3 = madd(r, v, c3);
  }
  if (k < inputs) {
    const at = <usize>k * FLOAT;
    const lanes = inputs - k;
    const p = loadRow(x + at, lanes);
    const q = loadRow(x1 + at, lanes);
    const r = loadRow(x2 + at, lanes);
    let v = loadRow(w + at, lanes);
    a0 = madd(p, v, a0);
    b0 = madd(q, v, b0);
    c0 = madd(r, v, c0);
    v = loadRow(w1 + at, lanes);
    a1 = madd(p, v, a1);
    b1 = madd(q, v, b1);
    c1 = madd(r, v, c1);
    v = loadRow(w2 + at, lanes);
    a2 = madd(p, v, a2);
    b2 = madd(q, v, b2);
    c2 = madd(r, v, c2);
    v = loadRow(w3 + at, lanes);
    a3 = madd(p, v, a3);
    b3 = madd(q, v, b3);
    c3 = madd(r, v, c3);
  }
  v128.store(y, f32x4.add(bias, sumLanes(a0, a1, a2, a3)));
  v128.store(y + yRow, f32x4.add(bias, sumLanes(b0, b1, b2, b3)));
  v128.store(y + 2 * yRow, f32x4.add(bias, sumLanes(c0, c1, c2, c3)));
}

/** y = x Wᵀ + b for dense rows; a row's result does not depend on how many there are. */
export function linear(
  rows: i32, inputs: i32, outputs: i32, x: usize, parameters: usize, y: usize,
): void {
  const xRow = <usize>inputs * FLOAT;
  const yRow = <usize>outputs * FLOAT;
  const biases = parameters + <usize>outputs * xRow;
  const zero = f32x4.splat(0);
  for (let o = 0; o < outputs; o += 4) {
    const at = <usize>o * FLOAT;
    const lanes = outputs - o;
    const w = parameters + <usize>o * xRow;
    const bias = loadRow(biases + at, lanes);
    let m = 0;
    if (lanes >= 4) {
      for (; m + 3 <= rows; m += 3) {
        dotTwelve(
          inputs, x + <usize>m * xRow, xRow, w, xRow, bias, y + <usize>m * yRow + at, yRow,
        );
      }
    }
    for (; m < rows; m++) {
      const from = x + <usize>m * xRow;
      // The last outputs may be fewer than four.
      const dots = lanes >= 4
        ? dotFour(inputs, from, w, xRow)
        : sumLanes(
          dot(inputs, from, w),
          lanes > 1 ? dot(inputs, from, w + xRow) : zero,
          lanes > 2 ? dot(inputs, from, w + 2 * xRow) : zero,
          zero,
        );
      storeRow(y + <usize>m * yRow + at, f32x4.add(bias, dots), lanes);
    }
  }
}

/** The lane-wise sums of one dot product. */
function dot(inputs: i32, x: usize, w: usize): v128 {
  let sum = f32x4.splat(0);
  let k = 0;
  for (; k + 4 <= inputs; k += 4) {
    sum = madd(v128.load(x + <usize>k * FLOAT), v128.load(w + <usize>k * FLOAT), sum);
  }
  if (k < inputs) {
    const at = <usize>k * FLOAT;
    sum = madd(loadRow(x + at, inputs - k), loadRow(w + at, inputs - k), sum);
  }
  return sum;
}

/** Bytes of scratch that `linearBackward` needs. */
export function linearScratch(rows: i32, inputSize: i32, outputSize: i32): usize {
  const panels = roundUp(outputSize, 8) >> 3;
  const I = roundUp(inputSize, 8);
  return <usize>panels * panelBytes(rows) + (<usize>(panels * 8 + TILE_ROWS) * <usize>(I << 2)) +
    gradientScratch(inputSize, panels);
}

export function linearBackward(
  rows: i32,
  inputSize: i32,
  outputSize: i32,
  x: usize,
  parameters: usize,
  dy: usize,
  gradient: usize,
  dx: usize,
  scratch: usize,
): void {
  const panels = roundUp(outputSize, 8) >> 3;
  const stride = panelBytes(rows);
  const w = scratch + <usize>panels * stride;
  const tile = w + <usize>(panels * 8) * <usize>(roundUp(inputSize, 8) << 2);
  const work = tile + <usize>(TILE_ROWS * (roundUp(inputSize, 8) << 2));
  for (let panel = 0; panel < panels; panel++) {
    const width = min(8, outputSize - (panel << 3));
    let from = dy + (<usize>panel << 5);
    let to = scratch + <usize>panel * stride;
    for (let row = 0; row < rows; row++, from += <usize>outputSize << 2, to += 32) {
      v128.store(to, f32x4.splat(0), 0);
      v128.store(to, f32x4.splat(0), 16);
      copyFloats(from, to, width);
    }
  }
  const bias = gradient + (<usize>(outputSize * inputSize) << 2);
  weightGradient(x, rows, x, rows, inputSize, scratch, 1, 0, 1, outputSize, gradient, bias, work);
  if (dx) {
    packBackward(parameters, 1, 0, 1, outputSize, inputSize, w);
    panelProductRows(rows, scratch, stride, panels, w, inputSize, tile, dx);
  }
}
