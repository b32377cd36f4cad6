// One step of many rows, and sequences of steps. Rows go through in chunks whose products stay in the
// first-level cache until their activations are taken.

import { candidateRow, gruRow, lstmRow, resetRow } from "./cells";
import { copyFloats, rowAt } from "./elementwise";
import { GRU, LSTM, sectionBytes, sectionVectors } from "./layout";
import { product } from "./product";
import { paddedLines } from "./strips";
import { panelBytes } from "./tiles";

/** Rows of a chunk: a multiple of a tile's six; at 64 hidden units their products take 24 KiB. */
const CHUNK_ROWS = 24;

/** Bytes that the input products of several steps of a sequence may take: a part of a second-level cache. */
const SEGMENT_BYTES = 256 * 1024;

// @ts-ignore: decorator
@inline
function gatesOf(cell: i32): i32 {
  return cell == LSTM ? 4 : 3;
}

/** Bytes of one row of input products. */
// @ts-ignore: decorator
@inline
function productBytes(cell: i32, hiddenSize: i32): usize {
  return <usize>sectionVectors(gatesOf(cell), hiddenSize) << 4;
}

/** Bytes of one row of everything else `advance` needs. */
function workBytes(cell: i32, hiddenSize: i32): usize {
  if (cell == LSTM) return 0;
  if (cell == GRU) return <usize>sectionVectors(3, hiddenSize) << 4;
  return <usize>(sectionVectors(2, hiddenSize) + 2 * sectionVectors(1, hiddenSize)) << 4;
}

/** Bytes of the panels of a chunk's inputs. */
// @ts-ignore: decorator
@inline
function inputBytes(inputSize: i32, hiddenSize: i32): usize {
  return panelBytes(CHUNK_ROWS, paddedLines(inputSize) + paddedLines(hiddenSize));
}

/** Bytes of scratch that `step` needs. */
export function stepScratch(cell: i32, inputSize: i32, hiddenSize: i32, batch: i32): usize {
  const rows = <usize>min(batch, CHUNK_ROWS);
  return inputBytes(inputSize, hiddenSize) +
    rows * (productBytes(cell, hiddenSize) + workBytes(cell, hiddenSize));
}

/** Steps of a sequence whose input products are taken as one. An LSTM's go with those of the state. */
function segmentSteps(cell: i32, hiddenSize: i32, steps: i32, batch: i32): i32 {
  if (cell == LSTM) return 1;
  const stepBytes = <usize>batch * productBytes(cell, hiddenSize);
  return min(steps, max(1, <i32>(SEGMENT_BYTES / stepBytes)));
}

/** Bytes of scratch that `sequence` needs. */
export function sequenceScratch(
  cell: i32,
  inputSize: i32,
  hiddenSize: i32,
  steps: i32,
  batch: i32,
): usize {
  const rows = <usize>(segmentSteps(cell, hiddenSize, steps, batch) * batch);
  return inputBytes(inputSize, hiddenSize) + rows * productBytes(cell, hiddenSize) +
    <usize>min(batch, CHUNK_ROWS) * workBytes(cell, hiddenSize);
}

/** The products of `rows` rows with the input weights of a GRU, bias included. */
function inputProducts(
  inputSize: i32,
  hiddenSize: i32,
  rows: i32,
  x: usize,
  packed: usize,
  products: usize,
  panel: usize,
): void {
  const vectors = sectionVectors(3, hiddenSize);
  const stride = <usize>inputSize << 2;
  for (; rows > 0; rows -= CHUNK_ROWS) {
    const taken = min(rows, CHUNK_ROWS);
    product(taken, vectors, packed, x, stride, inputSize, 0, 0, 0, 0, products, panel);
    x += <usize>taken * stride;
    products += (<usize>taken * <usize>vectors) << 4;
  }
}

/**
 * Advances one chunk of rows. `products` holds a GRU's input products; for an LSTM it is room for all of them,
 * and `x` holds the inputs. `index` gives the rows of `h` and `c` (and then `cNext`); `hNext` and `saved` take row by row.
 */
function advance(
  cell: i32,
  inputSize: i32,
  hiddenSize: i32,
  rows: i32,
  x: usize,
  packed: usize,
  h: usize,
  c: usize,
  index: usize,
  products: usize,
  work: usize,
  panel: usize,
  hNext: usize,
  cNext: usize,
  saved: usize,
): void {
  const I = inputSize;
  const H = hiddenSize;
  const hStride = <usize>H << 2;
  const pStride = productBytes(cell, H);
  const sStride = hStride << 2;
  if (cell == LSTM) {
    const V = sectionVectors(4, H);
    product(rows, V, packed, x, <usize>I << 2, I, h, hStride, index, H, products, panel);
    for (let row = 0; row < rows; row++) {
      lstmRow(
        H,
        products + <usize>row * pStride,
        rowAt(c, index, row, hStride),
        rowAt(cNext, index, row, hStride),
        hNext + <usize>row * hStride,
        saved ? saved + <usize>row * sStride : 0,
      );
    }
    return;
  }
  const section = packed + sectionBytes(sectionVectors(3, H), paddedLines(I));
  if (cell == GRU) {
    const V = sectionVectors(3, H);
    product(rows, V, section, 0, 0, 0, h, hStride, index, H, work, panel);
    for (let row = 0; row < rows; row++) {
      gruRow(
        H,
        products + <usize>row * pStride,
        work + <usize>row * pStride,
        rowAt(h, index, row, hStride),
        hNext + <usize>row * hStride,
        saved ? saved + <usize>row * sStride : 0,
      );
    }
    return;
  }
  const gateVectors = sectionVectors(2, H);
  const gateStride = <usize>gateVectors << 4;
  const vectors = sectionVectors(1, H);
  const stride = <usize>vectors << 4;
  const resetState = work + <usize>rows * gateStride;
  const candidate = resetState + <usize>rows * stride;
  product(rows, gateVectors, section, 0, 0, 0, h, hStride, index, H, work, panel);
  for (let row = 0; row < rows; row++) {
    resetRow(
      H,
      products + <usize>row * pStride,
      work + <usize>row * gateStride,
      rowAt(h, index, row, hStride),
      resetState + <usize>row * stride,
      saved ? saved + <usize>row * sStride : 0,
    );
  }
  const last = section + sectionBytes(gateVectors, paddedLines(H));
  product(rows, vectors, last, resetState, stride, H, 0, 0, 0, 0, candidate, panel);
  for (let row = 0; row < rows; row++) {
    candidateRow(
      H,
      products + <usize>row * pStride,
      candidate + <usize>row * stride,
      rowAt(h, index, row, hStride),
      hNext + <usize>row * hStride,
      saved ? saved + <usize>row * sStride : 0,
    );
  }
}

/**
 * Reads a word of each cache line of rows that are needed soon, all at once rather than each when its turn
 * comes: so the memory's answers overlap. Their sum goes to `sink`, or an engine would leave them out.
 */
function touchRows(rows: i32, base: usize, index: usize, stride: usize, sink: usize): void {
  let sum = 0;
  for (let row = 0; row < rows; row++) {
    const at = rowAt(base, index, row, stride);
    for (let k: usize = 0; k < stride; k += 64) sum += load<i32>(at + k);
  }
  store<i32>(sink, sum);
}

/** Gives the first of `count` indices that is not below `capacity`, or −1. */
export function firstOutside(index: usize, count: i32, capacity: u32): i32 {
  for (let row = 0; row < count; row++) {
    if (load<u32>(index + (<usize>row << 2)) >= capacity) return row;
  }
  return -1;
}

/**
 * One step of `count` rows; the states `h` and `c` hold `capacity` rows.
 * Gives the first row whose index lies outside them, before anything was written, or −1.
 */
export function step(
  cell: i32,
  inputSize: i32,
  hiddenSize: i32,
  count: i32,
  x: usize,
  packed: usize,
  h: usize,
  c: usize,
  index: usize,
  capacity: i32,
  output: usize,
  scratch: usize,
): i32 {
  if (index) {
    const outside = firstOutside(index, count, capacity);
    if (outside >= 0) return outside;
  }
  const xStride = <usize>inputSize << 2;
  const hStride = <usize>hiddenSize << 2;
  const products = scratch + inputBytes(inputSize, hiddenSize);
  const work = products + <usize>min(count, CHUNK_ROWS) * productBytes(cell, hiddenSize);
  for (let first = 0; first < count; first += CHUNK_ROWS) {
    const rows = min(CHUNK_ROWS, count - first);
    if (index) {
      touchRows(rows, h, index, hStride, scratch);
      if (cell == LSTM) touchRows(rows, c, index, hStride, scratch);
    }
    if (cell != LSTM) {
      inputProducts(inputSize, hiddenSize, rows, x, packed, products, scratch);
    }
    advance(
      cell,
      inputSize,
      hiddenSize,
      rows,
      x,
      packed,
      h,
      c,
      index,
      products,
      work,
      scratch,
      output,
      c,
      0,
    );
    for (let row = 0; row < rows; row++) {
      copyFloats(output + <usize>row * hStride, rowAt(h, index, row, hStride), hiddenSize);
    }
    x += <usize>rows * xStride;
    output += <usize>rows * hStride;
    if (index) index += <usize>rows << 2;
    else {
      h += <usize>rows * hStride;
      c += <usize>rows * hStride;
    }
  }
  return -1;
}

/** `steps` steps of `batch` rows, keeping what the backward pass needs. */
export function sequence(
  cell: i32,
  inputSize: i32,
  hiddenSize: i32,
  steps: i32,
  batch: i32,
  x: usize,
  packed: usize,
  h0: usize,
  c0: usize,
  hs: usize,
  cs: usize,
  saved: usize,
  scratch: usize,
): void {
  const pStride = productBytes(cell, hiddenSize);
  const hStride = <usize>hiddenSize << 2;
  const segment = segmentSteps(cell, hiddenSize, steps, batch);
  const segmentProducts = scratch + inputBytes(inputSize, hiddenSize);
  const work = segmentProducts + <usize>(segment * batch) * pStride;
  let h = h0;
  let c = c0;
  for (let t0 = 0; t0 < steps; t0 += segment) {
    const taken = min(segment, steps - t0);
    let products = segmentProducts;
    if (cell != LSTM) {
      inputProducts(inputSize, hiddenSize, taken * batch, x, packed, products, scratch);
    }
    for (let t = 0; t < taken; t++) {
      for (let first = 0; first < batch; first += CHUNK_ROWS) {
        const rows = min(CHUNK_ROWS, batch - first);
        const at = <usize>first * hStride;
        advance(
          cell,
          inputSize,
          hiddenSize,
          rows,
          x,
          packed,
          h + at,
          c + at,
          0,
          products,
          work,
          scratch,
          hs + at,
          cs + at,
          saved + (at << 2),
        );
        products += <usize>rows * pStride;
        x += (<usize>rows * <usize>inputSize) << 2;
      }
      h = hs;
      c = cs;
      hs += <usize>batch * hStride;
      if (cell == LSTM) cs += <usize>batch * hStride;
      saved += <usize>batch * (hStride << 2);
    }
  }
}
