import type { Architecture } from "./architecture.ts";
import { Parameters } from "./parameters.ts";
import type { Random } from "./random.ts";

/** How a fresh network's parameters are drawn. */
export interface InitialisationOptions {
  /**
   * Recurrent weights: `"uniform"` in ±1/√hidden as everything else (PyTorch), or `"orthogonal"` for
   * each gate (Saxe et al. 2014). Uniform where left out.
   */
  readonly recurrent?: "uniform" | "orthogonal";
  /** What is added to an LSTM's forget gate bias, so that it starts out remembering (Gers et al. 2000). */
  readonly forgetBias?: number;
  /** The head's bias `[outputs]`: what the untrained network says. Zero where left out. */
  readonly headBias?: ArrayLike<number>;
}

/**
 * Parameters of a fresh network. The head's weights are zero, so that whatever the layers do, the
 * network starts by saying its head's bias: learning can only move away from that when it pays.
 *
 * @param architecture The network.
 * @param random Where chance comes from.
 * @param options How the layers are drawn.
 * @returns The parameters.
 *
 * @example A fresh network says its head's bias
 * ```ts
 * import { initialParameters, Random } from "@tickcast/tickcast";
 *
 * const architecture = {
 *   cell: "lstm", inputSize: 3, hiddenSize: 8, layers: 2, outputSize: 1,
 * } as const;
 * const parameters = initialParameters(architecture, new Random(1));
 * if (parameters.get("head.weight").some((weight) => weight !== 0)) throw new Error();
 * ```
 */
export function initialParameters(
  architecture: Architecture,
  random: Random,
  options: InitialisationOptions = {},
): Parameters {
  const { hiddenSize, layers, cell } = architecture;
  const parameters = new Parameters(architecture);
  const bound = 1 / Math.sqrt(hiddenSize);
  for (let layer = 0; layer < layers; layer++) {
    for (const name of ["weight_ih", "weight_hh", "bias_ih", "bias_hh"]) {
      const values = parameters.get(`${name}_l${layer}`);
      for (let k = 0; k < values.length; k++) values[k] = bound * (2 * random.uniform() - 1);
    }
    if (options.recurrent === "orthogonal") {
      const weights = parameters.get(`weight_hh_l${layer}`);
      for (let at = 0; at < weights.length; at += hiddenSize * hiddenSize) {
        orthogonalise(weights.subarray(at, at + hiddenSize * hiddenSize), hiddenSize, random);
      }
    }
    if (cell === "lstm" && options.forgetBias) {
      const bias = parameters.get(`bias_ih_l${layer}`).subarray(hiddenSize, 2 * hiddenSize);
      for (let k = 0; k < hiddenSize; k++) bias[k] += options.forgetBias;
    }
  }
  if (options.headBias) parameters.set("head.bias", options.headBias);
  return parameters;
}

/** Fills a square matrix with random orthonormal rows: normal numbers through Gram and Schmidt. */
function orthogonalise(matrix: Float32Array, size: number, random: Random): void {
  const row = new Float64Array(size);
  for (let r = 0; r < size; r++) {
    for (let k = 0; k < size; k++) row[k] = random.normal();
    for (let before = 0; before < r; before++) {
      let dot = 0;
      for (let k = 0; k < size; k++) dot += row[k] * matrix[before * size + k];
      for (let k = 0; k < size; k++) row[k] -= dot * matrix[before * size + k];
    }
    const norm = Math.hypot(...row);
    for (let k = 0; k < size; k++) matrix[r * size + k] = row[k] / norm;
  }
}
