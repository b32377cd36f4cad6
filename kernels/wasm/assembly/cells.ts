// What a cell does to one row once the products are there: gates activated, state advanced, and kept for
// the backward pass where `saved` is given: its gates one after the other, H floats each. Activations are
// taken in the place of the products, many at a time.

import { sigmoids, tanhs } from "./activations";
import { loadPart, madd, storePart, storeRow } from "./simd";

/** Vectors that hold a row. */
// @ts-ignore: decorator
@inline
function vectorsOf(hiddenSize: i32): i32 {
  return (hiddenSize + 3) >> 2;
}

/** i, f, o = σ; g = tanh; c′ = f c + i g; h′ = o tanh(c′). `products` holds i f g o for each vector. */
export function lstmRow(
  hiddenSize: i32,
  products: usize,
  cPrevious: usize,
  c: usize,
  h: usize,
  saved: usize,
): void {
  const gate = <usize>hiddenSize << 2;
  const vectors = vectorsOf(hiddenSize);
  sigmoids(products, 64, vectors);
  sigmoids(products + 16, 64, vectors);
  tanhs(products + 32, 64, vectors);
  sigmoids(products + 48, 64, vectors);
  if (saved) {
    let at = products;
    for (let left = hiddenSize; left > 0; left -= 4) {
      storeRow(saved, v128.load(at, 0), left);
      storeRow(saved + gate, v128.load(at, 16), left);
      storeRow(saved + gate * 2, v128.load(at, 32), left);
      storeRow(saved + gate * 3, v128.load(at, 48), left);
      at += 64;
      saved += 16;
    }
  }
  // Whole vectors first, without a look at how many floats are left.
  let at = products;
  let left = hiddenSize;
  for (; left >= 4; left -= 4) {
    const kept = f32x4.mul(v128.load(at, 0), v128.load(at, 32));
    const cell = madd(v128.load(at, 16), v128.load(cPrevious), kept);
    v128.store(c, cell);
    v128.store(at, cell);
    at += 64;
    cPrevious += 16;
    c += 16;
  }
  if (left > 0) {
    const kept = f32x4.mul(v128.load(at, 0), v128.load(at, 32));
    const cell = madd(v128.load(at, 16), loadPart(cPrevious, left), kept);
    storePart(c, cell, left);
    v128.store(at, cell);
  }
  tanhs(products, 64, vectors);
  for (left = hiddenSize; left >= 4; left -= 4) {
    v128.store(h, f32x4.mul(v128.load(products, 48), v128.load(products)));
    products += 64;
    h += 16;
  }
  if (left > 0) storePart(h, f32x4.mul(v128.load(products, 48), v128.load(products)), left);
}

/** r, z = σ; n = tanh(x + r q), q the recurrent part; h′ = n + z (h − n). */
export function gruRow(
  hiddenSize: i32,
  xProducts: usize,
  hProducts: usize,
  hPrevious: usize,
  h: usize,
  saved: usize,
): void {
  gates(hiddenSize, xProducts, hProducts, 48, saved);
  if (saved) saveGate(hiddenSize, hProducts + 32, 48, saved + (<usize>hiddenSize << 2) * 3);
  let at = xProducts;
  for (let k = vectorsOf(hiddenSize); k > 0; k--) {
    v128.store(at, madd(v128.load(at), v128.load(hProducts, 32), v128.load(at, 32)), 32);
    at += 48;
    hProducts += 48;
  }
  next(hiddenSize, xProducts, hPrevious, h, saved);
}

/** Copies a gate, whose vectors stand `stride` bytes apart, to where it is one row. */
function saveGate(hiddenSize: i32, from: usize, stride: usize, to: usize): void {
  for (; hiddenSize >= 4; hiddenSize -= 4, from += stride, to += 16) {
    v128.store(to, v128.load(from));
  }
  if (hiddenSize > 0) storePart(to, v128.load(from), hiddenSize);
}

/** r and z in the place of their products with x. */
function gates(
  hiddenSize: i32,
  xProducts: usize,
  hProducts: usize,
  hBytes: usize,
  saved: usize,
): void {
  const vectors = vectorsOf(hiddenSize);
  let at = xProducts;
  for (let k = 0; k < vectors; k++) {
    v128.store(at, f32x4.add(v128.load(at, 0), v128.load(hProducts, 0)), 0);
    v128.store(at, f32x4.add(v128.load(at, 16), v128.load(hProducts, 16)), 16);
    at += 48;
    hProducts += hBytes;
  }
  sigmoids(xProducts, 48, vectors);
  sigmoids(xProducts + 16, 48, vectors);
  if (!saved) return;
  saveGate(hiddenSize, xProducts, 48, saved);
  saveGate(hiddenSize, xProducts + 16, 48, saved + (<usize>hiddenSize << 2));
}

/** n = tanh of what stands in its place, and h′. */
function next(hiddenSize: i32, xProducts: usize, hPrevious: usize, h: usize, saved: usize): void {
  tanhs(xProducts + 32, 48, vectorsOf(hiddenSize));
  if (saved) saveGate(hiddenSize, xProducts + 32, 48, saved + (<usize>hiddenSize << 2) * 2);
  for (; hiddenSize >= 4; hiddenSize -= 4) {
    const n = v128.load(xProducts, 32);
    v128.store(h, madd(v128.load(xProducts, 16), f32x4.sub(v128.load(hPrevious), n), n));
    xProducts += 48;
    hPrevious += 16;
    h += 16;
  }
  if (hiddenSize > 0) {
    const n = v128.load(xProducts, 32);
    const difference = f32x4.sub(loadPart(hPrevious, hiddenSize), n);
    storePart(h, madd(v128.load(xProducts, 16), difference, n), hiddenSize);
  }
}

/** First half of a GRU that resets before the product: r and z in place of their products, and r · h. */
export function resetRow(
  hiddenSize: i32,
  xProducts: usize,
  hProducts: usize,
  hPrevious: usize,
  resetState: usize,
  saved: usize,
): void {
  gates(hiddenSize, xProducts, hProducts, 32, saved);
  let at = resetState;
  let left = hiddenSize;
  for (; left >= 4; left -= 4) {
    v128.store(at, f32x4.mul(v128.load(xProducts), v128.load(hPrevious)));
    xProducts += 48;
    hPrevious += 16;
    at += 16;
  }
  if (left > 0) v128.store(at, f32x4.mul(v128.load(xProducts), loadPart(hPrevious, left)));
  if (saved) saveGate(hiddenSize, resetState, 16, saved + (<usize>hiddenSize << 2) * 3);
}

/** Second half: n = tanh(x + q), q the product with r · h; h′ = n + z (h − n). */
export function candidateRow(
  hiddenSize: i32,
  xProducts: usize,
  candidateProducts: usize,
  hPrevious: usize,
  h: usize,
  saved: usize,
): void {
  let at = xProducts;
  for (let k = vectorsOf(hiddenSize); k > 0; k--) {
    v128.store(at, f32x4.add(v128.load(at, 32), v128.load(candidateProducts)), 32);
    at += 48;
    candidateProducts += 16;
  }
  next(hiddenSize, xProducts, hPrevious, h, saved);
}
