// Logistic function and hyperbolic tangent, in place. NaN stays NaN: `pmin` and `pmax` give their first operand
// where the comparison fails. The largest errors are measured in the tests.
//
// What limits them is how many operations a processor looks ahead: few operations in short chains are worth
// more than few multiplications. A fraction of two polynomials that are taken side by side is such.

import { madd, nmadd } from "./simd";

/**
 * The constants, in memory: an engine that has loaded one keeps it, where it would build a constant vector
 * anew, in several instructions, at each use.
 */
const CONSTANTS: usize = memory.data<f32>([
  -87, // 0: σ is a normal float from here on, and 1 from there
  40, // 4
  1.44269504088896341, // 8: 1 / ln 2
  12582912, // 12: adding 1.5 · 2²³ rounds to a whole number and leaves it in the low bits
  -0.693359375, // 16: −ln 2 in two parts, the first so short that n times it is exact
  2.12194440e-4, // 20
  60, // 24
  12, // 28
  120, // 32
  -9.1, // 36: tanh is −1 up to here, and 1 from there
  9.1, // 40
  407950.72, // 44: p₀, p₁ and p₂
  12142.89, // 48
  46.540764, // 52
  815901.44, // 56: q₀, q₁ and q₂
  92277.52, // 60
  983.7319, // 64
]);

// @ts-ignore: decorator
@inline
function constant(offset: usize): v128 {
  return v128.load_splat<f32>(CONSTANTS + offset);
}

/**
 * σ(x) = eˣ / (eˣ + 1) of `count` vectors, `stride` bytes apart.
 *
 * eˣ = 2ⁿ eʳ for x = n ln 2 + r with |r| ≤ ln 2 / 2, and eʳ = (a + r b) / (a − r b) by its Padé approximant of
 * order 3 / 3, a = 12 r² + 120 and b = r² + 60: so σ takes one division, and n is added to the exponent of a + r b.
 */
export function sigmoids(at: usize, stride: usize, count: i32): void {
  const least = constant(0);
  const most = constant(4);
  const perLn2 = constant(8);
  const round = constant(12);
  const minusLn2 = constant(16);
  const minusLn2Rest = constant(20);
  const b0 = constant(24);
  const a1 = constant(28);
  const a0 = constant(32);
  for (; count > 0; count--, at += stride) {
    const x = f32x4.pmin(f32x4.pmax(v128.load(at), least), most);
    const rounded = madd(x, perLn2, round);
    const n = f32x4.sub(rounded, round);
    const r = madd(n, minusLn2Rest, madd(n, minusLn2, x));
    const square = f32x4.mul(r, r);
    const b = f32x4.add(square, b0);
    const a = madd(square, a1, a0);
    const power = i32x4.add(madd(r, b, a), i32x4.shl(rounded, 23));
    v128.store(at, f32x4.div(power, f32x4.add(power, nmadd(r, b, a))));
  }
}

/**
 * tanh of `count` vectors, `stride` bytes apart.
 *
 * tanh x = 2 w / (1 + w²) for w = tanh (x / 2) = p / q, p = x (p₀ + p₁ x² + p₂ x⁴) and q = q₀ + q₁ x² + q₂ x⁴ + x⁶, fitted
 * for |x| ≤ 9.1. What w is off by counts less and less as |w| nears 1, where much rounding went into it.
 */
export function tanhs(at: usize, stride: usize, count: i32): void {
  const least = constant(36);
  const most = constant(40);
  const p0 = constant(44);
  const p1 = constant(48);
  const p2 = constant(52);
  const q0 = constant(56);
  const q1 = constant(60);
  const q2 = constant(64);
  for (; count > 0; count--, at += stride) {
    const x = f32x4.pmin(f32x4.pmax(v128.load(at), least), most);
    const square = f32x4.mul(x, x);
    const p = f32x4.mul(madd(madd(square, p2, p1), square, p0), x);
    const q = madd(madd(f32x4.add(square, q2), square, q1), square, q0);
    const half = f32x4.mul(p, q);
    v128.store(at, f32x4.div(f32x4.add(half, half), madd(p, p, f32x4.mul(q, q))));
  }
}

const SIGMOID = 0;

/** The two over an array: for measuring their errors. `length` is a multiple of four. */
export function activate(kind: i32, at: usize, length: i32): void {
  if (kind == SIGMOID) sigmoids(at, 16, length >> 2);
  else tanhs(at, 16, length >> 2);
}
