// A device is destroyed in mid-stream: every forecast still comes, and is that of an undisturbed run.
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { type Backend, ReferenceBackend } from "../../kernels/mod.ts";
import { WebGpuBackend } from "../../kernels/webgpu/webgpu_backend.ts";
import {
  type Architecture,
  initialParameters,
  type Network,
  Random,
  RecurrentNetwork,
  ResilientNetwork,
  type ResilientNetworkOptions,
} from "../../mod.ts";
import { ManualClock, type Status } from "../../streams/mod.ts";
import { assertClose, assertSameBits } from "../contract/device.ts";
import { skipWithoutAdapter } from "../gpu_adapter.ts";

const skip = await skipWithoutAdapter();
if (skip) console.warn(`webgpu: skipped, ${skip}`);

const architecture: Architecture = {
  cell: "lstm",
  inputSize: 3,
  hiddenSize: 9,
  layers: 2,
  outputSize: 4,
};
const options = { batch: 8, capacity: 4, copyEverySteps: 5 };
const ROUNDS = 40;
const RETRY_MS = 1000;

/** Series come and go, parameters are swapped, states are set: the life of a network. */
async function live(
  network: Network,
  between: (round: number) => void | Promise<void> = () => {},
  stepped: (round: number) => void = () => {},
): Promise<Float32Array[]> {
  const random = new Random(11);
  const all: Float32Array[] = [];
  const rows: number[] = [];
  network.setParameters(initialParameters(architecture, new Random(1)).values);
  for (let round = 0; round < ROUNDS; round++) {
    await between(round);
    if (round % 5 === 0) rows.push(network.states.allocateRow());
    if (round === 23) network.states.releaseRow(rows.shift()!);
    if (round === 17) {
      network.setParameters(initialParameters(architecture, new Random(2)).values);
    }
    const count = Math.max(1, rows.length - round % 2);
    const x = Float32Array.from({ length: count * architecture.inputSize }, () => random.normal());
    network.step(x, Uint32Array.from(rows), count);
    stepped(round);
    const outputs = new Float32Array(count * architecture.outputSize);
    await network.readOutputs(outputs);
    all.push(outputs);
    const state = new Float32Array(network.states.rowLength);
    if (round % 9 === 8) {
      await network.states.readRow(rows[0], state);
      network.states.writeRow(rows[0], state.map((value) => value / 2));
      all.push(state);
    }
  }
  return all;
}

async function undisturbed(): Promise<Float32Array[]> {
  const network = new RecurrentNetwork(new ReferenceBackend(), architecture, options);
  return await live(network);
}

/** A device that a test can destroy, as a driver would. */
class Fragile {
  readonly devices: GPUDevice[] = [];
  refused = 0;

  constructor(private readonly refusals = 0) {}

  open = async (): Promise<Backend> => {
    if (this.devices.length > 0 && this.refused < this.refusals) {
      this.refused++;
      throw new Error("no WebGPU adapter");
    }
    const adapter = await navigator.gpu.requestAdapter();
    const device = await adapter!.requestDevice();
    this.devices.push(device);
    return new WebGpuBackend(device, `fragile ${this.devices.length}`);
  };

  destroy(): void {
    this.devices.at(-1)!.destroy();
  }
}

async function resilient(
  fragile: Fragile,
  more: Partial<ResilientNetworkOptions> = {},
): Promise<{ network: ResilientNetwork; statuses: Status[]; clock: ManualClock }> {
  const statuses: Status[] = [];
  const clock = new ManualClock();
  const network = await ResilientNetwork.open(architecture, {
    ...options,
    openDevice: fragile.open,
    fallback: new ReferenceBackend(),
    onStatus: (status) => statuses.push(status),
    clock,
    retryDelays: { firstMs: RETRY_MS, mostMs: 4 * RETRY_MS },
    ...more,
  });
  return { network, statuses, clock };
}

function assertForecasts(actual: Float32Array[], expected: Float32Array[]): void {
  strictEqual(actual.length, expected.length);
  expected.forEach((values, k) => assertClose(actual[k], values, 1e-4, `forecast ${k}`));
}

// At an even step the device goes while the outputs are on their way.
for (const at of [1, 5, 6, 8, 29, ROUNDS - 2, ROUNDS - 1]) {
  Deno.test(`a device destroyed at step ${at} costs no forecast`, { ignore: !!skip }, async () => {
    const fragile = new Fragile();
    const { network, statuses } = await resilient(fragile);
    const destroy = (round: number): void => {
      if (round === at) fragile.destroy();
    };
    const forecasts = await live(network, ...(at % 2 ? [destroy] : [() => {}, destroy]));
    assertForecasts(forecasts, await undisturbed());
    deepStrictEqual(statuses.map(({ kind }) => kind), ["device-lost"]);
    match(network.device, /^reference/);
    network.dispose();
  });
}

Deno.test("a device that comes back is moved to again, and may be lost again", {
  ignore: !!skip,
}, async () => {
  const fragile = new Fragile(2);
  const { network, statuses, clock } = await resilient(fragile);
  const places: string[] = [];
  const forecasts = await live(network, async (round) => {
    if (round === 8 || round === 30) fragile.destroy();
    if (round >= 12 && round <= 18) await clock.advance(RETRY_MS);
    // The new device is opened meanwhile.
    if (round === 20) {
      while (fragile.devices.length < 2) await new Promise((r) => setTimeout(r, 5));
    }
    places.push(network.device);
  });
  assertForecasts(forecasts, await undisturbed());
  deepStrictEqual(statuses.map(({ kind }) => kind), [
    "device-lost",
    "device-recovered",
    "device-lost",
  ]);
  strictEqual(fragile.refused, 2);
  strictEqual(places[8], "fragile 1");
  match(places[9], /^reference/);
  strictEqual(places[25], "fragile 2");
  match(places[31], /^reference/);
  network.dispose();
});

Deno.test("without a device the network runs on the fallback, exactly", async () => {
  const clock = new ManualClock();
  const statuses: Status[] = [];
  const network = await ResilientNetwork.open(architecture, {
    ...options,
    openDevice: () => Promise.reject(new Error("no WebGPU adapter")),
    fallback: new ReferenceBackend(),
    onStatus: (status) => statuses.push(status),
    clock,
  });
  const [actual, expected] = [await live(network), await undisturbed()];
  expected.forEach((values, k) => assertSameBits(actual[k], values, `forecast ${k}`));
  deepStrictEqual(statuses, [
    { kind: "device-lost", backend: "webgpu", detail: "no WebGPU adapter" },
  ]);
  ok(network.device.startsWith("reference"));
  network.dispose();
});

Deno.test("a network that the device cannot hold runs on the fallback, and the reason is told", {
  ignore: !!skip,
}, async () => {
  const clock = new ManualClock();
  const statuses: Status[] = [];
  const fragile = new Fragile();
  // A row of inputs must fit the memory of a workgroup.
  const large = { ...architecture, inputSize: 20_000 };
  const network = await ResilientNetwork.open(large, {
    openDevice: fragile.open,
    fallback: new ReferenceBackend(),
    onStatus: (status) => statuses.push(status),
    clock,
    retryDelays: { firstMs: RETRY_MS, mostMs: RETRY_MS },
  });
  const row = network.states.allocateRow();
  await clock.advance(RETRY_MS);
  while (fragile.devices.length < 2) await new Promise((r) => setTimeout(r, 5));
  await new Promise((r) => setTimeout(r));
  network.states.writeRow(row, new Float32Array(network.states.rowLength));
  ok(network.onHost);
  strictEqual(statuses.length, 1);
  const [status] = statuses;
  match(
    status.kind === "device-lost" ? status.detail : "",
    /a row takes 800\d\d bytes of workgroup memory/,
  );
  network.dispose();
});
