import {
  type Backend,
  type DeviceBuffer,
  type Dispatch,
  layerParameterLength,
  savedLength,
} from "../../kernels/mod.ts";
import { type Architecture, layerShape } from "../model/architecture.ts";
import { Parameters } from "../model/parameters.ts";

/** Points of the path at which the gradient is taken. */
const NODES = 48;

/** How far each input moved what a network said. */
export interface Attribution {
  /** Contributions `[steps, inputs]`; they add up to `said − saidOfZeros` but for the sum's coarseness. */
  readonly contributions: Float64Array;
  /** The output at the last step of the inputs, from a state of zeros. */
  readonly said: number;
  /** The output where every input is zero. */
  readonly saidOfZeros: number;
}

/**
 * Integrated gradients (Sundararajan, Taly and Yan 2017, "Axiomatic attribution for deep networks")
 * through the kernels, back through time: `x_ti ∫₀¹ ∂f(αx)/∂x_ti dα`, by the midpoint rule. All points
 * of the path are one batch, so that it takes one pass forward and one back.
 *
 * @param backend Where it is computed.
 * @param architecture The network.
 * @param parameters Its parameters.
 * @param x What it sees, `[steps, inputs]`.
 * @param wanted The weights `[outputs]` by which its outputs at the last step make one number.
 */
export async function integratedGradients(
  backend: Backend,
  architecture: Architecture,
  parameters: Float32Array,
  x: Float32Array,
  wanted: Float32Array,
): Promise<Attribution> {
  const { inputSize, hiddenSize, outputSize, cell } = architecture;
  const steps = x.length / inputSize;
  // The last two of the batch are the ends of the path.
  const batch = NODES + 2;
  const shares = Float32Array.from({ length: batch }, (_, k) => {
    return k < NODES ? (k + 0.5) / NODES : k - NODES;
  });
  const memory: DeviceBuffer[] = [];
  const take = (length: number, data?: Float32Array): DeviceBuffer => {
    const buffer = backend.allocate(length);
    memory.push(buffer);
    backend.write(buffer, data ?? new Float32Array(length));
    return buffer;
  };
  try {
    const path = new Float32Array(steps * batch * inputSize);
    const derivatives = new Float32Array(batch * outputSize);
    for (let k = 0; k < batch; k++) {
      for (let t = 0; t < steps; t++) {
        for (let i = 0; i < inputSize; i++) {
          path[(t * batch + k) * inputSize + i] = shares[k] * x[t * inputSize + i];
        }
      }
      if (k < NODES) derivatives.set(wanted, k * outputSize);
    }
    const all = take(parameters.length, parameters);
    const gradient = take(parameters.length);
    const { layout } = new Parameters(architecture);
    const width = batch * hiddenSize;
    const forward: Dispatch[] = [];
    const backward: Dispatch[] = [];
    const inputs = take(path.length, path);
    const dx = take(path.length);
    let below = { outputs: inputs, gradient: dx };
    for (let layer = 0; layer < architecture.layers; layer++) {
      const shape = layerShape(architecture, layer);
      const { offset } = layout.find(({ name }) => name === `weight_ih_l${layer}`)!;
      const length = layerParameterLength(shape);
      const own = backend.slice(all, offset, length);
      const packed = take(backend.packedLength(shape));
      const hs = take(steps * width);
      const dhs = take(steps * width);
      const states = cell === "lstm" ? { c0: take(width), cs: take(steps * width) } : {};
      const saved = take(steps * batch * savedLength(shape));
      const passes = {
        ...{ shape, steps, batch, x: below.outputs, h0: take(width), hs, saved },
        ...states,
      };
      forward.push(
        backend.prepare("pack", { shape, parameters: own, packed }),
        backend.prepare("sequence", { ...passes, packed }),
      );
      backward.unshift(backend.prepare("sequence_backward", {
        ...{ ...passes, parameters: own, dhs, dx: below.gradient },
        gradient: backend.slice(gradient, offset, length),
      }));
      below = { outputs: hs, gradient: dhs };
    }
    const length = outputSize * (hiddenSize + 1);
    const last = (steps - 1) * width;
    const y = take(batch * outputSize);
    const linear = {
      ...{ rows: batch, inputSize: hiddenSize, outputSize },
      x: backend.slice(below.outputs, last, width),
      parameters: backend.slice(all, parameters.length - length, length),
    };
    forward.push(backend.prepare("linear", { ...linear, y }));
    backward.unshift(backend.prepare("linear_backward", {
      ...linear,
      dy: take(derivatives.length, derivatives),
      gradient: backend.slice(gradient, parameters.length - length, length),
      dx: backend.slice(below.gradient, last, width),
    }));
    for (const dispatch of [...forward, ...backward]) dispatch();
    const outputs = new Float32Array(batch * outputSize);
    await backend.read(y, outputs);
    await backend.read(dx, path);
    const contributions = new Float64Array(steps * inputSize);
    for (let t = 0; t < steps; t++) {
      for (let k = 0; k < NODES; k++) {
        for (let i = 0; i < inputSize; i++) {
          contributions[t * inputSize + i] += path[(t * batch + k) * inputSize + i] / NODES;
        }
      }
    }
    for (let j = 0; j < x.length; j++) contributions[j] *= x[j];
    const say = (row: number): number =>
      wanted.reduce((sum, weight, o) => sum + weight * outputs[row * outputSize + o], 0);
    return { contributions, said: say(NODES + 1), saidOfZeros: say(NODES) };
  } finally {
    for (const buffer of memory) backend.free(buffer);
  }
}
