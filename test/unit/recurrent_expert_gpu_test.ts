// A network whose states live on the GPU: its snapshots are exact although they wait for no device.
import { deepEqual, ok, throws } from "node:assert/strict";
import {
  type LearningRunner,
  OnlineForecaster,
  Pipeline,
  type RecurrentExpert,
  type RecurrentExpertOptions,
} from "../../mod.ts";
import type { Snapshot } from "../../src/forecast/forecaster.ts";
import type { Tick } from "../../streams/mod.ts";
import { skipWithoutAdapter } from "../gpu_adapter.ts";
import { networkOnGpu } from "../network_on_gpu.ts";

const skip = await skipWithoutAdapter();
if (skip) console.warn(`webgpu: skipped, ${skip}`);

const OPTIONS: RecurrentExpertOptions = {
  horizon: 2,
  hiddenSize: 8,
  layers: 2,
  memorySteps: 192,
  plan: { everySteps: 140, firstSteps: 140, delaySteps: 10, delayMs: 0, onDrift: false },
};

/** Batches compared after each snapshot. */
const AFTER = 20;

/** Improves on nothing, but is taken: what matters here is the swap. */
const swaps: LearningRunner = {
  run: ({ champion }) =>
    Promise.resolve({
      candidate: champion.map((value, k) => value + 0.1 * Math.sin(k)),
      championLoss: 2,
      candidateLoss: 1,
      predecessorLoss: NaN,
      curve: [],
    }),
  dispose: () => {},
};

/** Micro-batches of two series, of which the second ticks every third time. */
function batches(count: number): Tick[][] {
  const tick = (series: string, step: number): Tick => {
    const value = Math.sin(step / 3) + Math.cos(step * step);
    return { series, time: step * 60_000, values: { value } };
  };
  return Array.from(
    { length: count },
    (_, step) => step % 3 === 0 ? [tick("a", step), tick("b", step)] : [tick("a", step)],
  );
}

async function open(): Promise<{ pipeline: Pipeline; network: RecurrentExpert; close(): void }> {
  const network = await networkOnGpu(OPTIONS, {}, swaps);
  const forecaster = new OnlineForecaster({ horizon: 2, experts: [], guests: [network] });
  return { pipeline: new Pipeline({ forecaster }), network, close: () => forecaster.dispose() };
}

/** What a store makes of a snapshot. */
function stored({ manifest, arrays }: Snapshot): Snapshot {
  return { manifest: JSON.parse(JSON.stringify(manifest)), arrays: structuredClone(arrays) };
}

Deno.test("a snapshot of states on the GPU goes on bit for bit, through a swap", {
  ignore: !!skip,
}, async () => {
  const original = await open();
  const { network } = original;
  const stream = batches(300);
  const means: number[][] = [];
  const snapshots = new Map<number, Snapshot>();
  let [pending, swapped] = [false, 0];
  for (let index = 0; swapped === 0 || index < swapped + AFTER; index++) {
    ok(index < stream.length, "there was a swap");
    const { version, training } = network.learning;
    // Before the first copy of a state, after it, and as soon as an outcome is pending.
    const due = index === 50 || index === 150 || (training && !pending);
    pending ||= training;
    if (version === 1 && swapped === 0) swapped = index;
    // After the swap one series has stepped and the state of the other is still to be recomputed.
    if (due || (swapped > 0 && index === swapped + 1)) {
      snapshots.set(index, stored(original.pipeline.snapshot()));
    }
    means.push((await original.pipeline.process(stream[index])).flatMap(({ mean }) => [...mean]));
  }
  ok(network.learning.description.endsWith("on device 1"));
  original.close();
  for (const [moment, snapshot] of snapshots) {
    const copy = await open();
    copy.pipeline.restore(snapshot);
    for (let index = moment; index < Math.min(means.length, moment + AFTER); index++) {
      const forecasts = await copy.pipeline.process(stream[index]);
      deepEqual(forecasts.flatMap(({ mean }) => [...mean]), means[index], `batch ${index}`);
    }
    copy.close();
  }
});

Deno.test("a snapshot whose state is damaged is refused", { ignore: !!skip }, async () => {
  const { pipeline, network, close } = await open();
  for (const batch of batches(5)) await pipeline.process(batch);
  const { manifest, arrays } = stored(network.snapshot());
  const damaged = { ...arrays, "series.0.state": new Float32Array(3) };
  throws(() => network.restore({ manifest, arrays: damaged }), /state of series a is damaged/);
  const [[name, pushed, said, version]] = manifest.series as unknown[][];
  const late = { ...manifest, series: [[name, pushed, said, version, 1e6]] };
  throws(() => network.restore({ manifest: late, arrays }), SyntaxError);
  network.restore({ manifest, arrays });
  close();
});
