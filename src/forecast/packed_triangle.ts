// A symmetric matrix as its lower triangle, row after row, within a larger array. Sums run over four rows at
// a time, after the one to three short ones at the top: what they share is then loaded once for four.

/** Numbers in the triangle of a matrix of `size` rows. */
export function triangleLength(size: number): number {
  return size * (size + 1) / 2;
}

/**
 * `y ← P x`. Every number of the triangle stands for two of the matrix, so each is loaded once and used for its
 * row and for its column.
 *
 * @param p Holds the triangle from `at` on.
 * @param at Where it begins.
 * @param x `[size]`.
 * @param y `[size]`, written.
 */
export function multiply(
  p: Float64Array,
  at: number,
  x: Float64Array,
  y: Float64Array,
): void {
  const size = y.length;
  let a = at;
  let i = 0;
  for (; i < size % 4; a += ++i) {
    const xa = x[i];
    let ya = 0;
    for (let j = 0; j < i; j++) {
      ya += p[a + j] * x[j];
      y[j] += p[a + j] * xa;
    }
    y[i] = ya + p[a + i] * xa;
  }
  for (; i < size; i += 4) {
    const b = a + i + 1;
    const c = b + i + 2;
    const d = c + i + 3;
    const xa = x[i];
    const xb = x[i + 1];
    const xc = x[i + 2];
    const xd = x[i + 3];
    let ya = 0;
    let yb = 0;
    let yc = 0;
    let yd = 0;
    for (let j = 0; j < i; j++) {
      const pa = p[a + j];
      const pb = p[b + j];
      const pc = p[c + j];
      const pd = p[d + j];
      const xj = x[j];
      ya += pa * xj;
      yb += pb * xj;
      yc += pc * xj;
      yd += pd * xj;
      y[j] = y[j] + pa * xa + pb * xb + pc * xc + pd * xd;
    }
    const ba = p[b + i];
    const ca = p[c + i];
    const da = p[d + i];
    const cb = p[c + i + 1];
    const db = p[d + i + 1];
    const dc = p[d + i + 2];
    y[i] = ya + p[a + i] * xa + ba * xb + ca * xc + da * xd;
    y[i + 1] = yb + ba * xa + p[b + i + 1] * xb + cb * xc + db * xd;
    y[i + 2] = yc + ca * xa + cb * xb + p[c + i + 2] * xc + dc * xd;
    y[i + 3] = yd + da * xa + db * xb + dc * xc + p[d + i + 3] * xd;
    a = d + i + 4;
  }
}

/**
 * `P ← P − f y yᵀ`.
 *
 * @param p Holds the triangle from `at` on.
 * @param at Where it begins.
 * @param y `[size]`.
 * @param factor The factor f.
 */
export function subtractSquare(
  p: Float64Array,
  at: number,
  y: Float64Array,
  factor: number,
): void {
  const size = y.length;
  let a = at;
  let i = 0;
  for (; i < size % 4; a += ++i) {
    const ya = y[i] * factor;
    for (let j = 0; j <= i; j++) p[a + j] -= ya * y[j];
  }
  for (; i < size; i += 4) {
    const b = a + i + 1;
    const c = b + i + 2;
    const d = c + i + 3;
    const ya = y[i] * factor;
    const yb = y[i + 1] * factor;
    const yc = y[i + 2] * factor;
    const yd = y[i + 3] * factor;
    for (let j = 0; j <= i; j++) {
      const yj = y[j];
      p[a + j] -= ya * yj;
      p[b + j] -= yb * yj;
      p[c + j] -= yc * yj;
      p[d + j] -= yd * yj;
    }
    p[b + i + 1] -= yb * y[i + 1];
    p[c + i + 1] -= yc * y[i + 1];
    p[d + i + 1] -= yd * y[i + 1];
    p[c + i + 2] -= yc * y[i + 2];
    p[d + i + 2] -= yd * y[i + 2];
    p[d + i + 3] -= yd * y[i + 3];
    a = d + i + 4;
  }
}

/**
 * Multiplies row and column `i` by a factor; where they cross by its square.
 *
 * @param p Holds the triangle from `at` on.
 * @param at Where it begins.
 * @param size Rows.
 * @param i Which.
 * @param factor The factor.
 */
export function scaleRow(
  p: Float64Array,
  at: number,
  size: number,
  i: number,
  factor: number,
): void {
  const row = at + triangleLength(i);
  for (let j = 0; j <= i; j++) p[row + j] *= factor;
  for (let r = i, column = row + i; r < size; column += ++r) p[column] *= factor;
}
