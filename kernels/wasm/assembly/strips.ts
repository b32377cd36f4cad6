// How the columns of packed weights stand: in strips of 6, 4 or 2 vectors of four, two strips of a width
// making a block. A strip holds its bias, then one line for each k.

/** Vectors of the next block when `remaining` vectors, a multiple of 4, are left. */
// @ts-ignore: decorator
@inline
export function blockWidth(remaining: i32): i32 {
  return remaining == 16 || remaining == 8 ? 8 : remaining >= 12 ? 12 : 4;
}

/** Lines of W for `k` inputs: whole vectors of inputs, the last ones zero. */
// @ts-ignore: decorator
@inline
export function paddedLines(k: i32): i32 {
  return (k + 3) & ~3;
}
