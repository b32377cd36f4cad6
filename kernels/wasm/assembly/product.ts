// Rows times packed weights: out = start + a W. The columns of W stand in blocks of 12, 8 or 4 vectors of
// four; a block holds its bias, then one line for each k. However the rows are tiled, each sum is taken
// in the same order, so a row's result does not depend on its neighbours.
//
// Engines without a trap handler check every access by comparing its address with the memory's size less
// the access's offset. The inner loops therefore use few different offsets, so that these limits stay in
// registers: three pointers with four offsets each rather than one pointer with twelve. They also load by
// each offset once before they begin, or the limit would be computed in every round.

import { madd } from "./simd";

/** Vectors of the next block when `remaining` vectors, a multiple of 4, are left. */
// @ts-ignore: decorator
@inline
export function blockWidth(remaining: i32): i32 {
  return remaining == 16 || remaining == 8 ? 8 : remaining >= 12 ? 12 : 4;
}

// @ts-ignore: decorator
@inline
function row12(start: usize, w: usize, a: usize, k1: i32, b: usize, k2: i32, out: usize): void {
  let s0 = v128.load(start, 0);
  let s1 = v128.load(start, 16);
  let s2 = v128.load(start, 32);
  let s3 = v128.load(start, 48);
  let s4 = v128.load(start, 64);
  let s5 = v128.load(start, 80);
  let s6 = v128.load(start, 96);
  let s7 = v128.load(start, 112);
  let s8 = v128.load(start, 128);
  let s9 = v128.load(start, 144);
  let s10 = v128.load(start, 160);
  let s11 = v128.load(start, 176);
  let w4 = w + 64;
  let w8 = w + 128;
  // Twelve bytes back, so that a float by offset 12 has the limit of a vector by offset 0.
  a -= 12;
  let end = a + (<usize>k1 << 2);
  for (let part = 0; part < 2; part++) {
    while (a < end) {
      const x = v128.load_splat<f32>(a, 12);
      s0 = madd(v128.load(w, 0), x, s0);
      s1 = madd(v128.load(w, 16), x, s1);
      s2 = madd(v128.load(w, 32), x, s2);
      s3 = madd(v128.load(w, 48), x, s3);
      s4 = madd(v128.load(w4, 0), x, s4);
      s5 = madd(v128.load(w4, 16), x, s5);
      s6 = madd(v128.load(w4, 32), x, s6);
      s7 = madd(v128.load(w4, 48), x, s7);
      s8 = madd(v128.load(w8, 0), x, s8);
      s9 = madd(v128.load(w8, 16), x, s9);
      s10 = madd(v128.load(w8, 32), x, s10);
      s11 = madd(v128.load(w8, 48), x, s11);
      w += 192;
      w4 += 192;
      w8 += 192;
      a += 4;
    }
    a = b - 12;
    end = a + (<usize>k2 << 2);
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
function row8(start: usize, w: usize, a: usize, k1: i32, b: usize, k2: i32, out: usize): void {
  let s0 = v128.load(start, 0);
  let s1 = v128.load(start, 16);
  let s2 = v128.load(start, 32);
  let s3 = v128.load(start, 48);
  let s4 = v128.load(start, 64);
  let s5 = v128.load(start, 80);
  let s6 = v128.load(start, 96);
  let s7 = v128.load(start, 112);
  let w4 = w + 64;
  // Twelve bytes back, so that a float by offset 12 has the limit of a vector by offset 0.
  a -= 12;
  let end = a + (<usize>k1 << 2);
  for (let part = 0; part < 2; part++) {
    while (a < end) {
      const x = v128.load_splat<f32>(a, 12);
      s0 = madd(v128.load(w, 0), x, s0);
      s1 = madd(v128.load(w, 16), x, s1);
      s2 = madd(v128.load(w, 32), x, s2);
      s3 = madd(v128.load(w, 48), x, s3);
      s4 = madd(v128.load(w4, 0), x, s4);
      s5 = madd(v128.load(w4, 16), x, s5);
      s6 = madd(v128.load(w4, 32), x, s6);
      s7 = madd(v128.load(w4, 48), x, s7);
      w += 128;
      w4 += 128;
      a += 4;
    }
    a = b - 12;
    end = a + (<usize>k2 << 2);
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
function row4(start: usize, w: usize, a: usize, k1: i32, b: usize, k2: i32, out: usize): void {
  let s0 = v128.load(start, 0);
  let s1 = v128.load(start, 16);
  let s2 = v128.load(start, 32);
  let s3 = v128.load(start, 48);
  // Twelve bytes back, so that a float by offset 12 has the limit of a vector by offset 0.
  a -= 12;
  let end = a + (<usize>k1 << 2);
  for (let part = 0; part < 2; part++) {
    while (a < end) {
      const x = v128.load_splat<f32>(a, 12);
      s0 = madd(v128.load(w, 0), x, s0);
      s1 = madd(v128.load(w, 16), x, s1);
      s2 = madd(v128.load(w, 32), x, s2);
      s3 = madd(v128.load(w, 48), x, s3);
      w += 64;
      a += 4;
    }
    a = b - 12;
    end = a + (<usize>k2 << 2);
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

/** Bytes of the panel that {@link product} needs to sum over `lines` lines. */
// @ts-ignore: decorator
@inline
export function panelBytes(lines: i32): usize {
  return <usize>lines * LINE_BYTES;
}

/** Writes six rows as lines of six: one pointer then serves a tile where there were six. */
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
}

/** The panel of six rows: of each `k1` floats of `a`, then `k2` of `b`. */
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
    panel += <usize>k1 * LINE_BYTES;
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

/** Six rows, in a panel, by two vectors; lines of W are `line` bytes apart. */
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
  start += startStride;
  let s10 = v128.load(start, 0);
  let s11 = v128.load(start, 16);
  start += startStride;
  let s20 = v128.load(start, 0);
  let s21 = v128.load(start, 16);
  start += startStride;
  let s30 = v128.load(start, 0);
  let s31 = v128.load(start, 16);
  start += startStride;
  let s40 = v128.load(start, 0);
  let s41 = v128.load(start, 16);
  start += startStride;
  let s50 = v128.load(start, 0);
  let s51 = v128.load(start, 16);
  let half = panel + 12;
  for (const end = panel + <usize>lines * LINE_BYTES; panel < end; panel += LINE_BYTES) {
    const w0 = v128.load(w, 0);
    const w1 = v128.load(w, 16);
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

/** Six rows, in a panel of `count` lines, by all columns. */
function tileRow(
  vectors: i32,
  section: usize,
  lines: i32,
  skip: i32,
  start: usize,
  panel: usize,
  count: i32,
  out: usize,
): void {
  const outStride = <usize>vectors << 4;
  while (vectors > 0) {
    const width = blockWidth(vectors);
    const line = <usize>width << 4;
    const w = section + line * <usize>(1 + skip);
    const from = start ? start : section;
    const fromStride = start ? outStride : 0;
    for (let column: usize = 0; column < line; column += 32) {
      tile(from + column, fromStride, w + column, line, panel, count, out + column, outStride);
    }
    section += line * <usize>(1 + lines);
    if (start) start += line;
    out += line;
    vectors -= width;
  }
}

/**
 * `out[r] = start + a[r] W₁ + b[index[r]] W₂` for `rows` rows, where W₁ is `k1` lines of the section's
 * `lines` from line `skip` on and W₂ the `k2` lines after them. `start` 0 stands for the section's bias,
 * else it is an array like `out`, which it may be. Strides are in bytes. `panel` is room for
 * {@link panelBytes}.
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
  const outStride = <usize>vectors << 4;
  const tiled = rows - (rows % TILE_ROWS);
  for (let row = 0; row < tiled; row += TILE_ROWS) {
    packRows(row, a, aStride, k1, b, bStride, index, k2, panel);
    const at = out + <usize>row * outStride;
    const from = start ? start + <usize>row * outStride : 0;
    tileRow(vectors, section, lines, skip, from, panel, k1 + k2, at);
  }
  if (tiled == rows) return;
  while (vectors > 0) {
    const width = blockWidth(vectors);
    const line = <usize>width << 4;
    const w = section + line * <usize>(1 + skip);
    const from = start ? start : section;
    const fromStride = start ? outStride : 0;
    for (let row = tiled; row < rows; row++) {
      const s = from + <usize>row * fromStride;
      const p = a + <usize>row * aStride;
      const q = k2 > 0 ? rowAt(b, index, row, bStride) : 0;
      const o = out + <usize>row * outStride;
      if (width == 12) row12(s, w, p, k1, q, k2, o);
      else if (width == 8) row8(s, w, p, k1, q, k2, o);
      else row4(s, w, p, k1, q, k2, o);
    }
    section += line * <usize>(1 + lines);
    if (start) start += line;
    out += line;
    vectors -= width;
  }
}
