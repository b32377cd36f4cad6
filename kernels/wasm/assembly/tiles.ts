// Six rows times two columns of packed weights, the rows brought into panels first. See product.ts.

import { rowAt } from "./elementwise";
import { madd } from "./simd";
import { paddedLines } from "./strips";

/** Rows of a tile. */
export const TILE_ROWS = 6;

/** Bytes of one line of a panel. */
export const LINE_BYTES: usize = TILE_ROWS << 2;

/** Bytes of the panels that {@link product} needs for `rows` rows and `lines` lines of W. */
// @ts-ignore: decorator
@inline
export function panelBytes(rows: i32, lines: i32): usize {
  return <usize>((rows + TILE_ROWS - 1) / TILE_ROWS) * <usize>lines * LINE_BYTES;
}

/**
 * Writes six rows as lines of six, and zeros up to a multiple of four lines: one pointer then serves a tile
 * where there were six.
 */
function packTile(
  a0: usize,
  a1: usize,
  a2: usize,
  a3: usize,
  a4: usize,
  a5: usize,
  k: i32,
  panel: usize,
): void {
  for (; k >= 4; k -= 4) {
    const r0 = v128.load(a0);
    const r1 = v128.load(a1);
    const r2 = v128.load(a2);
    const r3 = v128.load(a3);
    const r4 = v128.load(a4);
    const r5 = v128.load(a5);
    const low01 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5);
    const low23 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5);
    const high01 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7);
    const high23 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7);
    const low45 = v128.shuffle<f32>(r4, r5, 0, 4, 1, 5);
    const high45 = v128.shuffle<f32>(r4, r5, 2, 6, 3, 7);
    v128.store(panel, v128.shuffle<f64>(low01, low23, 0, 2), 0);
    v128.store_lane<u64>(panel, low45, 0, 16);
    v128.store(panel, v128.shuffle<f64>(low01, low23, 1, 3), 24);
    v128.store_lane<u64>(panel, low45, 1, 40);
    v128.store(panel, v128.shuffle<f64>(high01, high23, 0, 2), 48);
    v128.store_lane<u64>(panel, high45, 0, 64);
    v128.store(panel, v128.shuffle<f64>(high01, high23, 1, 3), 72);
    v128.store_lane<u64>(panel, high45, 1, 88);
    panel += 96;
    a0 += 16;
    a1 += 16;
    a2 += 16;
    a3 += 16;
    a4 += 16;
    a5 += 16;
  }
  const padding = (4 - k) & 3;
  for (; k > 0; k--) {
    store<f32>(panel, load<f32>(a0), 0);
    store<f32>(panel, load<f32>(a1), 4);
    store<f32>(panel, load<f32>(a2), 8);
    store<f32>(panel, load<f32>(a3), 12);
    store<f32>(panel, load<f32>(a4), 16);
    store<f32>(panel, load<f32>(a5), 20);
    panel += 24;
    a0 += 4;
    a1 += 4;
    a2 += 4;
    a3 += 4;
    a4 += 4;
    a5 += 4;
  }
  if (padding > 0) memory.fill(panel, 0, <usize>padding * LINE_BYTES);
}

/** The panel of six rows: of each `k1` floats of `a`, then `k2` of `b`, each padded to whole vectors. */
export function packRows(
  row: i32,
  a: usize,
  aStride: usize,
  k1: i32,
  b: usize,
  bStride: usize,
  index: usize,
  k2: i32,
  panel: usize,
): void {
  if (k1 > 0) {
    const a0 = a + <usize>row * aStride;
    const a2 = a0 + 2 * aStride;
    const a4 = a2 + 2 * aStride;
    packTile(a0, a0 + aStride, a2, a2 + aStride, a4, a4 + aStride, k1, panel);
    panel += <usize>paddedLines(k1) * LINE_BYTES;
  }
  if (k2 > 0) {
    packTile(
      rowAt(b, index, row, bStride),
      rowAt(b, index, row + 1, bStride),
      rowAt(b, index, row + 2, bStride),
      rowAt(b, index, row + 3, bStride),
      rowAt(b, index, row + 4, bStride),
      rowAt(b, index, row + 5, bStride),
      k2,
      panel,
    );
  }
}

/**
 * Six rows, in a panel, by two vectors; the bias and the lines of W, a multiple of four, are `line` bytes
 * apart.
 */
export function tile(
  w: usize,
  line: usize,
  panel: usize,
  lines: i32,
  out: usize,
  outStride: usize,
): void {
  let x = v128.load_splat<f32>(panel, 0);
  x = v128.load_splat<f32>(panel, 4);
  x = v128.load_splat<f32>(panel, 8);
  let s00 = v128.load(w, 0);
  let s01 = v128.load(w, 16);
  let s10 = s00;
  let s11 = s01;
  let s20 = s00;
  let s21 = s01;
  let s30 = s00;
  let s31 = s01;
  let s40 = s00;
  let s41 = s01;
  let s50 = s00;
  let s51 = s01;
  w += line;
  let half = panel + 12;
  for (const end = panel + <usize>lines * LINE_BYTES; panel < end; panel += LINE_BYTES) {
    let w0 = v128.load(w, 0);
    let w1 = v128.load(w, 16);
    x = v128.load_splat<f32>(panel, 0);
    s00 = madd(w0, x, s00);
    s01 = madd(w1, x, s01);
    x = v128.load_splat<f32>(panel, 4);
    s10 = madd(w0, x, s10);
    s11 = madd(w1, x, s11);
    x = v128.load_splat<f32>(panel, 8);
    s20 = madd(w0, x, s20);
    s21 = madd(w1, x, s21);
    x = v128.load_splat<f32>(half, 0);
    s30 = madd(w0, x, s30);
    s31 = madd(w1, x, s31);
    x = v128.load_splat<f32>(half, 4);
    s40 = madd(w0, x, s40);
    s41 = madd(w1, x, s41);
    x = v128.load_splat<f32>(half, 8);
    s50 = madd(w0, x, s50);
    s51 = madd(w1, x, s51);
    panel += LINE_BYTES;
    half += LINE_BYTES;
    w += line;
    w0 = v128.load(w, 0);
    w1 = v128.load(w, 16);
    x = v128.load_splat<f32>(panel, 0);
    s00 = madd(w0, x, s00);
    s01 = madd(w1, x, s01);
    x = v128.load_splat<f32>(panel, 4);
    s10 = madd(w0, x, s10);
    s11 = madd(w1, x, s11);
    x = v128.load_splat<f32>(panel, 8);
    s20 = madd(w0, x, s20);
    s21 = madd(w1, x, s21);
    x = v128.load_splat<f32>(half, 0);
    s30 = madd(w0, x, s30);
    s31 = madd(w1, x, s31);
    x = v128.load_splat<f32>(half, 4);
    s40 = madd(w0, x, s40);
    s41 = madd(w1, x, s41);
    x = v128.load_splat<f32>(half, 8);
    s50 = madd(w0, x, s50);
    s51 = madd(w1, x, s51);
    panel += LINE_BYTES;
    half += LINE_BYTES;
    w += line;
    w0 = v128.load(w, 0);
    w1 = v128.load(w, 16);
    x = v128.load_splat<f32>(panel, 0);
    s00 = madd(w0, x, s00);
    s01 = madd(w1, x, s01);
    x = v128.load_splat<f32>(panel, 4);
    s10 = madd(w0, x, s10);
    s11 = madd(w1, x, s11);
    x = v128.load_splat<f32>(panel, 8);
    s20 = madd(w0, x, s20);
    s21 = madd(w1, x, s21);
    x = v128.load_splat<f32>(half, 0);
    s30 = madd(w0, x, s30);
    s31 = madd(w1, x, s31);
    x = v128.load_splat<f32>(half, 4);
    s40 = madd(w0, x, s40);
    s41 = madd(w1, x, s41);
    x = v128.load_splat<f32>(half, 8);
    s50 = madd(w0, x, s50);
    s51 = madd(w1, x, s51);
    panel += LINE_BYTES;
    half += LINE_BYTES;
    w += line;
    w0 = v128.load(w, 0);
    w1 = v128.load(w, 16);
    x = v128.load_splat<f32>(panel, 0);
    s00 = madd(w0, x, s00);
    s01 = madd(w1, x, s01);
    x = v128.load_splat<f32>(panel, 4);
    s10 = madd(w0, x, s10);
    s11 = madd(w1, x, s11);
    x = v128.load_splat<f32>(panel, 8);
    s20 = madd(w0, x, s20);
    s21 = madd(w1, x, s21);
    x = v128.load_splat<f32>(half, 0);
    s30 = madd(w0, x, s30);
    s31 = madd(w1, x, s31);
    x = v128.load_splat<f32>(half, 4);
    s40 = madd(w0, x, s40);
    s41 = madd(w1, x, s41);
    x = v128.load_splat<f32>(half, 8);
    s50 = madd(w0, x, s50);
    s51 = madd(w1, x, s51);
    half += LINE_BYTES;
    w += line;
  }
  v128.store(out, s00, 0);
  v128.store(out, s01, 16);
  out += outStride;
  v128.store(out, s10, 0);
  v128.store(out, s11, 16);
  out += outStride;
  v128.store(out, s20, 0);
  v128.store(out, s21, 16);
  out += outStride;
  v128.store(out, s30, 0);
  v128.store(out, s31, 16);
  out += outStride;
  v128.store(out, s40, 0);
  v128.store(out, s41, 16);
  out += outStride;
  v128.store(out, s50, 0);
  v128.store(out, s51, 16);
}
