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
  -87, // 16: σ is a normal float from here on, and 1 from there
  40, // 20
  12, // 24: of a and b
  120, // 28
  60, // 32
  -9.1, // 36: tanh is −1 up to here, and 1 from there
  9.1, // 40
  46.540764, // 44: of p, highest power first
  12142.89, // 48
  407950.72, // 52
  983.7319, // 56: of q
  92277.52, // 60
  815901.44, // 64
]);

// @ts-ignore: decorator
@inline
function constant(offset: usize): v128 {
  return v128.load_splat<f32>(CONSTANTS + offset);
}

/**
 * σ(x) = eˣ / (eˣ + 1) of four vectors in place, `stride` bytes apart; with a stride of 0, of one vector.
 *
 * eˣ = 2ⁿ eʳ for x = n ln 2 + r with |r| ≤ ln 2 / 2, and eʳ = (a + b) / (a − b) by its Padé approximant of order
 * 3 / 3, a = 12 r² + 120 and b = r (r² + 60): so σ takes one division, and n is added to the exponent of a + b.
 */
// @ts-ignore: decorator
@inline
function fourSigmoids(at0: usize, stride: usize): void {
  const at1 = at0 + stride;
  const at2 = at1 + stride;
  const at3 = at2 + stride;
  let k = constant(16);
  let x0 = f32x4.pmax(v128.load(at0), k);
  let x1 = f32x4.pmax(v128.load(at1), k);
  let x2 = f32x4.pmax(v128.load(at2), k);
  let x3 = f32x4.pmax(v128.load(at3), k);
  k = constant(20);
  x0 = f32x4.pmin(x0, k);
  x1 = f32x4.pmin(x1, k);
  x2 = f32x4.pmin(x2, k);
  x3 = f32x4.pmin(x3, k);
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
  // a, and b in the place of r.
  let a0 = f32x4.mul(x0, x0);
  let a1 = f32x4.mul(x1, x1);
  let a2 = f32x4.mul(x2, x2);
  let a3 = f32x4.mul(x3, x3);
  k = constant(32);
  y0 = f32x4.add(a0, k);
  y1 = f32x4.add(a1, k);
  y2 = f32x4.add(a2, k);
  y3 = f32x4.add(a3, k);
  k = constant(24);
  const k1 = constant(28);
  a0 = madd(a0, k, k1);
  a1 = madd(a1, k, k1);
  a2 = madd(a2, k, k1);
  a3 = madd(a3, k, k1);
  x0 = f32x4.mul(y0, x0);
  x1 = f32x4.mul(y1, x1);
  x2 = f32x4.mul(y2, x2);
  x3 = f32x4.mul(y3, x3);
  y0 = i32x4.add(f32x4.add(a0, x0), i32x4.shl(n0, 23));
  y1 = i32x4.add(f32x4.add(a1, x1), i32x4.shl(n1, 23));
  y2 = i32x4.add(f32x4.add(a2, x2), i32x4.shl(n2, 23));
  y3 = i32x4.add(f32x4.add(a3, x3), i32x4.shl(n3, 23));
  v128.store(at0, f32x4.div(y0, f32x4.add(y0, f32x4.sub(a0, x0))));
  v128.store(at1, f32x4.div(y1, f32x4.add(y1, f32x4.sub(a1, x1))));
  v128.store(at2, f32x4.div(y2, f32x4.add(y2, f32x4.sub(a2, x2))));
  v128.store(at3, f32x4.div(y3, f32x4.add(y3, f32x4.sub(a3, x3))));
}

/**
 * tanh of four vectors in place, `stride` bytes apart; with a stride of 0, of one vector.
 *
 * tanh x = 2 w / (1 + w²) for w = tanh (x / 2) = p / q, p = x (p₀ + p₁ x² + p₂ x⁴) and q = q₀ + q₁ x² + q₂ x⁴ + x⁶, fitted
 * for |x| ≤ 9.1. What w is off by counts less and less as |w| nears 1, where much rounding went into it.
 */
// @ts-ignore: decorator
@inline
function fourTanhs(at0: usize, stride: usize): void {
  const at1 = at0 + stride;
  const at2 = at1 + stride;
  const at3 = at2 + stride;
  let k = constant(36);
  let x0 = f32x4.pmax(v128.load(at0), k);
  let x1 = f32x4.pmax(v128.load(at1), k);
  let x2 = f32x4.pmax(v128.load(at2), k);
  let x3 = f32x4.pmax(v128.load(at3), k);
  k = constant(40);
  x0 = f32x4.pmin(x0, k);
  x1 = f32x4.pmin(x1, k);
  x2 = f32x4.pmin(x2, k);
  x3 = f32x4.pmin(x3, k);
  const u0 = f32x4.mul(x0, x0);
  const u1 = f32x4.mul(x1, x1);
  const u2 = f32x4.mul(x2, x2);
  const u3 = f32x4.mul(x3, x3);
  k = constant(44);
  const k1 = constant(48);
  let p0 = madd(u0, k, k1);
  let p1 = madd(u1, k, k1);
  let p2 = madd(u2, k, k1);
  let p3 = madd(u3, k, k1);
  k = constant(52);
  p0 = madd(p0, u0, k);
  p1 = madd(p1, u1, k);
  p2 = madd(p2, u2, k);
  p3 = madd(p3, u3, k);
  p0 = f32x4.mul(p0, x0);
  p1 = f32x4.mul(p1, x1);
  p2 = f32x4.mul(p2, x2);
  p3 = f32x4.mul(p3, x3);
  k = constant(56);
  let q0 = f32x4.add(u0, k);
  let q1 = f32x4.add(u1, k);
  let q2 = f32x4.add(u2, k);
  let q3 = f32x4.add(u3, k);
  k = constant(60);
  q0 = madd(q0, u0, k);
  q1 = madd(q1, u1, k);
  q2 = madd(q2, u2, k);
  q3 = madd(q3, u3, k);
  k = constant(64);
  q0 = madd(q0, u0, k);
  q1 = madd(q1, u1, k);
  q2 = madd(q2, u2, k);
  q3 = madd(q3, u3, k);
  x0 = f32x4.mul(p0, q0);
  x1 = f32x4.mul(p1, q1);
  x2 = f32x4.mul(p2, q2);
  x3 = f32x4.mul(p3, q3);
  q0 = f32x4.mul(q0, q0);
  q1 = f32x4.mul(q1, q1);
  q2 = f32x4.mul(q2, q2);
  q3 = f32x4.mul(q3, q3);
  v128.store(at0, f32x4.div(f32x4.add(x0, x0), madd(p0, p0, q0)));
  v128.store(at1, f32x4.div(f32x4.add(x1, x1), madd(p1, p1, q1)));
  v128.store(at2, f32x4.div(f32x4.add(x2, x2), madd(p2, p2, q2)));
  v128.store(at3, f32x4.div(f32x4.add(x3, x3), madd(p3, p3, q3)));
}

const SIGMOID = 0;

/** σ of `count` vectors in place, `stride` bytes apart. */
export function sigmoids(at: usize, stride: usize, count: i32): void {
  while (count > 0) {
    const taken = count >= 4 ? 4 : 1;
    fourSigmoids(at, taken == 4 ? stride : 0);
    at += stride * taken;
    count -= taken;
  }
}

/** tanh of `count` vectors in place, `stride` bytes apart. */
export function tanhs(at: usize, stride: usize, count: i32): void {
  while (count > 0) {
    const taken = count >= 4 ? 4 : 1;
    fourTanhs(at, taken == 4 ? stride : 0);
    at += stride * taken;
    count -= taken;
  }
}

/** The two over an array, in place: for measuring their errors. `length` is a multiple of four. */
export function activate(kind: i32, at: usize, length: i32): void {
  if (kind == SIGMOID) sigmoids(at, 16, length >> 2);
  else tanhs(at, 16, length >> 2);
}
