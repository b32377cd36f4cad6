// Retrainings on the GPU: what the CPU would have learnt, and done on the CPU where the device goes away.
import { deepEqual, equal, ok } from "node:assert/strict";
import { initialParameters, type LearningOutcome, type LearningTask, Random } from "../../mod.ts";
import type { Backend } from "../../kernels/mod.ts";
import { LearningDevice } from "../../src/learn/learning_device.ts";
import { WorkerRunner } from "../../src/learn/learning_runner.ts";
import { skipWithoutAdapter } from "../gpu_adapter.ts";
import { Devices } from "../network_on_gpu.ts";

const skip = await skipWithoutAdapter();
if (skip) console.warn(`webgpu: skipped, ${skip}`);

/** Learns the next value of a sine. */
function sineTask(): LearningTask {
  const architecture = {
    cell: "gru",
    inputSize: 1,
    hiddenSize: 6,
    layers: 1,
    outputSize: 1,
  } as const;
  const sequence = (from: number, steps: number): LearningTask["training"][number] => {
    const wave = (shift: number): Float32Array =>
      Float32Array.from({ length: steps }, (_, k) => Math.sin((from + k + shift) / 4));
    return { inputs: wave(0), targets: wave(1), mask: new Float32Array(steps).fill(1) };
  };
  return {
    architecture,
    head: { loss: "mse", horizon: 1 },
    trainer: {
      window: 12,
      burnIn: 4,
      batch: 4,
      epochs: 10,
      schedule: { kind: "constant", rate: 0.02 },
      optimiser: { kind: "adamw", weightDecay: 0 },
    },
    seed: 5,
    champion: initialParameters(architecture, new Random(1)).values,
    training: [sequence(0, 120)],
    validation: [sequence(120, 30)],
    trial: [sequence(150, 30)],
  };
}

/** What the GPU learns from it, in this thread. */
let onGpu: LearningOutcome | undefined;

async function outcomeOnGpu(gpu: LearningDevice): Promise<LearningOutcome> {
  return onGpu ??= await gpu.run(sineTask());
}

Deno.test("a retraining on the GPU learns what the CPU would have learnt", {
  ignore: !!skip,
}, async () => {
  const devices = new Devices();
  const gpu = new LearningDevice(devices.open);
  const cpu = new LearningDevice();
  const [actual, expected] = [await outcomeOnGpu(gpu), await cpu.run(sineTask())];
  equal(devices.opened.length, 1);
  ok(expected.candidateLoss < expected.championLoss / 2, "it learns");
  for (const loss of ["championLoss", "candidateLoss"] as const) {
    const error = Math.abs(actual[loss] - expected[loss]) / expected[loss];
    ok(error < 1e-3, `${loss}: ${actual[loss]}, on the CPU ${expected[loss]}`);
  }
  deepEqual(await gpu.run(sineTask()), actual, "the same task has the same outcome");
  gpu.dispose();
  cpu.dispose();
});

Deno.test("where the device is lost or refused, the CPU does the task from the start", {
  ignore: !!skip,
}, async () => {
  const devices = new Devices();
  let refuse = false;
  const gpu = new LearningDevice(async (): Promise<Backend> => {
    if (refuse) throw new Error("no WebGPU adapter");
    const backend = await devices.open();
    // Goes in the middle of the first task.
    if (devices.opened.length === 1) setTimeout(() => devices.destroy(), 0);
    return backend;
  });
  const cpu = new LearningDevice();
  const expected = await cpu.run(sineTask());
  deepEqual(await gpu.run(sineTask()), expected);
  const second = await gpu.run(sineTask());
  equal(devices.opened.length, 2);
  ok(Math.abs(second.candidateLoss - expected.candidateLoss) < 1e-3 * expected.candidateLoss);
  devices.destroy();
  refuse = true;
  deepEqual(await gpu.run(sineTask()), expected);
  gpu.dispose();
  cpu.dispose();
});

Deno.test("the Worker trains on the GPU too", { ignore: !!skip }, async () => {
  const runner = new WorkerRunner({ backend: "webgpu", allowFallbackAdapter: true });
  const gpu = new LearningDevice(new Devices().open);
  const { candidate } = await runner.run(sineTask());
  deepEqual(candidate, (await outcomeOnGpu(gpu)).candidate);
  runner.dispose();
  gpu.dispose();
});
