// A whole training step out of kernels, 200 times: the losses follow the oracle's.
import { ok } from "node:assert/strict";
import { layerParameterLength } from "../../kernels/mod.ts";
import { Random } from "../../src/model/random.ts";
import type { Case } from "./backend_suite.ts";
import { CELLS, type Device, randomParameters } from "./device.ts";

export function trainingTests(test: Case): void {
  for (const cell of CELLS) {
    test(`200 training steps of ${cell}`, async (device, oracle, tolerances) => {
      const [actual, expected] = await Promise.all([train(device, cell), train(oracle, cell)]);
      for (let k = 0; k < expected.length; k++) {
        const error = Math.abs(actual[k] - expected[k]) / expected[k];
        ok(error <= tolerances.training, `step ${k}: ${actual[k]}, expected ${expected[k]}`);
      }
      ok(expected[199] < expected[0] / 2, "the loss falls");
    });
  }
}

/** Learns the next value of noisy sines. @returns the loss of each of 200 steps. */
async function train(each: Device, cell: typeof CELLS[number]): Promise<Float32Array> {
  const [steps, batch, hiddenSize, levels] = [12, 6, 17, [0.1, 0.5, 0.9]];
  const shape = { cell, inputSize: 1, hiddenSize };
  const { backend } = each;
  const rows = steps * batch;
  const random = new Random(3);
  const length = layerParameterLength(shape);
  const headLength = levels.length * (hiddenSize + 1);
  const parameters = each.zeros(length + headLength);
  backend.write(parameters, randomParameters(shape, random));
  const [gradient, m, v] = [parameters, parameters, parameters].map((p) => each.zeros(p.length));
  const layer = { parameters: backend.slice(parameters, 0, length) };
  const layerGradient = backend.slice(gradient, 0, length);
  const head = {
    rows,
    inputSize: hiddenSize,
    outputSize: levels.length,
    parameters: backend.slice(parameters, length, headLength),
  };
  const headGradient = backend.slice(gradient, length, headLength);
  const packed = each.zeros(backend.packedLength(shape));
  const [x, hs, dhs] = [rows, rows * hiddenSize, rows * hiddenSize].map((n) => each.zeros(n));
  const y = each.zeros(rows * levels.length);
  const dy = each.zeros(rows * levels.length);
  const targets = each.zeros(rows);
  const lstm = cell === "lstm"
    ? { c0: each.zeros(batch * hiddenSize), cs: each.zeros(rows * hiddenSize) }
    : {};
  const saved = each.zeros(rows * 4 * hiddenSize);
  const h0 = each.zeros(batch * hiddenSize);
  const through = { shape, steps, batch, x, h0, hs, saved, ...lstm };
  const loss = each.zeros(1);
  const losses = each.zeros(200);
  const schedule = each.zeros(3);
  const program = [
    backend.prepare("fill", { buffer: gradient, value: 0 }),
    backend.prepare("pack", { shape, ...layer, packed }),
    backend.prepare("sequence", { ...through, packed }),
    backend.prepare("linear", { ...head, x: hs, y }),
    backend.prepare("loss", {
      kind: "pinball",
      levels,
      rows,
      horizon: 1,
      predictions: y,
      targets,
      mask: each.put(new Float32Array(rows).fill(1)),
      loss,
      gradient: dy,
    }),
    backend.prepare("linear_backward", { ...head, x: hs, dy, gradient: headGradient, dx: dhs }),
    backend.prepare("sequence_backward", { ...through, ...layer, dhs, gradient: layerGradient }),
    backend.prepare("clip", { gradient, maxNorm: 1, norm: each.zeros(1) }),
    backend.prepare("adam", {
      parameters,
      gradient,
      m,
      v,
      schedule,
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-8,
      weightDecay: 0.01,
      decoupled: true,
    }),
  ];
  for (let k = 0; k < 200; k++) {
    const phases = Array.from({ length: batch }, () => 6 * random.uniform());
    const wave = (t: number, b: number): number => Math.sin(0.7 * t + phases[b]);
    const at = (row: number): [number, number] => [Math.floor(row / batch), row % batch];
    const inputs = Float32Array.from({ length: rows }, (_, row) => wave(...at(row)));
    const noise = (): number => 0.1 * random.normal();
    const next = Float32Array.from({ length: rows }, (_, row) => wave(at(row)[0] + 1, at(row)[1]));
    backend.write(x, inputs);
    backend.write(targets, next.map((value) => value + noise()));
    backend.write(schedule, Float32Array.of(0.01, 1 - 0.9 ** (k + 1), 1 - 0.999 ** (k + 1)));
    for (const run of program) run();
    backend.prepare("copy", { source: loss, target: backend.slice(losses, k, 1) })();
  }
  return await each.get(losses);
}
