// Steps, sequences and their gradients against the oracle: cells × layers × odd sizes.
import type { CellKind, LayerShape } from "../../kernels/mod.ts";
import { Random } from "../../src/model/random.ts";
import type { Case } from "./backend_suite.ts";
import { assertClose, CELLS, type Device, normals, randomParameters, states } from "./device.ts";

/** Inputs, hidden units, batch. */
const SIZES: readonly (readonly [number, number, number])[] = [
  [1, 1, 1],
  [3, 3, 17],
  [5, 17, 3],
  [4, 64, 1],
  [17, 64, 64],
  [1, 100, 5],
  [100, 3, 2],
  [3, 17, 100],
];

export function recurrentTests(test: Case): void {
  for (const cell of CELLS) {
    for (const [inputSize, hiddenSize, batch] of SIZES) {
      const shape = { cell, inputSize, hiddenSize };
      test(`${cell} step ${inputSize}→${hiddenSize}, batch ${batch}`, async (device, oracle, t) => {
        const [actual, expected] = await both(
          device,
          oracle,
          (each) => threeSteps(each, shape, batch),
        );
        assertClose(actual.h, expected.h, t.forward, "h");
        assertClose(actual.output, expected.output, t.forward, "output");
        if (cell === "lstm") assertClose(actual.c, expected.c, t.forward, "c");
      });
    }
    for (const layers of [1, 2]) {
      for (const [inputSize, hiddenSize, batch] of SIZES) {
        const name = `${cell} × ${layers} sequence and gradients ${inputSize}→${hiddenSize}`;
        test(`${name}, batch ${batch}`, async (device, oracle, t) => {
          const run = { cell, layers, inputSize, hiddenSize, batch, steps: 5 };
          const [actual, expected] = await both(
            device,
            oracle,
            (each) => forwardBackward(each, run),
          );
          for (const [key, values] of Object.entries(expected)) {
            const tolerance = /^h|^c/.test(key) ? t.forward : t.gradient;
            assertClose(actual[key], values, tolerance, key);
          }
        });
      }
    }
    test(`${cell} over 100 steps`, async (device, oracle, t) => {
      const run = { cell, layers: 1, inputSize: 3, hiddenSize: 17, batch: 2, steps: 100 };
      const [actual, expected] = await both(device, oracle, (each) => forwardBackward(each, run));
      assertClose(actual.hs0, expected.hs0, t.forward, "hs");
      assertClose(actual.gradient0, expected.gradient0, t.gradient, "gradient");
    });
    test(`${cell} with inputs far beyond saturation stays finite`, async (device, oracle, t) => {
      const shape = { cell, inputSize: 2, hiddenSize: 3 };
      const [actual, expected] = await both(device, oracle, (each) => saturated(each, shape));
      assertClose(actual, expected, t.forward, "h");
    });
  }
}

function both<R>(
  device: Device,
  oracle: Device,
  run: (each: Device) => Promise<R>,
): Promise<R[]> {
  return Promise.all([run(device), run(oracle)]);
}

async function threeSteps(
  each: Device,
  shape: LayerShape,
  batch: number,
): Promise<{ h: Float32Array; c: Float32Array; output: Float32Array }> {
  const { cell, inputSize, hiddenSize } = shape;
  const random = new Random(inputSize + hiddenSize);
  const packed = each.packed(shape, randomParameters(shape, random));
  const h = each.put(states(batch * hiddenSize, random));
  const c = each.put(normals(batch * hiddenSize, random));
  const x = each.zeros(batch * inputSize);
  const output = each.zeros(batch * hiddenSize);
  const lstm = cell === "lstm" ? { c } : {};
  const step = each.backend.prepare("step", { shape, batch, x, packed, h, ...lstm, output });
  for (let t = 0; t < 3; t++) {
    each.backend.write(x, normals(batch * inputSize, random));
    step();
  }
  return { h: await each.get(h), c: await each.get(c), output: await each.get(output) };
}

interface Run {
  readonly cell: CellKind;
  readonly layers: number;
  readonly inputSize: number;
  readonly hiddenSize: number;
  readonly batch: number;
  readonly steps: number;
}

/** Layers on top of each other, forward and back; every result by its name. */
async function forwardBackward(each: Device, run: Run): Promise<Record<string, Float32Array>> {
  const { cell, layers, hiddenSize, batch, steps } = run;
  const { backend } = each;
  const random = new Random(run.inputSize * 1000 + hiddenSize);
  const rows = steps * batch;
  const results: Record<string, Float32Array> = {};
  let x = each.put(normals(rows * run.inputSize, random));
  const stack = Array.from({ length: layers }, (_, layer) => {
    const shape = { cell, inputSize: layer === 0 ? run.inputSize : hiddenSize, hiddenSize };
    const parameters = randomParameters(shape, random);
    const h0 = each.put(states(batch * hiddenSize, random));
    const c0 = each.put(normals(batch * hiddenSize, random));
    const [hs, cs] = [each.zeros(rows * hiddenSize), each.zeros(rows * hiddenSize)];
    const lstm = cell === "lstm" ? { c0, cs } : {};
    const saved = each.zeros(rows * 4 * hiddenSize);
    const shared = { shape, steps, batch, x, h0, hs, saved, ...lstm };
    const packed = each.packed(shape, parameters);
    backend.prepare("sequence", { ...shared, packed })();
    x = hs;
    return { shared, hs, cs, parameters: each.put(parameters), size: parameters.length };
  });
  let dhs = each.put(normals(rows * hiddenSize, random));
  for (let layer = layers - 1; layer >= 0; layer--) {
    const { shared, hs, cs, parameters, size } = stack[layer];
    const gradient = each.put(normals(size, random));
    const dx = each.zeros(rows * shared.shape.inputSize);
    const backward = { ...shared, parameters, dhs, gradient };
    backend.prepare("sequence_backward", { ...backward, dx })();
    // Once more without dx: the gradient is added to, so this one is the double.
    backend.prepare("sequence_backward", backward)();
    results[`hs${layer}`] = await each.get(hs);
    if (cell === "lstm") results[`cs${layer}`] = await each.get(cs);
    results[`gradient${layer}`] = await each.get(gradient);
    results[`dx${layer}`] = await each.get(dx);
    dhs = dx;
  }
  return results;
}

function saturated(each: Device, shape: LayerShape): Promise<Float32Array> {
  const { cell, inputSize, hiddenSize } = shape;
  const random = new Random(1);
  const packed = each.packed(shape, normals(randomParameters(shape, random).length, random));
  const x = each.put(Float32Array.of(1e4, -1e4, -1e30, 1e30, 3e-39, 0, 88, -104));
  const batch = x.length / inputSize;
  const h = each.put(states(batch * hiddenSize, random));
  const lstm = cell === "lstm" ? { c: each.put(normals(batch * hiddenSize, random)) } : {};
  const output = each.zeros(batch * hiddenSize);
  each.backend.prepare("step", { shape, batch, x, packed, h, ...lstm, output })();
  return each.get(output);
}
