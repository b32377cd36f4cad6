// One row times a block of packed weights: two strips at once, four lines a round. See product.ts.

import { loadPart, madd } from "./simd";

/** One row by a block, its strips `apart` bytes apart; sums begin with their bias. */
// @ts-ignore: decorator
@inline
export function row12(w: usize, apart: usize, a: usize, lines: i32, out: usize): void {
  let w2 = w + apart;
  let s0 = v128.load(w, 0);
  let s1 = v128.load(w, 16);
  let s2 = v128.load(w, 32);
  let s3 = v128.load(w, 48);
  let s4 = v128.load(w, 64);
  let s5 = v128.load(w, 80);
  let s6 = v128.load(w2, 0);
  let s7 = v128.load(w2, 16);
  let s8 = v128.load(w2, 32);
  let s9 = v128.load(w2, 48);
  let s10 = v128.load(w2, 64);
  let s11 = v128.load(w2, 80);
  w += 96;
  w2 += 96;
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
export function row8(w: usize, apart: usize, a: usize, lines: i32, out: usize): void {
  let w2 = w + apart;
  let s0 = v128.load(w, 0);
  let s1 = v128.load(w, 16);
  let s2 = v128.load(w, 32);
  let s3 = v128.load(w, 48);
  let s4 = v128.load(w2, 0);
  let s5 = v128.load(w2, 16);
  let s6 = v128.load(w2, 32);
  let s7 = v128.load(w2, 48);
  w += 64;
  w2 += 64;
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
export function row4(w: usize, apart: usize, a: usize, lines: i32, out: usize): void {
  let w2 = w + apart;
  let s0 = v128.load(w, 0);
  let s1 = v128.load(w, 16);
  let s2 = v128.load(w2, 0);
  let s3 = v128.load(w2, 16);
  w += 32;
  w2 += 32;
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

/** One row as one line, each part padded with zeros to whole vectors: what {@link product} packs of it. */
export function packLine(from: usize, k: i32, to: usize): void {
  for (; k >= 4; k -= 4, from += 16, to += 16) v128.store(to, v128.load(from));
  if (k > 0) v128.store(to, loadPart(from, k));
}
