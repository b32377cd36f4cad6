/**
 * Where the reference keeps its numbers. Backends hold 32-bit floats; the gradient checks run the same
 * equations on 64-bit ones, where finite differences are sharp enough to tell right from nearly right.
 */
export type Vector = Float32Array | Float64Array;

/** σ(a) = 1 / (1 + e⁻ᵃ). */
export function sigmoid(a: number): number {
  return 1 / (1 + Math.exp(-a));
}

/** `bias[row] + Σₖ matrix[row, k] · x[k]`, the weights and x starting at their offsets. */
export function affineRow(
  matrix: Vector,
  matrixOffset: number,
  bias: number,
  x: Vector,
  xOffset: number,
  size: number,
): number {
  let sum = bias;
  for (let k = 0; k < size; k++) sum += matrix[matrixOffset + k] * x[xOffset + k];
  return sum;
}
