// A server whose network lives on the GPU: forecasts go on through a retraining's swap and the device's
// loss, in this process where the device can be taken away, and as the command that users type.
import { deepEqual, equal, match, ok } from "node:assert/strict";
// @ts-types="npm:@types/ws@8"
import { WebSocket } from "ws";
import { OnlineForecaster, Pipeline, RecurrentExpert, RecurrentNetwork } from "../../mod.ts";
import { openBackend } from "../../kernels/mod.ts";
import {
  recurrentDesign,
  type RecurrentExpertOptions,
} from "../../src/forecast/recurrent_design.ts";
import { WorkerRunner } from "../../src/learn/learning_runner.ts";
import type { Status, Tick } from "../../streams/mod.ts";
import { skipWithoutAdapter } from "../gpu_adapter.ts";
import { Devices, networkOnGpu } from "../network_on_gpu.ts";
import { settled, withServer } from "./served.ts";
import { startServe } from "./serve_process.ts";

const skip = await skipWithoutAdapter();
if (skip) console.warn(`webgpu: skipped, ${skip}`);

const OPTIONS: RecurrentExpertOptions = {
  horizon: 2,
  hiddenSize: 12,
  memorySteps: 512,
  plan: { everySteps: 1000, firstSteps: 144, delaySteps: 24, delayMs: 0, onDrift: false },
  trainer: { epochs: 12, batch: 8, window: 24, burnIn: 8 },
};

/** A logistic map: a network can follow it, the last value cannot. */
function chaos(steps: number): Tick[] {
  let state = 0.3;
  return Array.from({ length: steps }, (_, step) => {
    state = 3.9 * state * (1 - state);
    return { series: "a", time: step * 60_000, values: { value: state } };
  });
}

function wire(ticks: readonly Tick[]): string {
  const lines = ticks.map(({ series, time, values }) =>
    JSON.stringify({ series, time, value: values.value })
  );
  return lines.join("\n");
}

async function post(url: string, ticks: readonly Tick[]): Promise<void> {
  const answer = await fetch(`${url}/v1/ticks`, { method: "POST", body: wire(ticks) });
  deepEqual([answer.status, await answer.json()], [200, { type: "ack", count: ticks.length }]);
}

/** The forecasts that a subscriber gets, as they come. */
async function subscribe(url: string): Promise<{ heard: Heard[]; close(): Promise<void> }> {
  const socket = new WebSocket(`${url.replace("http", "ws")}/v1/forecasts`);
  const heard: Heard[] = [];
  socket.on("message", (data) => {
    const message = JSON.parse(String(data));
    if (message.type === "forecast") heard.push(message);
  });
  await new Promise((resolve, reject) => {
    socket.once("open", resolve);
    socket.once("error", reject);
  });
  return {
    heard,
    close: () =>
      new Promise((resolve) => {
        socket.once("close", () => resolve());
        socket.close();
      }),
  };
}

interface Heard {
  readonly time: number;
  readonly mean: number[];
}

/** What a network that never left the CPU says. */
async function undisturbed(ticks: readonly Tick[]): Promise<number[][]> {
  const backend = await openBackend("wasm");
  const network = new RecurrentNetwork(backend, recurrentDesign(OPTIONS).architecture);
  const guests = [new RecurrentExpert(network, new WorkerRunner(), OPTIONS)];
  const forecaster = new OnlineForecaster({ horizon: 2, experts: [], guests });
  const forecasts = await new Pipeline({ forecaster }).process(ticks);
  forecaster.dispose();
  return forecasts.map(({ mean }) => [...mean]);
}

Deno.test(
  "a server with its network on the GPU lives through a swap and two losses of the device",
  {
    ignore: !!skip,
  },
  async () => {
    const ticks = chaos(252);
    const devices = new Devices();
    const statuses: Status[] = [];
    const options = { ...OPTIONS, onStatus: (status: Status) => void statuses.push(status) };
    const network = await networkOnGpu(options, {
      openDevice: devices.open,
      retryDelays: { firstMs: 1, mostMs: 1 },
    }, new WorkerRunner());
    const forecaster = new OnlineForecaster({ horizon: 2, experts: [], guests: [network] });
    const places = new Set<string>();
    await withServer(async ({ server, engine }) => {
      const client = await subscribe(server.url);
      for (let at = 0; at < ticks.length; at += 4) {
        // While a retraining is under way, and with a state that the new parameters have made.
        if (at === 152 || at === 220) devices.destroy();
        await post(server.url, ticks.slice(at, at + 4));
        await settled(engine);
        places.add(network.learning.description.split(", on ")[1]);
        ok(engine.health().ok);
      }
      while (client.heard.length < ticks.length) await new Promise((r) => setTimeout(r, 1));
      const { heard } = client;
      deepEqual(heard.map(({ time }) => time), ticks.map(({ time }) => time));
      (await undisturbed(ticks)).forEach((mean, k) => {
        mean.forEach((value, h) => {
          const error = Math.abs(heard[k].mean[h] - value);
          ok(error < 1e-3, `forecast ${k}: ${heard[k].mean[h]}, undisturbed ${value}`);
        });
      });
      await client.close();
    }, { forecaster });
    const kinds = statuses.map(({ kind }) => kind).filter((kind) => kind !== "drift");
    deepEqual(kinds, [
      "retraining",
      "device-lost",
      "device-recovered",
      "promoted",
      "device-lost",
      "device-recovered",
    ]);
    equal(devices.opened.length, 3);
    for (const place of ["device 1", "device 2", "device 3"]) ok(places.has(place), place);
  },
);

Deno.test("`serve --backend webgpu --software-gpu` forecasts on the GPU through a swap", {
  ignore: !!skip,
}, async () => {
  const server = await startServe([
    ..."--backend webgpu --software-gpu --hidden 8 --horizon 2 --experts network".split(" "),
    ..."--retrain-every 256".split(" "),
  ]);
  ok(server);
  const learning = async (): Promise<{ version: number; description: string; runs: unknown[] }> =>
    await (await fetch(`${server.url}/v1/learning`)).json();
  const client = await subscribe(server.url);
  match((await learning()).description, /on webgpu \(.+\)$/);
  const ticks = chaos(330);
  for (let at = 0; at < ticks.length; at += 55) await post(server.url, ticks.slice(at, at + 55));
  while (client.heard.length < ticks.length) await new Promise((r) => setTimeout(r, 5));
  deepEqual(client.heard.map(({ time }) => time), ticks.map(({ time }) => time));
  ok(client.heard.every(({ mean }) => mean.length === 2 && mean.every(Number.isFinite)));
  const { version, description } = await learning();
  ok(version > 0, "there was a swap");
  match(description, /on webgpu \(.+\)$/);
  await client.close();
  server.kill("SIGINT");
  equal(await server.ended, 0);
  ok(!/device-lost|is lost/.test(server.said()), server.said());
});
