// Four-lane arithmetic: multiply-add, partial loads, and the activations.

/** Bytes of a float and of a vector. */
export const FLOAT: usize = 4;
export const VECTOR: usize = 16;

/** a · b + c; one rounding where the engine has relaxed SIMD, two where not. */
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

/** The first `lanes` floats at `address`, the rest 0: reads nothing behind the end of a row. */
@inline
export function loadLanes(address: usize, lanes: i32): v128 {
  if (lanes >= 4) return v128.load(address);
  let v = f32x4.splat(0);
  v = f32x4.replace_lane(v, 0, load<f32>(address));
  if (lanes > 1) v = f32x4.replace_lane(v, 1, load<f32>(address, 4));
  if (lanes > 2) v = f32x4.replace_lane(v, 2, load<f32>(address, 8));
  return v;
}

/** Writes the first `lanes` floats. */
@inline
export function storeLanes(address: usize, v: v128, lanes: i32): void {
  if (lanes >= 4) {
    v128.store(address, v);
    return;
  }
  store<f32>(address, f32x4.extract_lane(v, 0));
  if (lanes > 1) store<f32>(address, f32x4.extract_lane(v, 1), 4);
  if (lanes > 2) store<f32>(address, f32x4.extract_lane(v, 2), 8);
}

/** The sums of the lanes of four vectors, side by side. */
@inline
export function sumLanes(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = f32x4.add(v128.shuffle<f32>(a, b, 0, 4, 1, 5), v128.shuffle<f32>(a, b, 2, 6, 3, 7));
  const cd = f32x4.add(v128.shuffle<f32>(c, d, 0, 4, 1, 5), v128.shuffle<f32>(c, d, 2, 6, 3, 7));
  return f32x4.add(v128.shuffle<f32>(ab, cd, 0, 1, 4, 5), v128.shuffle<f32>(ab, cd, 2, 3, 6, 7));
}

// exp(y) = 2ⁿ · eʳ with n = round(y / ln 2) and |r| ≤ ln 2 / 2 (Cody and Waite 1980). eʳ − 1 is its
// Taylor polynomial of degree 7, off by 5e-9 at most.
const LOG2_E: f32 = 1.44269504;
const LN2_HIGH: f32 = 0.693145752; // 12 trailing zero bits: n · LN2_HIGH is exact
const LN2_LOW: f32 = 1.42860677e-6;
/** Adding 1.5 · 2²³ rounds to a whole number and leaves it in the low bits. */
const ROUND: f32 = 12582912;
const ROUND_BITS: i32 = 0x4b400000;
/** Below, 2ⁿ would leave the normal floats; the activations have long been flat. */
const EXP_MIN: f32 = -87;

/** 2ⁿ for the whole number n that `rounded` = n + ROUND holds. */
@inline
function powerOfTwo(rounded: v128): v128 {
  return i32x4.shl(i32x4.add(rounded, i32x4.splat(127 - ROUND_BITS)), 23);
}

/** eʳ − 1 for |r| ≤ ln 2 / 2, with a small relative error also near 0. */
@inline
function expm1Reduced(r: v128): v128 {
  let p = madd(r, f32x4.splat(1.98412698e-4), f32x4.splat(1.38888889e-3));
  p = madd(p, r, f32x4.splat(8.33333333e-3));
  p = madd(p, r, f32x4.splat(4.16666667e-2));
  p = madd(p, r, f32x4.splat(0.166666667));
  p = madd(p, r, f32x4.splat(0.5));
  return madd(p, f32x4.mul(r, r), r);
}

/** σ(x) = 1 / (1 + e⁻ˣ), by e to a negative power only, so that nothing overflows. */
@inline
export function sigmoid(x: v128): v128 {
  const y = f32x4.pmax(f32x4.neg(f32x4.abs(x)), f32x4.splat(EXP_MIN));
  const rounded = madd(y, f32x4.splat(LOG2_E), f32x4.splat(ROUND));
  const n = f32x4.sub(rounded, f32x4.splat(ROUND));
  const r = madd(n, f32x4.splat(-LN2_LOW), madd(n, f32x4.splat(-LN2_HIGH), y));
  const scale = powerOfTwo(rounded);
  const e = madd(expm1Reduced(r), scale, scale);
  const one = f32x4.splat(1);
  const numerator = v128.bitselect(one, e, f32x4.ge(x, f32x4.splat(0)));
  // A NaN must come out as one, whatever became of it in the power of two.
  return f32x4.add(f32x4.div(numerator, f32x4.add(one, e)), f32x4.sub(x, x));
}

/** tanh(x) = −t / (t + 2) with t = e⁻²ˣ − 1 for x ≥ 0, and odd: exact in relative terms near 0. */
@inline
export function tanh(x: v128): v128 {
  const y = f32x4.pmax(f32x4.mul(f32x4.abs(x), f32x4.splat(-2)), f32x4.splat(EXP_MIN));
  const rounded = madd(y, f32x4.splat(LOG2_E), f32x4.splat(ROUND));
  const n = f32x4.sub(rounded, f32x4.splat(ROUND));
  const r = madd(n, f32x4.splat(-LN2_LOW), madd(n, f32x4.splat(-LN2_HIGH), y));
  const scale = powerOfTwo(rounded);
  const t = madd(expm1Reduced(r), scale, f32x4.sub(scale, f32x4.splat(1)));
  const magnitude = f32x4.div(f32x4.neg(t), f32x4.add(t, f32x4.splat(2)));
  const sign = v128.and(x, i32x4.splat(0x80000000));
  return f32x4.add(v128.or(magnitude, sign), f32x4.sub(x, x));
}

/** Both activations over an array: for measuring their error. */
export function activate(kind: i32, source: usize, target: usize, count: i32): void {
  for (let i = 0; i < count; i += 4) {
    const at = <usize>i * FLOAT;
    const x = loadLanes(source + at, count - i);
    storeLanes(target + at, kind == 0 ? sigmoid(x) : tanh(x), count - i);
  }
}
