// Logistic function and hyperbolic tangent. NaN stays NaN: `pmin` and `pmax` give their
// first operand where the comparison fails. The largest errors are measured in the tests.
//
// Four vectors go side by side, step by step: one alone is a chain of operations that wait for each other,
// and a processor looks too few of them ahead to fill its pipes with the next vector's. A constant is also
// loaded once for the four.

import { madd } from "./simd";

/**
 * The constants, in memory: an engine loads one from a fixed address in one instruction, where it would
 * build a constant vector anew, in several, at each use.
 */
const CONSTANTS: usize = memory.data<f32>([
  12582912, // 0: adding 1.5 · 2²³ rounds to a whole number and leaves it in the low bits
  1.44269504088896341, // 4: 1 / ln 2
  -0.693359375, // 8: −ln 2 in two parts, the first so short that n times it is exact
  2.12194440e-4, // 12
  1.3946497041608691e-3, // 16: (eʳ − 1 − r) / r², highest power first, fitted for |r| ≤ ln 2 / 2
  8.366610630542337e-3, // 20
  4.1666281398112764e-2, // 24
  1.6666542793648884e-1, // 28
  0.5, // 32
  -87, // 36: the arguments between which eˣ is a normal float
  88, // 40
  1, // 44
  2, // 48
  -1, // 52
  -0.0, // 56: the sign bit
]);

// @ts-ignore: decorator
@inline
function constant(offset: usize): v128 {
  return v128.load_splat<f32>(CONSTANTS + offset);
}

/** σ(x) = 1 / (1 + e⁻ˣ), and tanh |x| = −t / (t + 2) with t = e^{−2|x|} − 1, which cancels nowhere. */
const SIGMOID = 0;
const TANH = 1;

/**
 * One of the two, of four vectors in place, `stride` bytes apart; with a stride of 0, of one vector.
 *
 * eˣ = 2ⁿ eʳ for x = n ln 2 + r with |r| ≤ ln 2 / 2, in the manner of Moshier's Cephes (1992), so that
 * eʳ − 1 has a small relative error also near 0.
 */
// @ts-ignore: decorator
@inline
function four(kind: i32, at0: usize, stride: usize): void {
  const at1 = at0 + stride;
  const at2 = at1 + stride;
  const at3 = at2 + stride;
  let x0 = v128.load(at0);
  let x1 = v128.load(at1);
  let x2 = v128.load(at2);
  let x3 = v128.load(at3);
  let k: v128;
  if (kind == SIGMOID) {
    k = constant(52);
    x0 = f32x4.mul(x0, k);
    x1 = f32x4.mul(x1, k);
    x2 = f32x4.mul(x2, k);
    x3 = f32x4.mul(x3, k);
  } else {
    k = constant(56);
    x0 = v128.or(f32x4.add(x0, x0), k);
    x1 = v128.or(f32x4.add(x1, x1), k);
    x2 = v128.or(f32x4.add(x2, x2), k);
    x3 = v128.or(f32x4.add(x3, x3), k);
  }
  k = constant(36);
  x0 = f32x4.pmax(x0, k);
  x1 = f32x4.pmax(x1, k);
  x2 = f32x4.pmax(x2, k);
  x3 = f32x4.pmax(x3, k);
  if (kind == SIGMOID) {
    k = constant(40);
    x0 = f32x4.pmin(x0, k);
    x1 = f32x4.pmin(x1, k);
    x2 = f32x4.pmin(x2, k);
    x3 = f32x4.pmin(x3, k);
  }
  // n, as a whole number in the low bits of n + 1.5 · 2²³.
  k = constant(4);
  const round = constant(0);
  let n0 = madd(x0, k, round);
  let n1 = madd(x1, k, round);
  let n2 = madd(x2, k, round);
  let n3 = madd(x3, k, round);
  let y0 = f32x4.sub(n0, round);
  let y1 = f32x4.sub(n1, round);
  let y2 = f32x4.sub(n2, round);
  let y3 = f32x4.sub(n3, round);
  k = constant(8);
  x0 = madd(y0, k, x0);
  x1 = madd(y1, k, x1);
  x2 = madd(y2, k, x2);
  x3 = madd(y3, k, x3);
  k = constant(12);
  x0 = madd(y0, k, x0);
  x1 = madd(y1, k, x1);
  x2 = madd(y2, k, x2);
  x3 = madd(y3, k, x3);
  // eʳ − 1.
  k = constant(16);
  const k1 = constant(20);
  let p0 = madd(k, x0, k1);
  let p1 = madd(k, x1, k1);
  let p2 = madd(k, x2, k1);
  let p3 = madd(k, x3, k1);
  k = constant(24);
  p0 = madd(p0, x0, k);
  p1 = madd(p1, x1, k);
  p2 = madd(p2, x2, k);
  p3 = madd(p3, x3, k);
  k = constant(28);
  p0 = madd(p0, x0, k);
  p1 = madd(p1, x1, k);
  p2 = madd(p2, x2, k);
  p3 = madd(p3, x3, k);
  k = constant(32);
  p0 = madd(p0, x0, k);
  p1 = madd(p1, x1, k);
  p2 = madd(p2, x2, k);
  p3 = madd(p3, x3, k);
  y0 = f32x4.mul(x0, x0);
  y1 = f32x4.mul(x1, x1);
  y2 = f32x4.mul(x2, x2);
  y3 = f32x4.mul(x3, x3);
  p0 = madd(p0, y0, x0);
  p1 = madd(p1, y1, x1);
  p2 = madd(p2, y2, x2);
  p3 = madd(p3, y3, x3);
  // 2ⁿ.
  const one = constant(44);
  n0 = i32x4.add(i32x4.shl(n0, 23), one);
  n1 = i32x4.add(i32x4.shl(n1, 23), one);
  n2 = i32x4.add(i32x4.shl(n2, 23), one);
  n3 = i32x4.add(i32x4.shl(n3, 23), one);
  if (kind == SIGMOID) {
    p0 = madd(p0, n0, n0);
    p1 = madd(p1, n1, n1);
    p2 = madd(p2, n2, n2);
    p3 = madd(p3, n3, n3);
    v128.store(at0, f32x4.div(one, f32x4.add(one, p0)));
    v128.store(at1, f32x4.div(one, f32x4.add(one, p1)));
    v128.store(at2, f32x4.div(one, f32x4.add(one, p2)));
    v128.store(at3, f32x4.div(one, f32x4.add(one, p3)));
  } else {
    p0 = madd(p0, n0, f32x4.sub(n0, one));
    p1 = madd(p1, n1, f32x4.sub(n1, one));
    p2 = madd(p2, n2, f32x4.sub(n2, one));
    p3 = madd(p3, n3, f32x4.sub(n3, one));
    // −t / (t + 2) is not negative, so its sign bit is that of x once t / (t + 2) has lost its own.
    k = constant(48);
    const sign = constant(56);
    v128.store(at0, v128.bitselect(v128.load(at0), f32x4.div(p0, f32x4.add(p0, k)), sign));
    v128.store(at1, v128.bitselect(v128.load(at1), f32x4.div(p1, f32x4.add(p1, k)), sign));
    v128.store(at2, v128.bitselect(v128.load(at2), f32x4.div(p2, f32x4.add(p2, k)), sign));
    v128.store(at3, v128.bitselect(v128.load(at3), f32x4.div(p3, f32x4.add(p3, k)), sign));
  }
}

/** σ of `count` vectors in place, `stride` bytes apart. */
export function sigmoids(at: usize, stride: usize, count: i32): void {
  while (count > 0) {
    const taken = count >= 4 ? 4 : 1;
    four(SIGMOID, at, taken == 4 ? stride : 0);
    at += stride * taken;
    count -= taken;
  }
}

/** tanh of `count` vectors in place, `stride` bytes apart. */
export function tanhs(at: usize, stride: usize, count: i32): void {
  while (count > 0) {
    const taken = count >= 4 ? 4 : 1;
    four(TANH, at, taken == 4 ? stride : 0);
    at += stride * taken;
    count -= taken;
  }
}

/** The two over an array, in place: for measuring their errors. `length` is a multiple of four. */
export function activate(kind: i32, at: usize, length: i32): void {
  if (kind == SIGMOID) sigmoids(at, 16, length >> 2);
  else tanhs(at, 16, length >> 2);
}
