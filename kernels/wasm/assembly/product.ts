// Rows times packed weights: out = start + a W. The columns of W stand in strips of 6, 4 or 2 vectors of
// four, two strips of a width making a block; a strip holds its bias, then one line for each k. However the
// rows are tiled, each sum is taken in the same order, so a row's result does not depend on its neighbours.
//
// Engines without a trap handler check every access by comparing its address with the memory's size less
// the access's offset, and the processor is then held up by the number of instructions, six a cycle. The
// inner loops therefore use few different offsets, so that these limits stay in registers, with few
// pointers to move on, and take several lines a round: two strips by six offsets, four lines. Each offset
// is also loaded by once before a loop begins, or its limit would be computed in every round.

import { loadPart, madd } from "./simd";

/** Vectors of the next block when `remaining` vectors, a multiple of 4, are left. */
// @ts-ignore: decorator
@inline
export function blockWidth(remaining: i32): i32 {
  return remaining == 16 || remaining == 8 ? 8 : remaining >= 12 ? 12 : 4;
}

/** Lines of W for `k` inputs: whole vectors of inputs, the last ones zero. */
// @ts-ignore: decorator
@inline
export function paddedLines(k: i32): i32 {
  return (k + 3) & ~3;
}

/** One row by a block, its strips `apart` bytes apart; sums begin at `start` and `start2`. */
// @ts-ignore: decorator
@inline
function row12(start: usize, start2: usize, w: usize, apart: usize, a: usize, lines: i32, out: usize): void {
  let s0 = v128.load(start, 0);
  let s1 = v128.load(start, 16);
  let s2 = v128.load(start, 32);
  let s3 = v128.load(start, 48);
  let s4 = v128.load(start, 64);
  let s5 = v128.load(start, 80);
  let s6 = v128.load(start2, 0);
  let s7 = v128.load(start2, 16);
  let s8 = v128.load(start2, 32);
  let s9 = v128.load(start2, 48);
  let s10 = v128.load(start2, 64);
  let s11 = v128.load(start2, 80);
  let w2 = w + apart;
  for (const end = a + (<usize>lines << 2); a < end; a += 16) {
    const four = v128.load(a);
    let x = v128.shuffle<f32>(four, four, 0, 0, 0, 0);
    s0 = madd(v128.load(w, 0), x, s0);
    s1 = madd(v128.load(w, 16), x, s1);
    s2 = madd(v128.load(w, 32), x, s2);
    s3 = madd(v128.load(w, 48), x, s3);
    s4 = madd(v128.load(w, 64), x, s4);
    s5 = madd(v128.load(w, 80), x, s5);
    s6 = madd(v128.load(w2, 0), x, s6);
    s7 = madd(v128.load(w2, 16), x, s7);
    s8 = madd(v128.load(w2, 32), x, s8);
    s9 = madd(v128.load(w2, 48), x, s9);
    s10 = madd(v128.load(w2, 64), x, s10);
    s11 = madd(v128.load(w2, 80), x, s11);
    w += 96;
    w2 += 96;
    x = v128.shuffle<f32>(four, four, 1, 1, 1, 1);
    s0 = madd(v128.load(w, 0), x, s0);
    s1 = madd(v128.load(w, 16), x, s1);
    s2 = madd(v128.load(w, 32), x, s2);
    s3 = madd(v128.load(w, 48), x, s3);
    s4 = madd(v128.load(w, 64), x, s4);
    s5 = madd(v128.load(w, 80), x, s5);
    s6 = madd(v128.load(w2, 0), x, s6);
    s7 = madd(v128.load(w2, 16), x, s7);
    s8 = madd(v128.load(w2, 32), x, s8);
    s9 = madd(v128.load(w2, 48), x, s9);
    s10 = madd(v128.load(w2, 64), x, s10);
    s11 = madd(v128.load(w2, 80), x, s11);
    w += 96;
    w2 += 96;
    x = v128.shuffle<f32>(four, four, 2, 2, 2, 2);
    s0 = madd(v128.load(w, 0), x, s0);
    s1 = madd(v128.load(w, 16), x, s1);
    s2 = madd(v128.load(w, 32), x, s2);
    s3 = madd(v128.load(w, 48), x, s3);
    s4 = madd(v128.load(w, 64), x, s4);
    s5 = madd(v128.load(w, 80), x, s5);
    s6 = madd(v128.load(w2, 0), x, s6);
    s7 = madd(v128.load(w2, 16), x, s7);
    s8 = madd(v128.load(w2, 32), x, s8);
    s9 = madd(v128.load(w2, 48), x, s9);
    s10 = madd(v128.load(w2, 64), x, s10);
    s11 = madd(v128.load(w2, 80), x, s11);
    w += 96;
    w2 += 96;
    x = v128.shuffle<f32>(four, four, 3, 3, 3, 3);
    s0 = madd(v128.load(w, 0), x, s0);
    s1 = madd(v128.load(w, 16), x, s1);
    s2 = madd(v128.load(w, 32), x, s2);
    s3 = madd(v128.load(w, 48), x, s3);
    s4 = madd(v128.load(w, 64), x, s4);
    s5 = madd(v128.load(w, 80), x, s5);
    s6 = madd(v128.load(w2, 0), x, s6);
    s7 = madd(v128.load(w2, 16), x, s7);
    s8 = madd(v128.load(w2, 32), x, s8);
    s9 = madd(v128.load(w2, 48), x, s9);
    s10 = madd(v128.load(w2, 64), x, s10);
    s11 = madd(v128.load(w2, 80), x, s11);
    w += 96;
    w2 += 96;
  }
  v128.store(out, s0, 0);
  v128.store(out, s1, 16);
  v128.store(out, s2, 32);
  v128.store(out, s3, 48);
  v128.store(out, s4, 64);
  v128.store(out, s5, 80);
  v128.store(out, s6, 96);
  v128.store(out, s7, 112);
  v128.store(out, s8, 128);
  v128.store(out, s9, 144);
  v128.store(out, s10, 160);
  v128.store(out, s11, 176);
}

// @ts-ignore: decorator
@inline
function row8(start: usize, start2: usize, w: usize, apart: usize, a: usize, lines: i32, out: usize): void {
  let s0 = v128.load(start, 0);
  let s1 = v128.load(start, 16);
  let s2 = v128.load(start, 32);
  let s3 = v128.load(start, 48);
  let s4 = v128.load(start2, 0);
  let s5 = v128.load(start2, 16);
  let s6 = v128.load(start2, 32);
  let s7 = v128.load(start2, 48);
  let w2 = w + apart;
  for (const end = a + (<usize>lines << 2); a < end; a += 16) {
    const four = v128.load(a);
    let x = v128.shuffle<f32>(four, four, 0, 0, 0, 0);
    s0 = madd(v128.load(w, 0), x, s0);
    s1 = madd(v128.load(w, 16), x, s1);
    s2 = madd(v128.load(w, 32), x, s2);
    s3 = madd(v128.load(w, 48), x, s3);
    s4 = madd(v128.load(w2, 0), x, s4);
    s5 = madd(v128.load(w2, 16), x, s5);
    s6 = madd(v128.load(w2, 32), x, s6);
    s7 = madd(v128.load(w2, 48), x, s7);
    w += 64;
    w2 += 64;
    x = v128.shuffle<f32>(four, four, 1, 1, 1, 1);
    s0 = madd(v128.load(w, 0), x, s0);
    s1 = madd(v128.load(w, 16), x, s1);
    s2 = madd(v128.load(w, 32), x, s2);
    s3 = madd(v128.load(w, 48), x, s3);
    s4 = madd(v128.load(w2, 0), x, s4);
    s5 = madd(v128.load(w2, 16), x, s5);
    s6 = madd(v128.load(w2, 32), x, s6);
    s7 = madd(v128.load(w2, 48), x, s7);
    w += 64;
    w2 += 64;
    x = v128.shuffle<f32>(four, four, 2, 2, 2, 2);
    s0 = madd(v128.load(w, 0), x, s0);
    s1 = madd(v128.load(w, 16), x, s1);
    s2 = madd(v128.load(w, 32), x, s2);
    s3 = madd(v128.load(w, 48), x, s3);
    s4 = madd(v128.load(w2, 0), x, s4);
    s5 = madd(v128.load(w2, 16), x, s5);
    s6 = madd(v128.load(w2, 32), x, s6);
    s7 = madd(v128.load(w2, 48), x, s7);
    w += 64;
    w2 += 64;
    x = v128.shuffle<f32>(four, four, 3, 3, 3, 3);
    s0 = madd(v128.load(w, 0), x, s0);
    s1 = madd(v128.load(w, 16), x, s1);
    s2 = madd(v128.load(w, 32), x, s2);
    s3 = madd(v128.load(w, 48), x, s3);
    s4 = madd(v128.load(w2, 0), x, s4);
    s5 = madd(v128.load(w2, 16), x, s5);
    s6 = madd(v128.load(w2, 32), x, s6);
    s7 = madd(v128.load(w2, 48), x, s7);
    w += 64;
    w2 += 64;
  }
  v128.store(out, s0, 0);
  v128.store(out, s1, 16);
  v128.store(out, s2, 32);
  v128.store(out, s3, 48);
  v128.store(out, s4, 64);
  v128.store(out, s5, 80);
  v128.store(out, s6, 96);
  v128.store(out, s7, 112);
}

// @ts-ignore: decorator
@inline
function row4(start: usize, start2: usize, w: usize, apart: usize, a: usize, lines: i32, out: usize): void {
  let s0 = v128.load(start, 0);
  let s1 = v128.load(start, 16);
  let s2 = v128.load(start2, 0);
  let s3 = v128.load(start2, 16);
  let w2 = w + apart;
  for (const end = a + (<usize>lines << 2); a < end; a += 16) {
    const four = v128.load(a);
    let x = v128.shuffle<f32>(four, four, 0, 0, 0, 0);
    s0 = madd(v128.load(w, 0), x, s0);
    s1 = madd(v128.load(w, 16), x, s1);
    s2 = madd(v128.load(w2, 0), x, s2);
    s3 = madd(v128.load(w2, 16), x, s3);
    w += 32;
    w2 += 32;
    x = v128.shuffle<f32>(four, four, 1, 1, 1, 1);
    s0 = madd(v128.load(w, 0), x, s0);
    s1 = madd(v128.load(w, 16), x, s1);
    s2 = madd(v128.load(w2, 0), x, s2);
    s3 = madd(v128.load(w2, 16), x, s3);
    w += 32;
    w2 += 32;
    x = v128.shuffle<f32>(four, four, 2, 2, 2, 2);
    s0 = madd(v128.load(w, 0), x, s0);
    s1 = madd(v128.load(w, 16), x, s1);
    s2 = madd(v128.load(w2, 0), x, s2);
    s3 = madd(v128.load(w2, 16), x, s3);
    w += 32;
    w2 += 32;
    x = v128.shuffle<f32>(four, four, 3, 3, 3, 3);
    s0 = madd(v128.load(w, 0), x, s0);
    s1 = madd(v128.load(w, 16), x, s1);
    s2 = madd(v128.load(w2, 0), x, s2);
    s3 = madd(v128.load(w2, 16), x, s3);
    w += 32;
    w2 += 32;
  }
  v128.store(out, s0, 0);
  v128.store(out, s1, 16);
  v128.store(out, s2, 32);
  v128.store(out, s3, 48);
}

/** Where row `row` of a matrix starts, by its index where there is one. */
// @ts-ignore: decorator
@inline
export function rowAt(base: usize, index: usize, row: i32, stride: usize): usize {
  return base + <usize>(index ? load<u32>(index + (<usize>row << 2)) : <u32>row) * stride;
}

/** Rows of a tile. */
const TILE_ROWS = 6;

/** Bytes of one line of a panel. */
const LINE_BYTES: usize = TILE_ROWS << 2;

/** Bytes of the panels that {@link product} needs for `rows` rows and `lines` lines of W. */
// @ts-ignore: decorator
@inline
export function panelBytes(rows: i32, lines: i32): usize {
  return <usize>((rows + TILE_ROWS - 1) / TILE_ROWS) * <usize>lines * LINE_BYTES;
}

/** Writes six rows as lines of six, the last ones zero: one pointer then serves a tile where there were six. */
function packTile(a0: usize, a1: usize, a2: usize, a3: usize, a4: usize, a5: usize, k: i32, panel: usize): void {
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
function packRows(
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

/** Six rows, in a panel, by two vectors; lines of W, a multiple of four, are `line` bytes apart. */
function tile(
  start: usize,
  startStride: usize,
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
  let s00 = v128.load(start, 0);
  let s01 = v128.load(start, 16);
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
  if (startStride > 0) {
    start += startStride;
    s10 = v128.load(start, 0);
    s11 = v128.load(start, 16);
    start += startStride;
    s20 = v128.load(start, 0);
    s21 = v128.load(start, 16);
    start += startStride;
    s30 = v128.load(start, 0);
    s31 = v128.load(start, 16);
    start += startStride;
    s40 = v128.load(start, 0);
    s41 = v128.load(start, 16);
    start += startStride;
    s50 = v128.load(start, 0);
    s51 = v128.load(start, 16);
  }
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

/** One row as one line, each part padded with zeros to whole vectors: what {@link product} packs of it. */
function packLine(from: usize, k: i32, to: usize): void {
  for (; k >= 4; k -= 4, from += 16, to += 16) v128.store(to, v128.load(from));
  if (k > 0) v128.store(to, loadPart(from, k));
}

/** Whether single rows go through the blocks from the last to the first: see {@link product}. */
let backward: bool = false;

/**
 * `out[r] = start + a[r] W₁ + b[index[r]] W₂` for `rows` rows, where W₁ is the lines of the section's
 * `lines` from line `skip` on for `k1` inputs and W₂ those after them for `k2`. `start` 0 stands for the
 * section's bias, else it is an array like `out`, which it may be. Strides are in bytes. `panel` is room
 * for {@link panelBytes}.
 *
 * What is left of the rows by tiles goes row by row. Of weights larger than a cache, calls in turn begin
 * with the block where the one before ended: it is still there.
 */
export function product(
  rows: i32,
  vectors: i32,
  section: usize,
  lines: i32,
  skip: i32,
  start: usize,
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
  const count = paddedLines(k1) + paddedLines(k2);
  const tileBytes = <usize>count * LINE_BYTES;
  const outStride = <usize>vectors << 4;
  const tiled = rows - (rows % TILE_ROWS);
  let at = panel;
  for (let row = 0; row < tiled; row += TILE_ROWS, at += tileBytes) {
    packRows(row, a, aStride, k1, b, bStride, index, k2, at);
  }
  const singles = at;
  for (let row = tiled; row < rows; row++, at += <usize>count << 2) {
    if (k1 > 0) packLine(a + <usize>row * aStride, k1, at);
    if (k2 > 0) packLine(rowAt(b, index, row, bStride), k2, at + (<usize>paddedLines(k1) << 2));
  }
  if (tiled > 0) {
    for (let vector = 0; vector < vectors;) {
      const width = blockWidth(vectors - vector);
      tileBlock(tiled, vector, width, section, lines, skip, start, panel, count, out, outStride);
      vector += width;
    }
  }
  if (tiled == rows) return;
  const twelves = wideBlocks(vectors);
  for (let k = 0; k < twelves; k++) {
    const vector = 12 * (backward ? twelves - 1 - k : k);
    for (let row = tiled; row < rows; row++) {
      const line = singles + (<usize>((row - tiled) * count) << 2);
      rowBlock(row, vector, 12, section, lines, skip, start, line, count, out, outStride);
    }
  }
  for (let vector = 12 * twelves; vector < vectors;) {
    const width = blockWidth(vectors - vector);
    for (let row = tiled; row < rows; row++) {
      const line = singles + (<usize>((row - tiled) * count) << 2);
      rowBlock(row, vector, width, section, lines, skip, start, line, count, out, outStride);
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
  skip: i32,
  start: usize,
  panel: usize,
  count: i32,
  out: usize,
  outStride: usize,
): void {
  const line = <usize>width << 3;
  const column = <usize>vector << 4;
  let strip = section + column * <usize>(1 + lines);
  out += column;
  if (start) start += column;
  const tileBytes = <usize>count * LINE_BYTES;
  for (let half = 0; half < 2; half++) {
    const w = strip + line * <usize>(1 + skip);
    let from = start ? start : strip;
    let to = out;
    let at = panel;
    for (let row = 0; row < rows; row += TILE_ROWS) {
      for (let k: usize = 0; k < line; k += 32) {
        tile(from + k, start ? outStride : 0, w + k, line, at, count, to + k, outStride);
      }
      at += tileBytes;
      to += TILE_ROWS * outStride;
      if (start) from += TILE_ROWS * outStride;
    }
    strip += line * <usize>(1 + lines);
    out += line;
    if (start) start += line;
  }
}

/** One row, packed as a line of `count` inputs, by one block. */
function rowBlock(
  row: i32,
  vector: i32,
  width: i32,
  section: usize,
  lines: i32,
  skip: i32,
  start: usize,
  input: usize,
  count: i32,
  out: usize,
  outStride: usize,
): void {
  const line = <usize>width << 3;
  const column = <usize>vector << 4;
  const strip = section + column * <usize>(1 + lines);
  const apart = line * <usize>(1 + lines);
  const w = strip + line * <usize>(1 + skip);
  const at = <usize>row * outStride + column;
  const from = start ? start + at : strip;
  const from2 = start ? from + line : strip + apart;
  if (width == 12) row12(from, from2, w, apart, input, count, out + at);
  else if (width == 8) row8(from, from2, w, apart, input, count, out + at);
  else row4(from, from2, w, apart, input, count, out + at);
}
