// The bodies of the WebGPU benchmark, tiny: they run, and compute what the reference computes.
import { deepStrictEqual, ok } from "node:assert/strict";
import { measure, TINY } from "../../bench/webgpu.ts";
import { stepping, training } from "../../bench/webgpu_workloads.ts";
import { type Backend, openBackend } from "../../kernels/mod.ts";
import { openWebGpu } from "../../kernels/webgpu/open_webgpu.ts";
import { assertClose } from "../contract/device.ts";
import { skipWithoutAdapter } from "../gpu_adapter.ts";

const skip = await skipWithoutAdapter();
if (skip) console.warn(`webgpu: skipped, ${skip}`);

const shape = { cell: "lstm", inputSize: 4, hiddenSize: 16 } as const;

async function results(backend: Backend): Promise<Float32Array[]> {
  const found: Float32Array[] = [];
  for (const workload of [stepping(backend, shape, 5), training(backend, shape, 3, 4)]) {
    for (let k = 0; k < 3; k++) workload.run();
    found.push(await workload.finish());
    workload.free();
  }
  return found;
}

Deno.test("the benchmark measures what the reference computes", { ignore: !!skip }, async () => {
  const backend = await openWebGpu({ allowFallbackAdapter: true });
  const [actual, expected] = [
    await results(backend),
    await results(await openBackend("reference")),
  ];
  actual.forEach((values, k) => assertClose(values, expected[k], 1e-4, `workload ${k}`));
  const figures = await measure(backend, TINY);
  deepStrictEqual(figures.map(({ what }) => what), [
    "step H=64 series=16",
    "step H=64 series=64",
    "train H=64 batch=4 steps=6",
  ]);
  ok(figures.every(({ perSecond, tflops }) => perSecond > 0 && tflops > 0));
  backend.dispose();
});
