// Recursive least squares in 64-bit floats: a small module of its own, an instance a set of regressions.
//
// P is symmetric and kept in tiles of four rows and two columns, a line of the cache each, up to and with
// the diagonal: quad q of the rows has 2q tiles before it and two that it passes through. Rows, features
// and coefficients are filled up with zeros to whole quads. Sums take even and odd features apart, each in
// their order.

// @ts-ignore: decorator
@inline
const FLOAT: usize = 8;
// @ts-ignore: decorator
@inline
const VECTOR: usize = 16;
// @ts-ignore: decorator
@inline
const QUAD: usize = 4 * FLOAT;
// @ts-ignore: decorator
@inline
const TILE: usize = 4 * VECTOR;

/** Where the module's own constants end and the host may put numbers. */
export function heapBase(): usize {
  return __heap_base;
}

/** Bytes of the intermediate results of an update. */
export function scratchBytes(quads: i32): usize {
  return 3 * <usize>quads * QUAD;
}

/**
 * Learns one sample: coefficients `[outputs, quads · 4]` and P from features x and a target an output,
 * those that are NaN left out. Returns false, and changes nothing, where P is spent.
 */
export function update(
  quads: i32,
  outputs: i32,
  p: usize,
  coefficients: usize,
  x: usize,
  targets: usize,
  forgetting: f64,
  prior: f64,
  scratch: usize,
): bool {
  const line = <usize>quads * QUAD;
  const gain = scratch;
  const scaled = gain + line;
  const forget = scaled + line;
  multiply(quads, p, x, gain);
  const norm = 1 / (forgetting + product(line, gain, x));
  if (!(norm > 0) || norm == Infinity) return false;
  for (let k = 0; k < outputs; k++, targets += FLOAT, coefficients += line) {
    const error = load<f64>(targets) - product(line, coefficients, x);
    if (isNaN(error)) continue;
    const step = f64x2.splat(error * norm);
    for (let j: usize = 0; j < line; j += VECTOR) {
      v128.store(coefficients + j, add(v128.load(coefficients + j), step, v128.load(gain + j)));
    }
  }
  scale(quads, p, gain, norm, forgetting, prior, scaled, forget);
  shrink(quads, p, gain, scaled, forget);
  return true;
}

/** sum + a · b, rounded twice: the same bits as in plain arithmetic. */
// @ts-ignore: decorator
@inline
function add(sum: v128, a: v128, b: v128): v128 {
  return f64x2.add(sum, f64x2.mul(a, b));
}

/** The first lanes of two vectors, and their last ones. */
// @ts-ignore: decorator
@inline
function firsts(a: v128, b: v128): v128 {
  return v128.shuffle<f64>(a, b, 0, 2);
}

// @ts-ignore: decorator
@inline
function lasts(a: v128, b: v128): v128 {
  return v128.shuffle<f64>(a, b, 1, 3);
}

/** The sums of the lanes of two vectors, side by side. */
// @ts-ignore: decorator
@inline
function sums(a: v128, b: v128): v128 {
  return f64x2.add(firsts(a, b), lasts(a, b));
}

function product(bytes: usize, a: usize, b: usize): f64 {
  let sum = f64x2.splat(0);
  for (let j: usize = 0; j < bytes; j += VECTOR) sum = add(sum, v128.load(a + j), v128.load(b + j));
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
}

/** `P x` into the gain; a tile stands for its mirror image, too. */
function multiply(quads: i32, p: usize, x: usize, gain: usize): void {
  let tile = p;
  for (let own: usize = 0; own < <usize>quads * QUAD; own += QUAD, tile += 2 * TILE) {
    const x0 = v128.load64_splat(x + own);
    const x1 = v128.load64_splat(x + own, FLOAT);
    const x2 = v128.load64_splat(x + own, 2 * FLOAT);
    const x3 = v128.load64_splat(x + own, 3 * FLOAT);
    let row0 = f64x2.splat(0);
    let row1 = f64x2.splat(0);
    let row2 = f64x2.splat(0);
    let row3 = f64x2.splat(0);
    for (let c: usize = 0; c < own; c += VECTOR, tile += TILE) {
      const p0 = v128.load(tile);
      const p1 = v128.load(tile, VECTOR);
      const p2 = v128.load(tile, 2 * VECTOR);
      const p3 = v128.load(tile, 3 * VECTOR);
      const xs = v128.load(x + c);
      row0 = add(row0, p0, xs);
      row1 = add(row1, p1, xs);
      row2 = add(row2, p2, xs);
      row3 = add(row3, p3, xs);
      const first = add(f64x2.mul(p0, x0), p1, x1);
      const last = add(f64x2.mul(p2, x2), p3, x3);
      v128.store(gain + c, f64x2.add(v128.load(gain + c), f64x2.add(first, last)));
    }
    const xs = v128.load(x + own);
    const p2 = v128.load(tile, 2 * VECTOR);
    const p3 = v128.load(tile, 3 * VECTOR);
    row0 = add(row0, v128.load(tile), xs);
    row1 = add(row1, v128.load(tile, VECTOR), xs);
    v128.store(gain + own, add(add(sums(row0, row1), p2, x2), p3, x3));
    const ys = v128.load(x + own, VECTOR);
    row2 = add(add(row2, p2, xs), v128.load(tile, TILE + 2 * VECTOR), ys);
    row3 = add(add(row3, p3, xs), v128.load(tile, TILE + 3 * VECTOR), ys);
    v128.store(gain + own, sums(row2, row3), VECTOR);
  }
}

/**
 * The gain by the norm, and by what rows and columns grow: forgetting is `P ← D P D` with D = λ^(−½),
 * less where a feature would pass its prior.
 */
function scale(
  quads: i32,
  p: usize,
  gain: usize,
  norm: f64,
  forgetting: f64,
  prior: f64,
  scaled: usize,
  forget: usize,
): void {
  const full: f64 = 1 / sqrt<f64>(forgetting);
  let at: usize = 0;
  let tile = p;
  for (let q = 0; q < quads; q++, at += QUAD, tile += 2 * TILE) {
    tile += 2 * <usize>q * TILE;
    // Rows 2 and 3 pass through the second of the two tiles.
    const second = tile + TILE + 2 * VECTOR;
    scalePair(tile, gain + at, norm, full, prior, scaled + at, forget + at);
    scalePair(
      second,
      gain + at + VECTOR,
      norm,
      full,
      prior,
      scaled + at + VECTOR,
      forget + at + VECTOR,
    );
  }
}

/** Two rows, which pass through the diagonal from `at` on. */
// @ts-ignore: decorator
@inline
function scalePair(
  at: usize,
  gain: usize,
  norm: f64,
  full: f64,
  prior: f64,
  scaled: usize,
  forget: usize,
): void {
  const g = v128.load(gain);
  const s = f64x2.mul(g, f64x2.splat(norm));
  const diagonal = v128.shuffle<f64>(v128.load(at), v128.load(at, VECTOR), 0, 3);
  const left = f64x2.sub(diagonal, f64x2.mul(g, s));
  const most = f64x2.splat(prior);
  const whole = f64x2.splat(full);
  let factor = whole;
  // Roots and quotients take long, and most features are far from their prior.
  if (v128.any_true(f64x2.gt(f64x2.mul(left, f64x2.mul(whole, whole)), most))) {
    factor = f64x2.pmin(whole, f64x2.sqrt(f64x2.div(most, left)));
  }
  v128.store(scaled, s);
  v128.store(forget, factor);
}

/** (p − s g) · f · h */
// @ts-ignore: decorator
@inline
function shrunk(p: v128, s: v128, g: v128, f: v128, h: v128): v128 {
  return f64x2.mul(f64x2.mul(f64x2.sub(p, f64x2.mul(s, g)), f), h);
}

/** `P ← D (P − g gᵀ · norm) D`. */
function shrink(quads: i32, p: usize, gain: usize, scaled: usize, forget: usize): void {
  let tile = p;
  for (let own: usize = 0; own < <usize>quads * QUAD; own += QUAD, tile += 2 * TILE) {
    const s0 = v128.load64_splat(scaled + own);
    const s1 = v128.load64_splat(scaled + own, FLOAT);
    const s2 = v128.load64_splat(scaled + own, 2 * FLOAT);
    const s3 = v128.load64_splat(scaled + own, 3 * FLOAT);
    const f0 = v128.load64_splat(forget + own);
    const f1 = v128.load64_splat(forget + own, FLOAT);
    const f2 = v128.load64_splat(forget + own, 2 * FLOAT);
    const f3 = v128.load64_splat(forget + own, 3 * FLOAT);
    for (let c: usize = 0; c < own; c += VECTOR, tile += TILE) {
      const g = v128.load(gain + c);
      const h = v128.load(forget + c);
      v128.store(tile, shrunk(v128.load(tile), s0, g, f0, h));
      v128.store(tile, shrunk(v128.load(tile, VECTOR), s1, g, f1, h), VECTOR);
      v128.store(tile, shrunk(v128.load(tile, 2 * VECTOR), s2, g, f2, h), 2 * VECTOR);
      v128.store(tile, shrunk(v128.load(tile, 3 * VECTOR), s3, g, f3, h), 3 * VECTOR);
    }
    const g0 = v128.load(gain + own);
    const h0 = v128.load(forget + own);
    diagonal(tile, s0, s1, g0, f0, f1, h0);
    v128.store(tile, shrunk(v128.load(tile, 2 * VECTOR), s2, g0, f2, h0), 2 * VECTOR);
    v128.store(tile, shrunk(v128.load(tile, 3 * VECTOR), s3, g0, f3, h0), 3 * VECTOR);
    const g1 = v128.load(gain + own, VECTOR);
    const h1 = v128.load(forget + own, VECTOR);
    diagonal(tile + TILE + 2 * VECTOR, s2, s3, g1, f2, f3, h1);
  }
}

/** Two rows where they pass through the diagonal; what is above it mirrors what is below. */
// @ts-ignore: decorator
@inline
function diagonal(
  at: usize,
  s0: v128,
  s1: v128,
  g: v128,
  f0: v128,
  f1: v128,
  h: v128,
): void {
  const upper = shrunk(v128.load(at), s0, g, f0, h);
  const lower = shrunk(v128.load(at, VECTOR), s1, g, f1, h);
  v128.store(at, firsts(upper, lower));
  v128.store(at, lower, VECTOR);
}
