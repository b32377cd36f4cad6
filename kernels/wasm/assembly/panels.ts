// Products of the backward pass. Gradients by the products of a layer stand in panels: eight columns
// wide, one line for each row, a panel after the other. So a panel serves twice without being copied: its
// columns are what is summed over in `dh = dG W`, its rows in `dW = dGᵀ x`.

import { copyFloats } from "./elementwise";
import { madd } from "./simd";

/** Rows of a tile, and rows that may be read behind a panel's last one. */
export const TILE_ROWS = 6;

/** Rows of x and of a panel that one block of a weight gradient sums over: both fit a first-level cache. */
const BLOCK_ROWS = 256;

// @ts-ignore: decorator
@inline
export function roundUp(size: i32, unit: i32): i32 {
  return ((size + unit - 1) / unit) * unit;
}

/** Bytes of one panel for `rows` rows. */
// @ts-ignore: decorator
@inline
export function panelBytes(rows: i32): usize {
  return <usize>(rows + TILE_ROWS) << 5;
}

/**
 * Turns `weight [gates · H, size]` round for {@link panelProduct}: for every eight of its columns, the
 * lines of `count` gates from gate `first` on (counted modulo `gates`), each padded to whole panels.
 */
export function packBackward(
  weight: usize,
  gates: i32,
  first: i32,
  count: i32,
  hiddenSize: i32,
  size: i32,
  target: usize,
): void {
  const padded = roundUp(hiddenSize, 8);
  for (let column = 0; column < size; column += 8) {
    const width = min(8, size - column);
    for (let k = 0; k < count; k++) {
      const gate = (first + k) % gates;
      for (let unit = 0; unit < padded; unit++, target += 32) {
        v128.store(target, f32x4.splat(0), 0);
        v128.store(target, f32x4.splat(0), 16);
        if (unit >= hiddenSize) continue;
        const row = <usize>(gate * hiddenSize + unit) * <usize>size + <usize>column;
        copyFloats(weight + (row << 2), target, width);
      }
    }
  }
}

/** Six rows by eight columns, summed over `panels` panels. */
function panelTile(
  panel: usize,
  stride: usize,
  panels: i32,
  w: usize,
  start: bool,
  out: usize,
  outStride: usize,
): void {
  // For the limits of these offsets: see product.ts.
  let x = v128.load_splat<f32>(panel, 0);
  x = v128.load_splat<f32>(panel, 32);
  x = v128.load_splat<f32>(panel, 64);
  let s00 = f32x4.splat(0);
  let s01 = s00;
  let s10 = s00;
  let s11 = s00;
  let s20 = s00;
  let s21 = s00;
  let s30 = s00;
  let s31 = s00;
  let s40 = s00;
  let s41 = s00;
  let s50 = s00;
  let s51 = s00;
  let at = out;
  if (start) {
    s00 = v128.load(at, 0);
    s01 = v128.load(at, 16);
    at += outStride;
    s10 = v128.load(at, 0);
    s11 = v128.load(at, 16);
    at += outStride;
    s20 = v128.load(at, 0);
    s21 = v128.load(at, 16);
    at += outStride;
    s30 = v128.load(at, 0);
    s31 = v128.load(at, 16);
    at += outStride;
    s40 = v128.load(at, 0);
    s41 = v128.load(at, 16);
    at += outStride;
    s50 = v128.load(at, 0);
    s51 = v128.load(at, 16);
    at = out;
  }
  for (; panels > 0; panels--) {
    let a = panel;
    let b = panel + 96;
    const end = panel + 32;
    while (a < end) {
      let w0 = v128.load(w, 0);
      let w1 = v128.load(w, 16);
      x = v128.load_splat<f32>(a, 0);
      s00 = madd(w0, x, s00);
      s01 = madd(w1, x, s01);
      x = v128.load_splat<f32>(a, 32);
      s10 = madd(w0, x, s10);
      s11 = madd(w1, x, s11);
      x = v128.load_splat<f32>(a, 64);
      s20 = madd(w0, x, s20);
      s21 = madd(w1, x, s21);
      x = v128.load_splat<f32>(b, 0);
      s30 = madd(w0, x, s30);
      s31 = madd(w1, x, s31);
      x = v128.load_splat<f32>(b, 32);
      s40 = madd(w0, x, s40);
      s41 = madd(w1, x, s41);
      x = v128.load_splat<f32>(b, 64);
      s50 = madd(w0, x, s50);
      s51 = madd(w1, x, s51);
      w += 32;
      a += 4;
      b += 4;
      w0 = v128.load(w, 0);
      w1 = v128.load(w, 16);
      x = v128.load_splat<f32>(a, 0);
      s00 = madd(w0, x, s00);
      s01 = madd(w1, x, s01);
      x = v128.load_splat<f32>(a, 32);
      s10 = madd(w0, x, s10);
      s11 = madd(w1, x, s11);
      x = v128.load_splat<f32>(a, 64);
      s20 = madd(w0, x, s20);
      s21 = madd(w1, x, s21);
      x = v128.load_splat<f32>(b, 0);
      s30 = madd(w0, x, s30);
      s31 = madd(w1, x, s31);
      x = v128.load_splat<f32>(b, 32);
      s40 = madd(w0, x, s40);
      s41 = madd(w1, x, s41);
      x = v128.load_splat<f32>(b, 64);
      s50 = madd(w0, x, s50);
      s51 = madd(w1, x, s51);
      w += 32;
      a += 4;
      b += 4;
      w0 = v128.load(w, 0);
      w1 = v128.load(w, 16);
      x = v128.load_splat<f32>(a, 0);
      s00 = madd(w0, x, s00);
      s01 = madd(w1, x, s01);
      x = v128.load_splat<f32>(a, 32);
      s10 = madd(w0, x, s10);
      s11 = madd(w1, x, s11);
      x = v128.load_splat<f32>(a, 64);
      s20 = madd(w0, x, s20);
      s21 = madd(w1, x, s21);
      x = v128.load_splat<f32>(b, 0);
      s30 = madd(w0, x, s30);
      s31 = madd(w1, x, s31);
      x = v128.load_splat<f32>(b, 32);
      s40 = madd(w0, x, s40);
      s41 = madd(w1, x, s41);
      x = v128.load_splat<f32>(b, 64);
      s50 = madd(w0, x, s50);
      s51 = madd(w1, x, s51);
      w += 32;
      a += 4;
      b += 4;
      w0 = v128.load(w, 0);
      w1 = v128.load(w, 16);
      x = v128.load_splat<f32>(a, 0);
      s00 = madd(w0, x, s00);
      s01 = madd(w1, x, s01);
      x = v128.load_splat<f32>(a, 32);
      s10 = madd(w0, x, s10);
      s11 = madd(w1, x, s11);
      x = v128.load_splat<f32>(a, 64);
      s20 = madd(w0, x, s20);
      s21 = madd(w1, x, s21);
      x = v128.load_splat<f32>(b, 0);
      s30 = madd(w0, x, s30);
      s31 = madd(w1, x, s31);
      x = v128.load_splat<f32>(b, 32);
      s40 = madd(w0, x, s40);
      s41 = madd(w1, x, s41);
      x = v128.load_splat<f32>(b, 64);
      s50 = madd(w0, x, s50);
      s51 = madd(w1, x, s51);
      w += 32;
      a += 4;
      b += 4;
    }
    panel += stride;
  }
  v128.store(at, s00, 0);
  v128.store(at, s01, 16);
  at += outStride;
  v128.store(at, s10, 0);
  v128.store(at, s11, 16);
  at += outStride;
  v128.store(at, s20, 0);
  v128.store(at, s21, 16);
  at += outStride;
  v128.store(at, s30, 0);
  v128.store(at, s31, 16);
  at += outStride;
  v128.store(at, s40, 0);
  v128.store(at, s41, 16);
  at += outStride;
  v128.store(at, s50, 0);
  v128.store(at, s51, 16);
}

/**
 * Two rows by two groups of eight columns, summed over `panels` panels: what is left of the rows by sixes is
 * often so few. `w2` and `out2` are the second group's.
 */
function panelPair(
  panel: usize,
  stride: usize,
  panels: i32,
  w: usize,
  w2: usize,
  start: bool,
  out: usize,
  out2: usize,
  outStride: usize,
): void {
  let s00 = f32x4.splat(0);
  let s01 = s00;
  let s02 = s00;
  let s03 = s00;
  let s10 = s00;
  let s11 = s00;
  let s12 = s00;
  let s13 = s00;
  const below = out + outStride;
  const below2 = out2 + outStride;
  if (start) {
    s00 = v128.load(out, 0);
    s01 = v128.load(out, 16);
    s02 = v128.load(out2, 0);
    s03 = v128.load(out2, 16);
    s10 = v128.load(below, 0);
    s11 = v128.load(below, 16);
    s12 = v128.load(below2, 0);
    s13 = v128.load(below2, 16);
  }
  for (; panels > 0; panels--, panel += stride) {
    for (let a = panel; a < panel + 32; a += 4) {
      const x = v128.load_splat<f32>(a, 0);
      const y = v128.load_splat<f32>(a, 32);
      let column = v128.load(w, 0);
      s00 = madd(column, x, s00);
      s10 = madd(column, y, s10);
      column = v128.load(w, 16);
      s01 = madd(column, x, s01);
      s11 = madd(column, y, s11);
      column = v128.load(w2, 0);
      s02 = madd(column, x, s02);
      s12 = madd(column, y, s12);
      column = v128.load(w2, 16);
      s03 = madd(column, x, s03);
      s13 = madd(column, y, s13);
      w += 32;
      w2 += 32;
    }
  }
  v128.store(out, s00, 0);
  v128.store(out, s01, 16);
  v128.store(out2, s02, 0);
  v128.store(out2, s03, 16);
  v128.store(below, s10, 0);
  v128.store(below, s11, 16);
  v128.store(below2, s12, 0);
  v128.store(below2, s13, 16);
}

/**
 * `out [rows, size] = panels · w`, or added to what `out` holds where `start` is set. `panel` points at
 * the first row's line in the first of `panels` panels that are `stride` bytes apart. `out` has whole
 * panels for columns and room for whole tiles of rows.
 */
export function panelProduct(
  rows: i32,
  panel: usize,
  stride: usize,
  panels: i32,
  w: usize,
  size: i32,
  start: bool,
  out: usize,
): void {
  const outStride = <usize>roundUp(size, 8) << 2;
  const wBytes = <usize>panels << 8;
  for (let row = 0; row < rows; row += TILE_ROWS) {
    const at = panel + (<usize>row << 5);
    const target = out + <usize>row * outStride;
    if (rows - row <= 2) {
      for (let column: usize = 0; column < outStride; column += 64) {
        // The last group alone goes twice.
        const second = min(column + 32, outStride - 32);
        panelPair(
          at,
          stride,
          panels,
          w + wBytes * (column >> 5),
          w + wBytes * (second >> 5),
          start,
          target + column,
          target + second,
          outStride,
        );
      }
    } else {
      for (let column: usize = 0; column < outStride; column += 32) {
        panelTile(at, stride, panels, w + wBytes * (column >> 5), start, target + column, outStride);
      }
    }
  }
}

/** The same, written to `out [rows, size]` without padding, by way of `tile` that holds six rows. */
export function panelProductRows(
  rows: i32,
  panel: usize,
  stride: usize,
  panels: i32,
  w: usize,
  size: i32,
  tile: usize,
  out: usize,
): void {
  const tileStride = <usize>roundUp(size, 8) << 2;
  for (let row = 0; row < rows; row += TILE_ROWS) {
    const at = panel + (<usize>row << 5);
    panelProduct(TILE_ROWS, at, stride, panels, w, size, false, tile);
    for (let k = 0; k < min(TILE_ROWS, rows - row); k++, out += <usize>size << 2) {
      copyFloats(tile + <usize>k * tileStride, out, size);
    }
  }
}

/** Bytes of scratch that {@link weightGradient} needs for rows of `size` floats. */
export function gradientScratch(size: i32, panels: i32): usize {
  const groups = <usize>(roundUp(size + 1, TILE_ROWS) / TILE_ROWS);
  return groups * (BLOCK_ROWS * TILE_ROWS * 4 + <usize>panels * 192);
}

/** Six rows of x by eight columns of a panel, summed over `rows` rows and added to `out`. */
function outerTile(x: usize, panel: usize, rows: i32, out: usize): void {
  let s00 = v128.load(out, 0);
  let s01 = v128.load(out, 16);
  let s10 = v128.load(out, 32);
  let s11 = v128.load(out, 48);
  let s20 = v128.load(out, 64);
  let s21 = v128.load(out, 80);
  let s30 = v128.load(out, 96);
  let s31 = v128.load(out, 112);
  let s40 = v128.load(out, 128);
  let s41 = v128.load(out, 144);
  let s50 = v128.load(out, 160);
  let s51 = v128.load(out, 176);
  // For the limits of these offsets: see product.ts.
  let a = v128.load_splat<f32>(x, 0);
  a = v128.load_splat<f32>(x, 4);
  a = v128.load_splat<f32>(x, 8);
  let y = x + 12;
  // Four rows a round, however many there are: see product.ts.
  for (const end = panel + (<usize>rows << 5); panel < end;) {
    let d0 = v128.load(panel, 0);
    let d1 = v128.load(panel, 16);
    a = v128.load_splat<f32>(x, 0);
    s00 = madd(d0, a, s00);
    s01 = madd(d1, a, s01);
    a = v128.load_splat<f32>(x, 4);
    s10 = madd(d0, a, s10);
    s11 = madd(d1, a, s11);
    a = v128.load_splat<f32>(x, 8);
    s20 = madd(d0, a, s20);
    s21 = madd(d1, a, s21);
    a = v128.load_splat<f32>(y, 0);
    s30 = madd(d0, a, s30);
    s31 = madd(d1, a, s31);
    a = v128.load_splat<f32>(y, 4);
    s40 = madd(d0, a, s40);
    s41 = madd(d1, a, s41);
    a = v128.load_splat<f32>(y, 8);
    s50 = madd(d0, a, s50);
    s51 = madd(d1, a, s51);
    x += 24;
    y += 24;
    panel += 32;
    if (panel >= end) break;
    d0 = v128.load(panel, 0);
    d1 = v128.load(panel, 16);
    a = v128.load_splat<f32>(x, 0);
    s00 = madd(d0, a, s00);
    s01 = madd(d1, a, s01);
    a = v128.load_splat<f32>(x, 4);
    s10 = madd(d0, a, s10);
    s11 = madd(d1, a, s11);
    a = v128.load_splat<f32>(x, 8);
    s20 = madd(d0, a, s20);
    s21 = madd(d1, a, s21);
    a = v128.load_splat<f32>(y, 0);
    s30 = madd(d0, a, s30);
    s31 = madd(d1, a, s31);
    a = v128.load_splat<f32>(y, 4);
    s40 = madd(d0, a, s40);
    s41 = madd(d1, a, s41);
    a = v128.load_splat<f32>(y, 8);
    s50 = madd(d0, a, s50);
    s51 = madd(d1, a, s51);
    x += 24;
    y += 24;
    panel += 32;
    if (panel >= end) break;
    d0 = v128.load(panel, 0);
    d1 = v128.load(panel, 16);
    a = v128.load_splat<f32>(x, 0);
    s00 = madd(d0, a, s00);
    s01 = madd(d1, a, s01);
    a = v128.load_splat<f32>(x, 4);
    s10 = madd(d0, a, s10);
    s11 = madd(d1, a, s11);
    a = v128.load_splat<f32>(x, 8);
    s20 = madd(d0, a, s20);
    s21 = madd(d1, a, s21);
    a = v128.load_splat<f32>(y, 0);
    s30 = madd(d0, a, s30);
    s31 = madd(d1, a, s31);
    a = v128.load_splat<f32>(y, 4);
    s40 = madd(d0, a, s40);
    s41 = madd(d1, a, s41);
    a = v128.load_splat<f32>(y, 8);
    s50 = madd(d0, a, s50);
    s51 = madd(d1, a, s51);
    x += 24;
    y += 24;
    panel += 32;
    if (panel >= end) break;
    d0 = v128.load(panel, 0);
    d1 = v128.load(panel, 16);
    a = v128.load_splat<f32>(x, 0);
    s00 = madd(d0, a, s00);
    s01 = madd(d1, a, s01);
    a = v128.load_splat<f32>(x, 4);
    s10 = madd(d0, a, s10);
    s11 = madd(d1, a, s11);
    a = v128.load_splat<f32>(x, 8);
    s20 = madd(d0, a, s20);
    s21 = madd(d1, a, s21);
    a = v128.load_splat<f32>(y, 0);
    s30 = madd(d0, a, s30);
    s31 = madd(d1, a, s31);
    a = v128.load_splat<f32>(y, 4);
    s40 = madd(d0, a, s40);
    s41 = madd(d1, a, s41);
    a = v128.load_splat<f32>(y, 8);
    s50 = madd(d0, a, s50);
    s51 = madd(d1, a, s51);
    x += 24;
    y += 24;
    panel += 32;
  }
  v128.store(out, s00, 0);
  v128.store(out, s01, 16);
  v128.store(out, s10, 32);
  v128.store(out, s11, 48);
  v128.store(out, s20, 64);
  v128.store(out, s21, 80);
  v128.store(out, s30, 96);
  v128.store(out, s31, 112);
  v128.store(out, s40, 128);
  v128.store(out, s41, 144);
  v128.store(out, s50, 160);
  v128.store(out, s51, 176);
}

/** Brings `rows` rows of x, each followed by a one for the bias, into groups of six columns. */
function packRows(x: usize, size: i32, rows: i32, target: usize): void {
  const groups = roundUp(size + 1, TILE_ROWS) / TILE_ROWS;
  for (let row = 0; row < rows; row++) {
    let at = target + <usize>row * 24;
    for (let group = 0; group < groups; group++, at += BLOCK_ROWS * 24) {
      const left = size - group * TILE_ROWS;
      if (left >= TILE_ROWS) {
        v128.store(at, v128.load(x));
        store<u64>(at, load<u64>(x, 16), 16);
      } else {
        for (let k = 0; k < TILE_ROWS; k++) {
          const value: f32 = k < left ? load<f32>(x + (<usize>k << 2)) : k == left ? 1 : 0;
          store<f32>(at + (<usize>k << 2), value);
        }
      }
      x += <usize>min(left, TILE_ROWS) << 2;
    }
  }
}

/**
 * Adds `Σ_row panel[row] ⊗ x[row]` to `weight [gates · H, size]` and `Σ_row panel[row]` to `bias`. Row r
 * of x is row r of `first` while r < `firstRows`, then row r − `firstRows` of `then`. The panels hold
 * `count` gates from gate `firstGate` on, counted modulo `gates`.
 */
export function weightGradient(
  first: usize,
  firstRows: i32,
  then: usize,
  rows: i32,
  size: i32,
  panel: usize,
  gates: i32,
  firstGate: i32,
  count: i32,
  hiddenSize: i32,
  weight: usize,
  bias: usize,
  scratch: usize,
): void {
  const groups = roundUp(size + 1, TILE_ROWS) / TILE_ROWS;
  const gatePanels = roundUp(hiddenSize, 8) >> 3;
  const panels = count * gatePanels;
  const stride = panelBytes(rows);
  const sums = scratch + <usize>groups * (BLOCK_ROWS * 24);
  const xStride = <usize>size << 2;
  memory.fill(sums, 0, <usize>(panels * groups) * 192);
  let row = 0;
  while (row < rows) {
    const source = row < firstRows ? first + <usize>row * xStride : then + <usize>(row - firstRows) * xStride;
    const block = min(BLOCK_ROWS, (row < firstRows ? firstRows : rows) - row);
    packRows(source, size, block, scratch);
    let out = sums;
    for (let p = 0; p < panels; p++) {
      const d = panel + <usize>p * stride + (<usize>row << 5);
      for (let group = 0; group < groups; group++, out += 192) {
        outerTile(scratch + <usize>group * (BLOCK_ROWS * 24), d, block, out);
      }
    }
    row += block;
  }
  for (let p = 0; p < panels; p++) {
    const gate = (firstGate + p / gatePanels) % gates;
    const unit = (p % gatePanels) << 3;
    for (let k = 0; k < min(8, hiddenSize - unit); k++) {
      const at = sums + <usize>(p * groups) * 192 + (<usize>k << 2);
      const line = gate * hiddenSize + unit + k;
      const target = weight + <usize>line * xStride;
      for (let column = 0; column < size; column++) {
        const to = target + (<usize>column << 2);
        store<f32>(to, load<f32>(to) + load<f32>(at + (<usize>column << 5)));
      }
      const to = bias + (<usize>line << 2);
      store<f32>(to, load<f32>(to) + load<f32>(at + (<usize>size << 5)));
    }
  }
}
