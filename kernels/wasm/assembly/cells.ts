// What a cell does to one row once the products are there: gates activated, state advanced, and kept for
// the backward pass where `saved` is given: its gates one after the other, H floats each.

import { sigmoid, tanh } from "./activations";
import { loadRow, madd, storeRow } from "./simd";

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
  for (let left = hiddenSize; left > 0; left -= 4) {
    const i = sigmoid(v128.load(products, 0));
    const f = sigmoid(v128.load(products, 16));
    const g = tanh(v128.load(products, 32));
    const o = sigmoid(v128.load(products, 48));
    const cell = madd(f, loadRow(cPrevious, left), f32x4.mul(i, g));
    storeRow(c, cell, left);
    storeRow(h, f32x4.mul(o, tanh(cell)), left);
    if (saved) {
      storeRow(saved, i, left);
      storeRow(saved + gate, f, left);
      storeRow(saved + gate * 2, g, left);
      storeRow(saved + gate * 3, o, left);
      saved += 16;
    }
    products += 64;
    cPrevious += 16;
    c += 16;
    h += 16;
  }
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
  const gate = <usize>hiddenSize << 2;
  for (let left = hiddenSize; left > 0; left -= 4) {
    const r = sigmoid(f32x4.add(v128.load(xProducts, 0), v128.load(hProducts, 0)));
    const z = sigmoid(f32x4.add(v128.load(xProducts, 16), v128.load(hProducts, 16)));
    const q = v128.load(hProducts, 32);
    const n = tanh(madd(r, q, v128.load(xProducts, 32)));
    storeRow(h, madd(z, f32x4.sub(loadRow(hPrevious, left), n), n), left);
    if (saved) {
      storeRow(saved, r, left);
      storeRow(saved + gate, z, left);
      storeRow(saved + gate * 2, n, left);
      storeRow(saved + gate * 3, q, left);
      saved += 16;
    }
    xProducts += 48;
    hProducts += 48;
    hPrevious += 16;
    h += 16;
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
  const gate = <usize>hiddenSize << 2;
  for (let left = hiddenSize; left > 0; left -= 4) {
    const r = sigmoid(f32x4.add(v128.load(xProducts, 0), v128.load(hProducts, 0)));
    const z = sigmoid(f32x4.add(v128.load(xProducts, 16), v128.load(hProducts, 16)));
    const reset = f32x4.mul(r, loadRow(hPrevious, left));
    v128.store(hProducts, z, 16);
    v128.store(resetState, reset);
    if (saved) {
      storeRow(saved, r, left);
      storeRow(saved + gate, z, left);
      storeRow(saved + gate * 3, reset, left);
      saved += 16;
    }
    xProducts += 48;
    hProducts += 32;
    hPrevious += 16;
    resetState += 16;
  }
}

/** Second half: n = tanh(x + q), q the product with r · h; h′ = n + z (h − n). */
export function candidateRow(
  hiddenSize: i32,
  xProducts: usize,
  hProducts: usize,
  candidateProducts: usize,
  hPrevious: usize,
  h: usize,
  saved: usize,
): void {
  const gate = <usize>hiddenSize << 2;
  for (let left = hiddenSize; left > 0; left -= 4) {
    const z = v128.load(hProducts, 16);
    const n = tanh(f32x4.add(v128.load(xProducts, 32), v128.load(candidateProducts)));
    storeRow(h, madd(z, f32x4.sub(loadRow(hPrevious, left), n), n), left);
    if (saved) {
      storeRow(saved + gate * 2, n, left);
      saved += 16;
    }
    xProducts += 48;
    hProducts += 32;
    candidateProducts += 16;
    hPrevious += 16;
    h += 16;
  }
}
