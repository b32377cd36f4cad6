// How one layer's weights are packed, and how many bytes its sections take. A column vector belongs to
// four hidden units and one gate; the gates of the same units stand side by side.
//
// Lines for x and lines for h are each padded with zeros to a multiple of four.
//
//   LSTM                 one section: I + H lines, gates i f g o
//   GRU                  x: I lines, gates r z n; h: H lines, gates r z n
//   GRU, reset before    x: I lines, gates r z n; h: H lines, gates r z; r·h: H lines, gate n

import { blockWidth, paddedLines } from "./strips";

export const LSTM = 0;
export const GRU = 1;
export const GRU_RESET_BEFORE = 2;

/** Vectors that hold `size` floats. */
// @ts-ignore: decorator
@inline
export function vectorCount(size: i32): i32 {
  return (size + 3) >> 2;
}

/** Column vectors of a section of `gates` gates, a multiple of 4. */
// @ts-ignore: decorator
@inline
export function sectionVectors(gates: i32, hiddenSize: i32): i32 {
  return (gates * vectorCount(hiddenSize) + 3) & ~3;
}

/** Bytes of a section: its bias and its lines. */
// @ts-ignore: decorator
@inline
export function sectionBytes(vectors: i32, lines: i32): usize {
  return (<usize>vectors * <usize>(lines + 1)) << 4;
}

/** Floats of one layer's packed weights. */
export function packedLength(cell: i32, inputSize: i32, hiddenSize: i32): i32 {
  const I = paddedLines(inputSize);
  const H = paddedLines(hiddenSize);
  if (cell == LSTM) return <i32>(sectionBytes(sectionVectors(4, hiddenSize), I + H) >> 2);
  const x = sectionBytes(sectionVectors(3, hiddenSize), I);
  const h = cell == GRU
    ? sectionBytes(sectionVectors(3, hiddenSize), H)
    : sectionBytes(sectionVectors(2, hiddenSize), H) +
      sectionBytes(sectionVectors(1, hiddenSize), H);
  return <i32>((x + h) >> 2);
}

/**
 * Writes `count` lines of a section from line `line` on (0 is the bias), and zeros up to `padded` lines.
 * Column (gate, unit) of line k is `source[(gate · H + unit) · stride + k]`, and 0 where the unit is padding
 * or there is no source. `add` is added to it for the gates below `addGates`.
 */
function packLines(
  section: usize,
  lines: i32,
  gates: i32,
  hiddenSize: i32,
  line: i32,
  count: i32,
  padded: i32,
  source: usize,
  stride: i32,
  add: usize,
  addGates: i32,
): void {
  const vectors = sectionVectors(gates, hiddenSize);
  let vector = 0;
  while (vector < vectors) {
    const width = stripWidth(vector, vectors);
    for (let column = 0; column < width << 2; column++) {
      const gate = (vector + (column >> 2)) % gates;
      const unit = (((vector + (column >> 2)) / gates) << 2) + (column & 3);
      let at = section + (<usize>(line * (width << 2) + column) << 2);
      const row = gate * hiddenSize + unit;
      const from = source + (<usize>(row * stride) << 2);
      for (let k = 0; k < padded; k++) {
        let value: f32 = 0;
        if (unit < hiddenSize && k < count) {
          if (source) value = load<f32>(from + (<usize>k << 2));
          if (gate < addGates) value += load<f32>(add + (<usize>row << 2));
        }
        store<f32>(at, value);
        at += <usize>width << 4;
      }
    }
    section += (<usize>width * <usize>(lines + 1)) << 4;
    vector += width;
  }
}

/** Vectors of the strip that begins with `vector`, as {@link blockWidth} has it. */
function stripWidth(vector: i32, vectors: i32): i32 {
  let first = 0;
  let width = blockWidth(vectors);
  while (first + width <= vector) {
    first += width;
    width = blockWidth(vectors - first);
  }
  return width >> 1;
}

export function pack(
  cell: i32,
  inputSize: i32,
  hiddenSize: i32,
  parameters: usize,
  packed: usize,
): void {
  const I = inputSize;
  const H = hiddenSize;
  const padI = paddedLines(I);
  const padH = paddedLines(H);
  const gates = cell == LSTM ? 4 : 3;
  const weightIh = parameters;
  const weightHh = weightIh + (<usize>(gates * H * I) << 2);
  const biasIh = weightHh + (<usize>(gates * H * H) << 2);
  const biasHh = biasIh + (<usize>(gates * H) << 2);
  if (cell == LSTM) {
    const lines = padI + padH;
    packLines(packed, lines, 4, H, 0, 1, 1, biasIh, 1, biasHh, 4);
    packLines(packed, lines, 4, H, 1, I, padI, weightIh, I, 0, 0);
    packLines(packed, lines, 4, H, 1 + padI, H, padH, weightHh, H, 0, 0);
    return;
  }
  // The candidate's recurrent bias stands beside W x only where the reset gate does not scale it.
  packLines(packed, padI, 3, H, 0, 1, 1, biasIh, 1, biasHh, cell == GRU ? 2 : 3);
  packLines(packed, padI, 3, H, 1, I, padI, weightIh, I, 0, 0);
  let section = packed + sectionBytes(sectionVectors(3, H), padI);
  if (cell == GRU) {
    packLines(section, padH, 3, H, 0, 1, 1, biasHh, 1, 0, 0);
    packLines(section, padH, 3, H, 1, H, padH, weightHh, H, 0, 0);
    // r and z have theirs beside W x already.
    zeroGateBias(section, H);
    return;
  }
  packLines(section, padH, 2, H, 0, 1, 1, 0, 1, 0, 0);
  packLines(section, padH, 2, H, 1, H, padH, weightHh, H, 0, 0);
  section += sectionBytes(sectionVectors(2, H), padH);
  packLines(section, padH, 1, H, 0, 1, 1, 0, 1, 0, 0);
  packLines(section, padH, 1, H, 1, H, padH, weightHh + (<usize>(2 * H * H) << 2), H, 0, 0);
}

/** Clears the bias of the gates r and z in a section of r z n. */
function zeroGateBias(section: usize, hiddenSize: i32): void {
  const vectors = sectionVectors(3, hiddenSize);
  let vector = 0;
  while (vector < vectors) {
    const width = stripWidth(vector, vectors);
    for (let v = 0; v < width; v++) {
      if ((vector + v) % 3 != 2) v128.store(section + (<usize>v << 4), f32x4.splat(0));
    }
    section += (<usize>width * <usize>(paddedLines(hiddenSize) + 1)) << 4;
    vector += width;
  }
}
