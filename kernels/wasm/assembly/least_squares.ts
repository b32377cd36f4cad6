// Recursive least squares in 64-bit floats: a small module of its own, an instance a set of regressions.
//
// P is symmetric and kept in tiles of four rows and two columns, a line of the cache each, up to and with
// the diagonal: quad q of the rows has 2q tiles before it and two that it passes through. Rows, features
// and coefficients are filled up with zeros to whole quads. Every sum has the order of its features.

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

function product(bytes: usize, a: usize, b: usize): f64 {
  let sum: f64 = 0;
  for (let j: usize = 0; j < bytes; j += FLOAT) sum += load<f64>(a + j) * load<f64>(b + j);
  return sum;
}

/** `P x` into the gain; a tile stands for its mirror image, too. */
function multiply(quads: i32, p: usize, x: usize, gain: usize): void {
  let tile = p;
  for (let own: usize = 0; own < <usize>quads * QUAD; own += QUAD, tile += 2 * TILE) {
    const x0 = v128.load64_splat(x + own);
    const x1 = v128.load64_splat(x + own, FLOAT);
    const x2 = v128.load64_splat(x + own, 2 * FLOAT);
    const x3 = v128.load64_splat(x + own, 3 * FLOAT);
    let upper = f64x2.splat(0);
    let lower = f64x2.splat(0);
    for (let c: usize = 0; c < own; c += VECTOR, tile += TILE) {
      const p0 = v128.load(tile);
      const p1 = v128.load(tile, VECTOR);
      const p2 = v128.load(tile, 2 * VECTOR);
      const p3 = v128.load(tile, 3 * VECTOR);
      const xs = v128.load(x + c);
      const first = firsts(xs, xs);
      const last = lasts(xs, xs);
      upper = add(add(upper, firsts(p0, p1), first), lasts(p0, p1), last);
      lower = add(add(lower, firsts(p2, p3), first), lasts(p2, p3), last);
      const above = v128.load(gain + c);
      v128.store(gain + c, add(add(add(add(above, p0, x0), p1, x1), p2, x2), p3, x3));
    }
    const p0 = v128.load(tile);
    const p1 = v128.load(tile, VECTOR);
    const p2 = v128.load(tile, 2 * VECTOR);
    const p3 = v128.load(tile, 3 * VECTOR);
    const q2 = v128.load(tile, TILE + 2 * VECTOR);
    const q3 = v128.load(tile, TILE + 3 * VECTOR);
    upper = add(add(upper, firsts(p0, p1), x0), lasts(p0, p1), x1);
    lower = add(add(lower, firsts(p2, p3), x0), lasts(p2, p3), x1);
    v128.store(gain + own, add(add(upper, p2, x2), p3, x3));
    v128.store(gain + own, add(add(lower, firsts(q2, q3), x2), lasts(q2, q3), x3), VECTOR);
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
  let tile = p;
  let i: usize = 0;
  for (let q = 0; q < quads; q++, tile += 2 * TILE) {
    tile += 2 * <usize>q * TILE;
    for (let k: usize = 0; k < 4; k++, i += FLOAT) {
      const g = load<f64>(gain + i);
      // Rows 2 and 3 pass through the second of the two tiles.
      const diagonal = tile + k * (VECTOR + FLOAT) + (k >> 1) * (TILE - VECTOR);
      const left = load<f64>(diagonal) - g * g * norm;
      store<f64>(forget + i, left * full * full <= prior ? full : sqrt<f64>(prior / left));
      store<f64>(scaled + i, g * norm);
    }
  }
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
