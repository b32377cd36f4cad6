// Rows times packed weights: out = bias + a W. However the rows are tiled, each sum is taken in the same
// order, so a row's result does not depend on its neighbours.
//
// Engines without a trap handler check every access by comparing its address with the memory's size less
// the access's offset, and the processor is then held up by the number of instructions, six a cycle. The
// inner loops therefore use few different offsets, so that these limits stay in registers, with few
// pointers to move on, and take several lines a round: two strips by six offsets, four lines. Each offset
// is also loaded by once before a loop begins, or its limit would be computed in every round.

import { rowAt } from "./elementwise";
import { packLine, row12, row4, row8 } from "./rows";
import { blockWidth, paddedLines } from "./strips";
import { LINE_BYTES, packRows, tile, TILE_ROWS } from "./tiles";

/** Whether single rows go through the blocks from the last to the first: see {@link product}. */
let backward: bool = false;

/**
 * `out[r] = bias + a[r] W₁ + b[index[r]] W₂` for `rows` rows, where W₁ is the first lines of the section, for
 * `k1` inputs, and W₂ those after them, for `k2`. Strides are in bytes. `panel` is room for {@link panelBytes}.
 *
 * What is left of the rows by tiles goes row by row. Of weights larger than a cache, calls in turn begin
 * with the block where the one before ended: it is still there.
 */
export function product(
  rows: i32,
  vectors: i32,
  section: usize,
  a: usize,
  aStride: usize,
  k1: i32,
  b: usize,
  bStride: usize,
  index: usize,
  k2: i32,
  out: usize,
  panel: usize,
): void {
  const lines = paddedLines(k1) + paddedLines(k2);
  const tileBytes = <usize>lines * LINE_BYTES;
  const outStride = <usize>vectors << 4;
  const tiled = rows - (rows % TILE_ROWS);
  let at = panel;
  for (let row = 0; row < tiled; row += TILE_ROWS, at += tileBytes) {
    packRows(row, a, aStride, k1, b, bStride, index, k2, at);
  }
  const singles = at;
  for (let row = tiled; row < rows; row++, at += <usize>lines << 2) {
    if (k1 > 0) packLine(a + <usize>row * aStride, k1, at);
    if (k2 > 0) packLine(rowAt(b, index, row, bStride), k2, at + (<usize>paddedLines(k1) << 2));
  }
  if (tiled > 0) {
    for (let vector = 0; vector < vectors;) {
      const width = blockWidth(vectors - vector);
      tileBlock(tiled, vector, width, section, lines, panel, out, outStride);
      vector += width;
    }
  }
  if (tiled == rows) return;
  const twelves = wideBlocks(vectors);
  for (let k = 0; k < twelves; k++) {
    const vector = 12 * (backward ? twelves - 1 - k : k);
    for (let row = tiled; row < rows; row++) {
      const line = singles + (<usize>((row - tiled) * lines) << 2);
      rowBlock(vector, 12, section, lines, line, out + <usize>row * outStride);
    }
  }
  for (let vector = 12 * twelves; vector < vectors;) {
    const width = blockWidth(vectors - vector);
    for (let row = tiled; row < rows; row++) {
      const line = singles + (<usize>((row - tiled) * lines) << 2);
      rowBlock(vector, width, section, lines, line, out + <usize>row * outStride);
    }
    vector += width;
  }
  backward = !backward;
}

/** Blocks of 12 vectors among `vectors`. */
function wideBlocks(vectors: i32): i32 {
  let blocks = 0;
  for (; blockWidth(vectors) == 12; vectors -= 12) blocks++;
  return blocks;
}

/** `rows` rows in panels, whole tiles, by one block. */
function tileBlock(
  rows: i32,
  vector: i32,
  width: i32,
  section: usize,
  lines: i32,
  panel: usize,
  out: usize,
  outStride: usize,
): void {
  const line = <usize>width << 3;
  const column = <usize>vector << 4;
  let strip = section + column * <usize>(1 + lines);
  out += column;
  for (let half = 0; half < 2; half++) {
    let to = out;
    let at = panel;
    for (let row = 0; row < rows; row += TILE_ROWS) {
      for (let k: usize = 0; k < line; k += 32) {
        tile(strip + k, line, at, lines, to + k, outStride);
      }
      at += <usize>lines * LINE_BYTES;
      to += TILE_ROWS * outStride;
    }
    strip += line * <usize>(1 + lines);
    out += line;
  }
}

/** One row, packed as a line of `lines` inputs, by one block. */
function rowBlock(
  vector: i32,
  width: i32,
  section: usize,
  lines: i32,
  input: usize,
  out: usize,
): void {
  const column = <usize>vector << 4;
  const strip = section + column * <usize>(1 + lines);
  const apart = (<usize>width << 3) * <usize>(1 + lines);
  out += column;
  if (width == 12) row12(strip, apart, input, lines, out);
  else if (width == 8) row8(strip, apart, input, lines, out);
  else row4(strip, apart, input, lines, out);
}
