// What the engine and the machine allow, for the roofline: multiply-adds from registers, and over weights
// that are streamed from a cache. Twelve independent sums, as in the kernels.

import { madd } from "./simd";

/** `rounds` times twelve multiply-adds of four floats, nothing loaded. */
export function multiplyAddPeak(rounds: i32, at: usize): void {
  let x = v128.load(at);
  const y = v128.load(at, 16);
  let s0 = x;
  let s1 = x;
  let s2 = x;
  let s3 = x;
  let s4 = x;
  let s5 = x;
  let s6 = x;
  let s7 = x;
  let s8 = x;
  let s9 = x;
  let s10 = x;
  let s11 = x;
  for (; rounds > 0; rounds--) {
    s0 = madd(s0, y, x);
    s1 = madd(s1, y, x);
    s2 = madd(s2, y, x);
    s3 = madd(s3, y, x);
    s4 = madd(s4, y, x);
    s5 = madd(s5, y, x);
    s6 = madd(s6, y, x);
    s7 = madd(s7, y, x);
    s8 = madd(s8, y, x);
    s9 = madd(s9, y, x);
    s10 = madd(s10, y, x);
    s11 = madd(s11, y, x);
  }
  x = f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3));
  x = f32x4.add(x, f32x4.add(f32x4.add(s4, s5), f32x4.add(s6, s7)));
  x = f32x4.add(x, f32x4.add(f32x4.add(s8, s9), f32x4.add(s10, s11)));
  v128.store(at, x);
}

/**
 * One pass over `lines` lines of 192 bytes, a multiple of four: each vector loaded once and multiplied once,
 * in two streams and four lines a round like the kernels, but without a load of x.
 */
export function multiplyAddStream(lines: i32, w: usize, at: usize): void {
  const x = v128.load(at);
  let s0 = x;
  let s1 = x;
  let s2 = x;
  let s3 = x;
  let s4 = x;
  let s5 = x;
  let s6 = x;
  let s7 = x;
  let s8 = x;
  let s9 = x;
  let s10 = x;
  let s11 = x;
  let w2 = w + <usize>lines * 96;
  for (const end = w2; w < end;) {
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
  let total = f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3));
  total = f32x4.add(total, f32x4.add(f32x4.add(s4, s5), f32x4.add(s6, s7)));
  total = f32x4.add(total, f32x4.add(f32x4.add(s8, s9), f32x4.add(s10, s11)));
  v128.store(at, total, 16);
}
