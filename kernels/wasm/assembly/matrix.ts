// Products of matrices, register-blocked: three rows by four vectors of columns, twelve sums.
import { FLOAT, loadLanes, madd, storeLanes, sumLanes, VECTOR } from "./vector";

/** Terms of a sum between two visits of its element: their operands stay in the first-level cache. */
const DEPTH_A_BLOCK: i32 = 256;

/** Rows m … m+2 and columns of four vectors: C += A B over `depth` terms. */
@inline
function tile(
  depth: i32, a: usize, aRow: usize, aColumn: usize, b: usize, bRow: usize, c: usize, cRow: usize,
): void {
  const c1 = c + cRow;
  const c2 = c1 + cRow;
  let s00 = v128.load(c), s01 = v128.load(c, 16), s02 = v128.load(c, 32), s03 = v128.load(c, 48);
  let s10 = v128.load(c1), s11 = v128.load(c1, 16), s12 = v128.load(c1, 32), s13 = v128.load(c1, 48);
  let s20 = v128.load(c2), s21 = v128.load(c2, 16), s22 = v128.load(c2, 32), s23 = v128.load(c2, 48);
  for (let k = 0; k < depth; k++) {
    const x = v128.load32_splat(a);
    const y = v128.load32_splat(a + aRow);
    const z = v128.load32_splat(a + 2 * aRow);
    let v = v128.load(b);
    s00 = madd(x, v, s00);
    s10 = madd(y, v, s10);
    s20 = madd(z, v, s20);
    v = v128.load(b, 16);
    s01 = madd(x, v, s01);
    s11 = madd(y, v, s11);
    s21 = madd(z, v, s21);
    v = v128.load(b, 32);
    s02 = madd(x, v, s02);
    s12 = madd(y, v, s12);
    s22 = madd(z, v, s22);
    v = v128.load(b, 48);
    s03 = madd(x, v, s03);
    s13 = madd(y, v, s13);
    s23 = madd(z, v, s23);
    a += aColumn;
    b += bRow;
  }
  v128.store(c, s00);
  v128.store(c, s01, 16);
  v128.store(c, s02, 32);
  v128.store(c, s03, 48);
  v128.store(c1, s10);
  v128.store(c1, s11, 16);
  v128.store(c1, s12, 32);
  v128.store(c1, s13, 48);
  v128.store(c2, s20);
  v128.store(c2, s21, 16);
  v128.store(c2, s22, 32);
  v128.store(c2, s23, 48);
}

/** What a tile leaves over: one row, one vector of up to four columns. */
@inline
function strip(
  depth: i32, a: usize, aColumn: usize, b: usize, bRow: usize, c: usize, lanes: i32,
): void {
  let sum = loadLanes(c, lanes);
  if (lanes >= 4) {
    for (let k = 0; k < depth; k++, a += aColumn, b += bRow) {
      sum = madd(v128.load32_splat(a), v128.load(b), sum);
    }
  } else {
    for (let k = 0; k < depth; k++, a += aColumn, b += bRow) {
      sum = madd(v128.load32_splat(a), loadLanes(b, lanes), sum);
    }
  }
  storeLanes(c, sum, lanes);
}

/** Three rows of one vector of up to four columns. */
@inline
function strips(
  depth: i32, a: usize, aRow: usize, aColumn: usize, b: usize, bRow: usize,
  c: usize, cRow: usize, lanes: i32,
): void {
  if (lanes < 4) {
    strip(depth, a, aColumn, b, bRow, c, lanes);
    strip(depth, a + aRow, aColumn, b, bRow, c + cRow, lanes);
    strip(depth, a + 2 * aRow, aColumn, b, bRow, c + 2 * cRow, lanes);
    return;
  }
  let s0 = v128.load(c), s1 = v128.load(c + cRow), s2 = v128.load(c + 2 * cRow);
  for (let k = 0; k < depth; k++, a += aColumn, b += bRow) {
    const v = v128.load(b);
    s0 = madd(v128.load32_splat(a), v, s0);
    s1 = madd(v128.load32_splat(a + aRow), v, s1);
    s2 = madd(v128.load32_splat(a + 2 * aRow), v, s2);
  }
  v128.store(c, s0);
  v128.store(c + cRow, s1);
  v128.store(c + 2 * cRow, s2);
}

/**
 * C[m, n] += Σₖ A[m, k] B[k, n]. A's element (m, k) lies at a + m · aRow + k · aColumn, so that the same
 * product serves A and its transpose; B and C have rows of adjacent elements. Strides are in bytes.
 */
export function multiplyAdd(
  rows: i32, columns: i32, terms: i32,
  a: usize, aRow: usize, aColumn: usize, b: usize, bRow: usize, c: usize, cRow: usize,
): void {
  for (let k = 0; k < terms; k += DEPTH_A_BLOCK) {
    const depth = min(DEPTH_A_BLOCK, terms - k);
    const aBlock = a + <usize>k * aColumn;
    const bBlock = b + <usize>k * bRow;
    let n = 0;
    for (; n + 16 <= columns; n += 16) {
      const at = <usize>n * FLOAT;
      let m = 0;
      for (; m + 3 <= rows; m += 3) {
        const to = c + <usize>m * cRow + at;
        tile(depth, aBlock + <usize>m * aRow, aRow, aColumn, bBlock + at, bRow, to, cRow);
      }
      for (; m < rows; m++) {
        for (let v: usize = 0; v < 4 * VECTOR; v += VECTOR) {
          const to = c + <usize>m * cRow + at + v;
          strip(depth, aBlock + <usize>m * aRow, aColumn, bBlock + at + v, bRow, to, 4);
        }
      }
    }
    for (; n < columns; n += 4) {
      const at = <usize>n * FLOAT;
      let m = 0;
      for (; m + 3 <= rows; m += 3) {
        const to = c + <usize>m * cRow + at;
        const from = aBlock + <usize>m * aRow;
        strips(depth, from, aRow, aColumn, bBlock + at, bRow, to, cRow, columns - n);
      }
      for (; m < rows; m++) {
        const to = c + <usize>m * cRow + at;
        strip(depth, aBlock + <usize>m * aRow, aColumn, bBlock + at, bRow, to, columns - n);
      }
    }
  }
}

/** target[n] += Σₘ A[m, n], for dense rows: the gradient of a bias. */
export function addRows(rows: i32, columns: i32, a: usize, aRow: usize, target: usize): void {
  for (let n = 0; n < columns; n += 4) {
    const at = <usize>n * FLOAT;
    const lanes = columns - n;
    let sum = loadLanes(target + at, lanes);
    for (let m = 0, from = a + at; m < rows; m++, from += aRow) {
      sum = f32x4.add(sum, loadLanes(from, lanes));
    }
    storeLanes(target + at, sum, lanes);
  }
}

/** Four outputs of one row: dot products along the inputs, summed lane by lane, then across. */
@inline
function dotFour(inputs: i32, x: usize, w: usize, wRow: usize): v128 {
  const w1 = w + wRow;
  const w2 = w1 + wRow;
  const w3 = w2 + wRow;
  let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0;
  let k = 0;
  for (; k + 4 <= inputs; k += 4) {
    const at = <usize>k * FLOAT;
    const v = v128.load(x + at);
    s0 = madd(v, v128.load(w + at), s0);
    s1 = madd(v, v128.load(w1 + at), s1);
    s2 = madd(v, v128.load(w2 + at), s2);
    s3 = madd(v, v128.load(w3 + at), s3);
  }
  if (k < inputs) {
    const at = <usize>k * FLOAT;
    const lanes = inputs - k;
    const v = loadLanes(x + at, lanes);
    s0 = madd(v, loadLanes(w + at, lanes), s0);
    s1 = madd(v, loadLanes(w1 + at, lanes), s1);
    s2 = madd(v, loadLanes(w2 + at, lanes), s2);
    s3 = madd(v, loadLanes(w3 + at, lanes), s3);
  }
  return sumLanes(s0, s1, s2, s3);
}

/** Four outputs of three rows, in the very order of {@link dotFour}. */
@inline
function dotTwelve(
  inputs: i32, x: usize, xRow: usize, w: usize, wRow: usize, bias: v128, y: usize, yRow: usize,
): void {
  const x1 = x + xRow;
  const x2 = x1 + xRow;
  const w1 = w + wRow;
  const w2 = w1 + wRow;
  const w3 = w2 + wRow;
  let a0 = f32x4.splat(0), a1 = a0, a2 = a0, a3 = a0;
  let b0 = a0, b1 = a0, b2 = a0, b3 = a0;
  let c0 = a0, c1 = a0, c2 = a0, c3 = a0;
  let k = 0;
  for (; k + 4 <= inputs; k += 4) {
    const at = <usize>k * FLOAT;
    const p = v128.load(x + at);
    const q = v128.load(x1 + at);
    const r = v128.load(x2 + at);
    let v = v128.load(w + at);
    a0 = madd(p, v, a0);
    b0 = madd(q, v, b0);
    c0 = madd(r, v, c0);
    v = v128.load(w1 + at);
    a1 = madd(p, v, a1);
    b1 = madd(q, v, b1);
    c1 = madd(r, v, c1);
    v = v128.load(w2 + at);
    a2 = madd(p, v, a2);
    b2 = madd(q, v, b2);
    c2 = madd(r, v, c2);
    v = v128.load(w3 + at);
    a3 = madd(p, v, a3);
    b3 = madd(q, v, b3);
    c3 = madd(r, v, c3);
  }
  if (k < inputs) {
    const at = <usize>k * FLOAT;
    const lanes = inputs - k;
    const p = loadLanes(x + at, lanes);
    const q = loadLanes(x1 + at, lanes);
    const r = loadLanes(x2 + at, lanes);
    let v = loadLanes(w + at, lanes);
    a0 = madd(p, v, a0);
    b0 = madd(q, v, b0);
    c0 = madd(r, v, c0);
    v = loadLanes(w1 + at, lanes);
    a1 = madd(p, v, a1);
    b1 = madd(q, v, b1);
    c1 = madd(r, v, c1);
    v = loadLanes(w2 + at, lanes);
    a2 = madd(p, v, a2);
    b2 = madd(q, v, b2);
    c2 = madd(r, v, c2);
    v = loadLanes(w3 + at, lanes);
    a3 = madd(p, v, a3);
    b3 = madd(q, v, b3);
    c3 = madd(r, v, c3);
  }
  v128.store(y, f32x4.add(bias, sumLanes(a0, a1, a2, a3)));
  v128.store(y + yRow, f32x4.add(bias, sumLanes(b0, b1, b2, b3)));
  v128.store(y + 2 * yRow, f32x4.add(bias, sumLanes(c0, c1, c2, c3)));
}

/** y = x Wᵀ + b for dense rows; a row's result does not depend on how many there are. */
export function linear(
  rows: i32, inputs: i32, outputs: i32, x: usize, parameters: usize, y: usize,
): void {
  const xRow = <usize>inputs * FLOAT;
  const yRow = <usize>outputs * FLOAT;
  const biases = parameters + <usize>outputs * xRow;
  const zero = f32x4.splat(0);
  for (let o = 0; o < outputs; o += 4) {
    const at = <usize>o * FLOAT;
    const lanes = outputs - o;
    const w = parameters + <usize>o * xRow;
    const bias = loadLanes(biases + at, lanes);
    let m = 0;
    if (lanes >= 4) {
      for (; m + 3 <= rows; m += 3) {
        dotTwelve(
          inputs, x + <usize>m * xRow, xRow, w, xRow, bias, y + <usize>m * yRow + at, yRow,
        );
      }
    }
    for (; m < rows; m++) {
      const from = x + <usize>m * xRow;
      // The last outputs may be fewer than four.
      const dots = lanes >= 4
        ? dotFour(inputs, from, w, xRow)
        : sumLanes(
          dot(inputs, from, w),
          lanes > 1 ? dot(inputs, from, w + xRow) : zero,
          lanes > 2 ? dot(inputs, from, w + 2 * xRow) : zero,
          zero,
        );
      storeLanes(y + <usize>m * yRow + at, f32x4.add(bias, dots), lanes);
    }
  }
}

/** The lane-wise sums of one dot product. */
function dot(inputs: i32, x: usize, w: usize): v128 {
  let sum = f32x4.splat(0);
  let k = 0;
  for (; k + 4 <= inputs; k += 4) {
    sum = madd(v128.load(x + <usize>k * FLOAT), v128.load(w + <usize>k * FLOAT), sum);
  }
  if (k < inputs) {
    const at = <usize>k * FLOAT;
    sum = madd(loadLanes(x + at, inputs - k), loadLanes(w + at, inputs - k), sum);
  }
  return sum;
}
