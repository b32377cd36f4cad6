// Steps, a sequence and training steps: the same numbers in, on whatever backend, in Deno or a browser.
import {
  type Backend,
  type CellKind,
  type DeviceBuffer,
  layerParameterLength,
} from "../../kernels/mod.ts";

/** Results by name. */
export type TrialResults = Record<string, number[]>;

const [STEPS, BATCH, INPUTS, HIDDEN, HORIZON] = [6, 5, 3, 33, 4];
const LEVELS = [0.1, 0.5, 0.9];
const TRAINING_STEPS = 3;

/** Runs one cell on a backend. */
export async function kernelTrial(backend: Backend, cell: CellKind): Promise<TrialResults> {
  let seed = 1;
  const numbers = (length: number, scale = 1): DeviceBuffer => {
    const buffer = backend.allocate(length);
    seed += 0.37;
    backend.write(
      buffer,
      Float32Array.from({ length }, (_, k) => scale * Math.sin(seed * k + k * k)),
    );
    return buffer;
  };
  const results: TrialResults = {};
  const keep = async (name: string, buffer: DeviceBuffer): Promise<void> => {
    const values = new Float32Array(buffer.length);
    await backend.read(buffer, values);
    results[name] = [...values];
  };
  const shape = { cell, inputSize: INPUTS, hiddenSize: HIDDEN };
  const lstm = cell === "lstm";
  const rows = STEPS * BATCH;
  const parameters = numbers(layerParameterLength(shape), 0.2);
  const packed = backend.allocate(backend.packedLength(shape));
  const pack = backend.prepare("pack", { shape, parameters, packed });
  pack();

  const [h, c] = [numbers(BATCH * HIDDEN), numbers(BATCH * HIDDEN)];
  const x = numbers(BATCH * INPUTS);
  const output = backend.allocate(BATCH * HIDDEN);
  const step = backend.prepare("step", {
    shape,
    batch: BATCH,
    x,
    packed,
    h,
    output,
    ...(lstm ? { c } : {}),
  });
  for (let k = 0; k < 3; k++) step();
  await Promise.all([keep("step output", output), keep("step h", h), keep("step c", c)]);

  const outputs = HORIZON * LEVELS.length;
  const hs = backend.allocate(rows * HIDDEN);
  const sequence = {
    shape,
    steps: STEPS,
    batch: BATCH,
    x: numbers(rows * INPUTS),
    h0: h,
    hs,
    saved: backend.allocate(rows * 4 * HIDDEN),
    ...(lstm ? { c0: c, cs: backend.allocate(rows * HIDDEN) } : {}),
  };
  const last = (buffer: DeviceBuffer): DeviceBuffer =>
    backend.slice(buffer, (STEPS - 1) * BATCH * HIDDEN, BATCH * HIDDEN);
  const head = { rows: BATCH, inputSize: HIDDEN, outputSize: outputs, x: last(hs) };
  const headParameters = numbers(outputs * (HIDDEN + 1), 0.2);
  const headGradient = backend.allocate(headParameters.length);
  const predictions = backend.allocate(BATCH * outputs);
  const mask = backend.allocate(BATCH * HORIZON);
  const [loss, norm, dy] = [1, 1, BATCH * outputs].map((length) => backend.allocate(length));
  const dhs = backend.allocate(rows * HIDDEN);
  const gradient = backend.allocate(parameters.length);
  const adam = (values: DeviceBuffer, slope: DeviceBuffer): KernelRun => {
    const [m, v] = [backend.allocate(values.length), backend.allocate(values.length)];
    return backend.prepare("adam", {
      parameters: values,
      gradient: slope,
      m,
      v,
      schedule,
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-8,
      weightDecay: 0.01,
      decoupled: true,
    });
  };
  const schedule = backend.allocate(3);
  const training: KernelRun[] = [
    pack,
    backend.prepare("sequence", { ...sequence, packed }),
    backend.prepare("linear", { ...head, parameters: headParameters, y: predictions }),
    backend.prepare("fill", { buffer: mask, value: 1 }),
    backend.prepare("loss", {
      kind: "pinball",
      rows: BATCH,
      horizon: HORIZON,
      levels: LEVELS,
      predictions,
      targets: numbers(BATCH * HORIZON),
      mask,
      loss,
      gradient: dy,
    }),
    ...[dhs, gradient, headGradient].map((buffer) => backend.prepare("fill", { buffer, value: 0 })),
    backend.prepare("linear_backward", {
      ...head,
      parameters: headParameters,
      dy,
      gradient: headGradient,
      dx: last(dhs),
    }),
    backend.prepare("sequence_backward", { ...sequence, parameters, dhs, gradient }),
    backend.prepare("clip", { gradient, maxNorm: 0.1, norm }),
    adam(parameters, gradient),
    adam(headParameters, headGradient),
  ];
  for (let t = 1; t <= TRAINING_STEPS; t++) {
    backend.write(schedule, Float32Array.of(0.01, 1 - 0.9 ** t, 1 - 0.999 ** t));
    for (const run of training) run();
    await keep(`loss ${t}`, loss);
  }
  await Promise.all([
    keep("hs", hs),
    keep("gradient", gradient),
    keep("parameters", parameters),
    keep("head parameters", headParameters),
  ]);
  return results;
}

type KernelRun = ReturnType<Backend["prepare"]>;
