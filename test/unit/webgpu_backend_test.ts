// What is the GPU backend's own: tiles of every size, memory that does not grow, few submissions, and a
// device that goes away.
import { deepStrictEqual, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { type CellKind, DeviceLostError, openBackend } from "../../kernels/mod.ts";
import { openWebGpu } from "../../kernels/webgpu/open_webgpu.ts";
import { chooseTile } from "../../kernels/webgpu/tile.ts";
import type { WebGpuBackend } from "../../kernels/webgpu/webgpu_backend.ts";
import { Random } from "../../src/model/random.ts";
import {
  assertClose,
  assertSameBits,
  Device,
  normals,
  randomParameters,
} from "../contract/device.ts";
import { TrainingProgram } from "../../src/learn/training_program.ts";
import { RecurrentNetwork } from "../../src/model/recurrent_network.ts";
import { skipWithoutAdapter } from "../gpu_adapter.ts";

const skip = await skipWithoutAdapter();
if (skip) console.warn(`webgpu: skipped, ${skip}`);

const SMALL_NETWORK = {
  cell: "gru",
  inputSize: 3,
  hiddenSize: 5,
  layers: 2,
  outputSize: 2,
} as const;

function gpuTest(name: string, run: (backend: WebGpuBackend) => Promise<void>): void {
  Deno.test({
    name: `webgpu: ${name}`,
    ignore: skip !== undefined,
    async fn(): Promise<void> {
      const backend = await openWebGpu({ allowFallbackAdapter: true });
      try {
        await run(backend);
      } finally {
        backend.dispose();
      }
    },
  });
}

Deno.test("a tile fits workgroup memory and leaves enough workgroups", () => {
  const limits = { workgroupBytes: 16384, threads: 256, groupsWanted: 256 };
  deepStrictEqual(chooseTile(1, 64, 512, limits), { lanes: 64, teams: 1, rows: 1 });
  deepStrictEqual(chooseTile(1024, 64, 512, limits), { lanes: 64, teams: 4, rows: 1 });
  deepStrictEqual(chooseTile(16384, 64, 512, limits), { lanes: 64, teams: 4, rows: 8 });
  deepStrictEqual(chooseTile(262144, 128, 2048, limits), { lanes: 128, teams: 2, rows: 4 });
  deepStrictEqual(chooseTile(262144, 1000, 8000, limits), { lanes: 256, teams: 1, rows: 2 });
  throws(() => chooseTile(1, 5000, 20000, limits), RangeError);
});

gpuTest("the rows of a thread do not change a row's result", async (small) => {
  const large = await openWebGpu({ allowFallbackAdapter: true, groupsWanted: 1 });
  using few = new Device(small);
  using many = new Device(large);
  for (const cell of ["lstm", "gru", "gru_reset_before"] as const) {
    for (const [hiddenSize, batch] of [[17, 19], [64, 35], [300, 9]]) {
      const expected = await forwardBackward(few, cell, hiddenSize, batch);
      const actual = await forwardBackward(many, cell, hiddenSize, batch);
      const what = `${cell} ${hiddenSize}, batch ${batch}`;
      assertSameBits(actual.hs, expected.hs, `${what}: hs`);
      assertSameBits(actual.h, expected.h, `${what}: h`);
      assertSameBits(actual.dx, expected.dx, `${what}: dx`);
      assertSameBits(actual.gradient, expected.gradient, `${what}: gradient`);
    }
  }
});

async function forwardBackward(
  device: Device,
  cell: CellKind,
  hiddenSize: number,
  batch: number,
): Promise<Record<"hs" | "h" | "dx" | "gradient", Float32Array>> {
  const { backend } = device;
  const [steps, inputSize] = [3, 5];
  const shape = { cell, inputSize, hiddenSize };
  const random = new Random(hiddenSize);
  const values = randomParameters(shape, random);
  const parameters = device.put(values);
  const packed = device.packed(shape, values);
  const lstm = cell === "lstm";
  const rows = steps * batch;
  const x = device.put(normals(rows * inputSize, random));
  const h0 = device.put(normals(batch * hiddenSize, random));
  const c0 = device.put(normals(batch * hiddenSize, random));
  const hs = device.zeros(rows * hiddenSize);
  const cs = device.zeros(rows * hiddenSize);
  const shared = {
    shape,
    steps,
    batch,
    x,
    h0,
    hs,
    saved: device.zeros(rows * 4 * hiddenSize),
    ...(lstm ? { c0, cs } : {}),
  };
  const dhs = device.put(normals(rows * hiddenSize, random));
  const [gradient, dx] = [device.zeros(values.length), device.zeros(rows * inputSize)];
  backend.prepare("sequence", { ...shared, packed })();
  backend.prepare("sequence_backward", { ...shared, parameters, dhs, gradient, dx })();
  const output = device.zeros(batch * hiddenSize);
  backend.prepare("step", { shape, batch, x, packed, h: h0, output, ...(lstm ? { c: c0 } : {}) })();
  return {
    hs: await device.get(hs),
    h: await device.get(h0),
    dx: await device.get(dx),
    gradient: await device.get(gradient),
  };
}

gpuTest("a linear layer of many rows, forward and back", async (backend) => {
  using device = new Device(backend);
  using oracle = new Device(await openBackend("reference"));
  const [rows, inputSize, outputSize] = [4500, 19, 70];
  const run = async (each: Device): Promise<Float32Array[]> => {
    const random = new Random(3);
    const sizes = { rows, inputSize, outputSize };
    const x = each.put(normals(rows * inputSize, random));
    const parameters = each.put(normals(outputSize * (inputSize + 1), random));
    const dy = each.put(normals(rows * outputSize, random));
    const [y, dx] = [each.zeros(rows * outputSize), each.zeros(rows * inputSize)];
    const gradient = each.zeros(outputSize * (inputSize + 1));
    each.backend.prepare("linear", { ...sizes, x, parameters, y })();
    each.backend.prepare("linear_backward", { ...sizes, x, parameters, dy, gradient, dx })();
    return await Promise.all([each.get(y), each.get(dx), each.get(gradient)]);
  };
  const [actual, expected] = [await run(device), await run(oracle)];
  ["y", "dx", "gradient"].forEach((name, k) => assertClose(actual[k], expected[k], 2e-6, name));
});

/** Steps of the search for leaks; `TICKCAST_LEAK_STEPS=1000000` for a long one. */
const LEAK_STEPS = Number(Deno.env.get("TICKCAST_LEAK_STEPS") ?? 20_000);
const LEAK_ROUND = 1000;

gpuTest(`${LEAK_STEPS} steps take no more memory than the first`, async (backend) => {
  using device = new Device(backend);
  const shape = { cell: "gru", inputSize: 2, hiddenSize: 4 } as const;
  const packed = device.packed(shape, randomParameters(shape, new Random(1)));
  const x = device.zeros(6);
  const [h, output, target] = [device.zeros(12), device.zeros(12), new Float32Array(4)];
  const step = backend.prepare("step", { shape, batch: 3, x, packed, h, output });
  const round = async (index: number): Promise<void> => {
    for (let k = 0; k < LEAK_ROUND; k++) step(k % 500 === 0 ? 2 : 3);
    backend.write(x, normals(6, new Random(index)));
    const borrowed = backend.allocate(100 + index % 3);
    await backend.read(output, target);
    backend.free(borrowed);
  };
  for (let index = 0; index < 3; index++) await round(index);
  const { buffers, staging, pipelines } = backend.counts;
  for (let index = 3; index < LEAK_STEPS / LEAK_ROUND; index++) await round(index);
  deepStrictEqual(backend.counts.buffers, buffers);
  deepStrictEqual(backend.counts.staging, staging);
  strictEqual(backend.counts.pipelines, pipelines);
  strictEqual(staging.created, 1);
});

gpuTest("training reads nothing back, and gives all its memory back", async (backend) => {
  const [steps, batch, count] = [4, 3, 5];
  const x = new Float32Array(steps * batch * SMALL_NETWORK.inputSize);
  const targets = new Float32Array(steps * batch * 2);
  const retrain = async (): Promise<void> => {
    const program = new TrainingProgram(backend, SMALL_NETWORK, { loss: "mse", horizon: 2 }, {
      steps,
      batch,
      optimiser: { kind: "adamw", weightDecay: 0.01 },
      maxNorm: 1,
    });
    const before = backend.counts;
    for (let k = 0; k < count; k++) {
      program.setBatch(x, targets, targets);
      program.train(0.01, new Random(k));
    }
    const { submissions, staging } = backend.counts;
    strictEqual(staging.used, before.staging.used, "nothing is on its way to the host");
    ok(
      submissions - before.submissions <= count,
      `${submissions - before.submissions} submissions`,
    );
    await program.readRecord();
    program.dispose();
  };
  await retrain();
  const { buffers, staging, pipelines } = backend.counts;
  for (let k = 0; k < 5; k++) await retrain();
  deepStrictEqual(backend.counts.buffers, buffers);
  deepStrictEqual(backend.counts.staging, staging);
  strictEqual(backend.counts.pipelines, pipelines);
});

gpuTest(
  "a step of a network is one submission, from its inputs to its outputs",
  async (backend) => {
    const network = new RecurrentNetwork(backend, SMALL_NETWORK, { batch: 4, capacity: 4 });
    const rows = Uint32Array.of(network.states.allocateRow(), network.states.allocateRow());
    const outputs = new Float32Array(2 * SMALL_NETWORK.outputSize);
    const step = async (): Promise<void> => {
      network.step(new Float32Array(2 * SMALL_NETWORK.inputSize), rows, 2);
      await network.readOutputs(outputs);
    };
    await step();
    const before = backend.counts.submissions;
    for (let k = 0; k < 5; k++) await step();
    strictEqual(backend.counts.submissions - before, 5);
    network.dispose();
  },
);

gpuTest("memory handed out again is zero", async (backend) => {
  const first = backend.allocate(5);
  backend.write(first, new Float32Array(5).fill(7));
  backend.free(first);
  const second = backend.allocate(5);
  const values = new Float32Array(5).fill(1);
  await backend.read(second, values);
  deepStrictEqual(values, new Float32Array(5));
  strictEqual(backend.counts.buffers.created, 1);
  throws(() => backend.read(first, values), TypeError);
});

gpuTest("kernels, writes and reads keep their order in few submissions", async (backend) => {
  const [a, b] = [backend.allocate(1), backend.allocate(1)];
  const double = backend.prepare("fill", { buffer: a, value: 2 });
  const square = backend.prepare("multiply", { a, b: a, target: a });
  const results = Array.from({ length: 4 }, () => new Float32Array(1));
  const before = backend.counts.submissions;
  double();
  square();
  const reads = [backend.read(a, results[0])];
  square();
  reads.push(backend.read(a, results[1]));
  backend.write(b, Float32Array.of(5)); // Touches nothing encoded: no submission.
  backend.write(a, Float32Array.of(3));
  square();
  reads.push(backend.read(a, results[2]), backend.read(b, results[3]));
  await Promise.all(reads);
  deepStrictEqual(results.map(([value]) => value), [4, 16, 9, 5]);
  strictEqual(backend.counts.submissions - before, 2);
});

gpuTest("a lost device rejects reads, and says so", async (backend) => {
  const buffer = backend.allocate(1);
  const fill = backend.prepare("fill", { buffer, value: 1 });
  const waiting = backend.read(buffer, new Float32Array(1));
  backend.dispose();
  await rejects(waiting, DeviceLostError);
  ok((await backend.lost).includes("destroyed"));
  fill();
  await rejects(backend.read(buffer, new Float32Array(1)), DeviceLostError);
});

Deno.test(
  "a software adapter is refused unless allowed",
  { ignore: skip !== undefined },
  async () => {
    const adapter = await navigator.gpu.requestAdapter();
    const open = openBackend("webgpu");
    if (adapter?.info.isFallbackAdapter) await rejects(open, /only WebGPU adapter is software/);
    else (await open).dispose();
  },
);
