// Exponential, logistic function and hyperbolic tangent of four floats. NaN stays NaN: `pmin` and `pmax`
// give their first operand where the comparison fails. The largest errors are measured in the tests.

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
  1.9875691500e-4, // 16: (eʳ − 1 − r) / r², highest power first
  1.3981999507e-3,
  8.3334519073e-3,
  4.1665795894e-2,
  1.6666665459e-1,
  5.0000001201e-1,
  -87, // 40: the arguments between which eˣ is a normal float
  88, // 44
  1, // 48
  2, // 52
  -2, // 56
]);

// @ts-ignore: decorator
@inline
function constant(offset: usize): v128 {
  return v128.load_splat<f32>(CONSTANTS + offset);
}

/** x / ln 2 rounded, as a whole number in the low bits. */
// @ts-ignore: decorator
@inline
function exponent(x: v128): v128 {
  return madd(x, constant(4), constant(0));
}

/** 2ⁿ for the n in the low bits. */
// @ts-ignore: decorator
@inline
function power(exponent: v128): v128 {
  return i32x4.add(i32x4.shl(exponent, 23), constant(48));
}

/**
 * eʳ − 1 for x = n ln 2 + r, |r| ≤ ln 2 / 2 (Moshier, Cephes, 1992), with a small relative error also
 * near 0.
 */
// @ts-ignore: decorator
@inline
function reduced(x: v128, exponent: v128): v128 {
  const n = f32x4.sub(exponent, constant(0));
  const r = madd(n, constant(12), madd(n, constant(8), x));
  let p = madd(constant(16), r, constant(20));
  p = madd(p, r, constant(24));
  p = madd(p, r, constant(28));
  p = madd(p, r, constant(32));
  p = madd(p, r, constant(36));
  return madd(p, f32x4.mul(r, r), r);
}

/** eˣ; arguments are limited to where it is a normal float. */
// @ts-ignore: decorator
@inline
export function exp(argument: v128): v128 {
  const x = f32x4.pmin(f32x4.pmax(argument, constant(40)), constant(44));
  const n = exponent(x);
  const scale = power(n);
  return madd(reduced(x, n), scale, scale);
}

/** σ(x) = 1 / (1 + e⁻ˣ). */
// @ts-ignore: decorator
@inline
export function sigmoid(x: v128): v128 {
  return f32x4.div(constant(48), f32x4.add(constant(48), exp(f32x4.neg(x))));
}

/** tanh |x| = −t / (t + 2) with t = e^{−2|x|} − 1: nothing cancels, however small x is. */
// @ts-ignore: decorator
@inline
export function tanh(x: v128): v128 {
  const y = f32x4.pmax(f32x4.mul(f32x4.abs(x), constant(56)), constant(40));
  const n = exponent(y);
  const scale = power(n);
  const t = madd(reduced(y, n), scale, f32x4.sub(scale, constant(48)));
  const size = f32x4.div(t, f32x4.add(t, constant(52)));
  // −t / (t + 2) is not negative, so its sign bit is that of x once t / (t + 2) has lost its own.
  return v128.bitselect(x, size, i32x4.splat(0x80000000));
}

/** The three, over an array: for measuring their errors. `length` is a multiple of four. */
export function activate(kind: i32, source: usize, target: usize, length: i32): void {
  for (let end = source + (<usize>length << 2); source < end; source += 16, target += 16) {
    const x = v128.load(source);
    v128.store(target, kind == 0 ? exp(x) : kind == 1 ? sigmoid(x) : tanh(x));
  }
}
