import { gateCount, type KernelArguments, type LayerShape } from "../../backend.ts";
import { gpuBuffer } from "../gpu_buffer.ts";
import { elementwise, type Stage } from "../stage.ts";

/**
 * Packed, every unit's four sums stand side by side, so that a thread fetches one vector a product:
 * `[I + H + 1, H, 4]`, inputs, state, biases. A GRU's four are r, z and the candidate's input and
 * recurrent parts.
 */
export function packedLength({ inputSize, hiddenSize }: LayerShape): number {
  return 4 * hiddenSize * (inputSize + hiddenSize + 1);
}

/** Brings parameters from PyTorch's layout into the packed one. */
export function pack({ shape, parameters, packed }: KernelArguments["pack"]): Stage[] {
  const { inputSize, hiddenSize, cell } = shape;
  // Where the sum's gate stands among the rows of W and of U; 4 for none.
  const [inputGates, hiddenGates] = cell === "lstm"
    ? ["0u, 1u, 2u, 3u", "0u, 1u, 2u, 3u"]
    : ["0u, 1u, 2u, 4u", "0u, 1u, 4u, 2u"];
  const code = `
const inputs = ${inputSize}u;
const units = ${hiddenSize}u;
const gate_rows = ${gateCount(cell) * hiddenSize}u;
fn value(k: u32, j: u32, sum: u32) -> f32 {
  let input_row = vec4u(${inputGates})[sum] * units + j;
  let hidden_row = vec4u(${hiddenGates})[sum] * units + j;
  let weights = gate_rows * inputs;
  let biases = weights + gate_rows * units;
  var result = 0.0;
  if (k != inputs + units) {
    if (k < inputs && input_row < gate_rows) { result = load_parameters(input_row * inputs + k); }
    if (k >= inputs && hidden_row < gate_rows) {
      result = load_parameters(weights + hidden_row * units + k - inputs);
    }
    return result;
  }
  if (input_row < gate_rows) { result = load_parameters(biases + input_row); }
  if (hidden_row < gate_rows) { result += load_parameters(biases + gate_rows + hidden_row); }
  return result;
}
fn element(i: u32) {
  let sum = i % 4u;
  let j = i / 4u % units;
  store_packed(i, value(i / (4u * units), j, sum));
}`;
  return [elementwise({
    name: `pack ${cell} ${inputSize}x${hiddenSize}`,
    code,
    buffers: { parameters: gpuBuffer(parameters), packed: gpuBuffer(packed) },
    count: packedLength(shape),
  })];
}
