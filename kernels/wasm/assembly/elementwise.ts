// Memory, four floats at a time.

export function copyFloats(source: usize, target: usize, length: i32): void {
  for (; length >= 4; length -= 4, source += 16, target += 16) {
    v128.store(target, v128.load(source));
  }
  for (; length > 0; length--, source += 4, target += 4) store<f32>(target, load<f32>(source));
}

/** Sets 32-bit elements to one pattern of bits. */
export function fill(target: usize, length: i32, bits: i32): void {
  const values = i32x4.splat(bits);
  for (; length >= 4; length -= 4, target += 16) v128.store(target, values);
  for (; length > 0; length--, target += 4) store<i32>(target, bits);
}

export function multiply(a: usize, b: usize, target: usize, length: i32): void {
  for (; length >= 4; length -= 4, a += 16, b += 16, target += 16) {
    v128.store(target, f32x4.mul(v128.load(a), v128.load(b)));
  }
  for (; length > 0; length--, a += 4, b += 4, target += 4) {
    store<f32>(target, load<f32>(a) * load<f32>(b));
  }
}

/** Where row `row` of a matrix starts, by its index where there is one. */
// @ts-ignore: decorator
@inline
export function rowAt(base: usize, index: usize, row: i32, stride: usize): usize {
  return base + <usize>(index ? load<u32>(index + (<usize>row << 2)) : <u32>row) * stride;
}

/** Row b of `target` = row `index[b]` of `source`. */
export function gather(width: i32, source: usize, index: usize, target: usize, count: i32): void {
  const stride = <usize>width << 2;
  for (; count > 0; count--, index += 4, target += stride) {
    copyFloats(source + <usize>load<u32>(index) * stride, target, width);
  }
}

/** Row `index[b]` of `target` = row b of `source`. */
export function scatter(width: i32, source: usize, index: usize, target: usize, count: i32): void {
  const stride = <usize>width << 2;
  for (; count > 0; count--, index += 4, source += stride) {
    copyFloats(source, target + <usize>load<u32>(index) * stride, width);
  }
}
