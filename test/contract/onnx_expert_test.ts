import { deepEqual, equal, ok, rejects, throws } from "node:assert/strict";
import {
  OnlineForecaster,
  openNetwork,
  Parameters,
  Pipeline,
  Random,
  type Status,
} from "../../mod.ts";
import { exportOnnx, OnnxExpert, OnnxNetwork } from "../../onnx.ts";
import { forecasterSuite, framesOf } from "./forecaster_suite.ts";

const fixtures = new URL("../fixtures/interop/", import.meta.url);

function network(outputSize: number): Parameters {
  const parameters = new Parameters({
    cell: "lstm",
    inputSize: 1,
    hiddenSize: 6,
    layers: 1,
    outputSize,
  });
  const random = new Random(4);
  for (let k = 0; k < parameters.values.length; k++) parameters.values[k] = random.uniform() - 0.5;
  return parameters;
}

const scaling = { offset: [50], scale: [20], outputs: "change" } as const;
const file = exportOnnx(network(2), {
  head: { loss: "mse", horizon: 2 },
  features: ["value"],
  scaling,
});
// Opened once, here: ONNX Runtime opens a message port with the first model and keeps it.
const shared = await OnnxNetwork.open(file);

forecasterSuite("an ONNX model among experts", () =>
  new OnlineForecaster({
    horizon: 2,
    experts: ["last_value"],
    guests: [new OnnxExpert(shared)],
  }), 120);
forecasterSuite("an ONNX model alone, rolled out", () =>
  new OnlineForecaster({
    horizon: 5,
    experts: [],
    guests: [new OnnxExpert(shared, { horizon: 5 })],
  }), 60);

Deno.test("ONNX expert: a network beside it is retrained in a Worker", async () => {
  const seen: Status["kind"][] = [];
  const onStatus = ({ kind }: Status): void => void seen.push(kind);
  const plan = { everySteps: 100 };
  const learning = await openNetwork({ horizon: 2, hiddenSize: 4, plan, onStatus });
  const forecaster = new OnlineForecaster({
    horizon: 2,
    experts: [],
    guests: [learning, new OnnxExpert(shared)],
  });
  const ticks = Array.from({ length: 400 }, (_, k) => ({
    series: "a",
    time: 1000 * k,
    values: { value: Math.sin(k / 10) },
  }));
  await new Pipeline({ forecaster }).process(ticks);
  ok(seen.includes("promoted") || seen.includes("candidate-rejected"), seen.join());
  forecaster.dispose();
});

Deno.test("ONNX expert: a rollout takes each forecast as the next value", async () => {
  const one = await OnnxNetwork.open(
    exportOnnx(network(1), { head: { loss: "mse", horizon: 1 }, features: ["value"] }),
  );
  const expert = new OnnxExpert(one, { horizon: 3, scaling });
  const frames = framesOf([50, 57]);
  await expert.step([frames[0]]);
  const [points] = await expert.step([frames[1]]);

  const state = new Float32Array(one.stateLength);
  const next = async (value: number): Promise<number> => {
    const [[said]] = await one.step([Float32Array.of((value - 50) / 20)], [state]);
    return value + 20 * said;
  };
  await next(50);
  let value = 57;
  const expected: number[] = [];
  for (let ahead = 0; ahead < 3; ahead++) expected.push(value = await next(value));
  deepEqual([...points], expected);
  await one.dispose();
});

Deno.test("ONNX expert: a missing feature keeps its last value", async () => {
  const gap = new OnnxExpert(shared);
  const held = new OnnxExpert(shared);
  for (const frame of framesOf([48, NaN, 51])) await gap.step([frame]);
  for (const frame of framesOf([48, 48, 51])) await held.step([frame]);
  deepEqual(gap.snapshot(), held.snapshot());
});

Deno.test("ONNX expert: a model that fails is reported, and others stand in", async () => {
  const broken = await OnnxNetwork.open(file);
  const statuses: Status[] = [];
  const expert = new OnnxExpert(broken, { onStatus: (status) => statuses.push(status) });
  const forecaster = new OnlineForecaster({
    horizon: 2,
    experts: ["last_value"],
    guests: [expert],
  });
  const frames = framesOf(Array.from({ length: 60 }, () => 5));
  for (const frame of frames.slice(0, 55)) await forecaster.step([frame]);
  deepEqual(forecaster.forecast("a").flags, []);
  await broken.dispose();
  for (const frame of frames.slice(55)) await forecaster.step([frame]);
  deepEqual(forecaster.forecast("a").flags, ["degraded"]);
  equal(Math.round(forecaster.forecast("a").mean[0]), 5);
  deepEqual(statuses.map(({ kind }) => kind), ["degraded"]);
});

Deno.test("ONNX expert: in a pipeline, series in one batch as one by one", async () => {
  const make = (): Pipeline =>
    new Pipeline({
      forecaster: new OnlineForecaster({
        horizon: 2,
        experts: ["last_value"],
        guests: [new OnnxExpert(shared)],
      }),
    });
  const random = new Random(2);
  const ticks = Array.from({ length: 90 }, (_, k) => ({
    series: "abc"[k % 3],
    time: 1000 * Math.floor(k / 3),
    values: { value: 40 + 20 * random.uniform() },
  }));
  const batched = await make().process(ticks);
  const single = make();
  for (const [k, tick] of ticks.entries()) deepEqual((await single.process([tick]))[0], batched[k]);
});

Deno.test("ONNX expert: models from PyTorch run, and wrong ones are refused", async () => {
  const bytes = Deno.readFileSync(new URL("pytorch_gru.onnx", fixtures));
  const expert = await OnnxExpert.open(bytes);
  equal(expert.horizon, 4);
  equal(expert.features, undefined);
  const values = Float64Array.of(1, 2, 3);
  const [points] = await expert.step([{ series: "a", time: 0, step: 0, values }]);
  ok(points.every(Number.isFinite));
  await rejects(
    async () => await expert.step(framesOf([1])),
    { name: "TypeError", message: /takes 3 features, a frame has 1/ },
  );
  throws(() => new OnnxExpert(shared, { scaling: { ...scaling, offset: [1, 2] } }), TypeError);
  expert.dispose();
  await rejects(OnnxExpert.open(bytes, { features: 2 }), { name: "TypeError" });
  await rejects(OnnxExpert.open(bytes.subarray(0, 4000)), { name: "SyntaxError" });
  await rejects(OnnxExpert.open(bytes, { states: { h: "nowhere" } }), { name: "TypeError" });
});
