// A network of ours as an ONNX model: beside the kernels on the same feed it says the same, and the
// forecaster's contract holds.
import { deepEqual, ok, rejects } from "node:assert/strict";
import { openBackend } from "../../kernels/mod.ts";
import {
  type Guest,
  type NetworkModel,
  OnlineForecaster,
  Parameters,
  Random,
  RecurrentNetwork,
  type SeriesView,
} from "../../mod.ts";
import { exportModelOnnx, OnnxExpert, OnnxNetwork, readOnnxModel } from "../../onnx.ts";
import {
  networkInputNames,
  NetworkInputs,
  networkInputSize,
} from "../../src/forecast/network_inputs.ts";
import { SeriesLayout } from "../../src/forecast/series_layout.ts";
import type { Frame } from "../../streams/mod.ts";
import { forecasterSuite } from "../contract/forecaster_suite.ts";

const HORIZON = 3;
const LEVELS = [0.1, 0.3, 0.5, 0.7, 0.9];
/** Relative to the series, whose values lie near 100. */
const TOLERANCE = 1e-5 * 100;

function model(covariates: number): NetworkModel {
  const parameters = new Parameters({
    cell: "lstm",
    inputSize: networkInputSize(covariates),
    hiddenSize: 8,
    layers: 2,
    outputSize: HORIZON * LEVELS.length,
  });
  const random = new Random(5);
  for (let k = 0; k < parameters.values.length; k++) {
    parameters.values[k] = 0.4 * (2 * random.uniform() - 1);
  }
  return { parameters, covariates, head: { loss: "pinball", horizon: HORIZON, levels: LEVELS } };
}

/** The same on our kernels, by hand. */
async function onKernels(network: NetworkModel, said: Float64Array[]): Promise<Guest> {
  const backend = await openBackend("wasm");
  const cells = new RecurrentNetwork(backend, network.parameters.architecture);
  cells.setParameters(network.parameters.values);
  const row = Uint32Array.of(cells.states.allocateRow());
  const layout = new SeriesLayout();
  const inputs = new NetworkInputs(layout, HORIZON, network.covariates);
  const numbers = layout.makeMemory();
  const x = new Float32Array(networkInputSize(network.covariates));
  const outputs = new Float32Array(HORIZON * LEVELS.length);
  return {
    name: "kernels",
    step(frames: readonly Frame[], views: readonly SeriesView[]): readonly Float64Array[] {
      inputs.observe(numbers, views[0], frames[0].time, frames[0].values, x);
      cells.step(x, row);
      cells.readOutputs(outputs);
      const points = Float64Array.from({ length: HORIZON }, (_, h) => {
        const middle = [1, 2, 3].reduce((sum, j) => sum + outputs[h * LEVELS.length + j], 0) / 3;
        return inputs.anchor(numbers, h + 1) + inputs.scale(numbers, h + 1) * middle;
      });
      said.push(points);
      return [points];
    },
    framesUntilLearning: () => Infinity,
    learn: () => Promise.resolve(),
    snapshot: () => ({ manifest: {}, arrays: {} }),
    restore: () => {},
    dispose: () => {
      cells.dispose();
      backend.dispose();
    },
  };
}

// ONNX Runtime opens a message port with the first model and keeps it: not charged to a test.
const shared = await OnnxNetwork.open(exportModelOnnx(model(0)));

forecasterSuite("a network of ours as ONNX", () =>
  new OnlineForecaster({
    horizon: HORIZON,
    experts: ["last_value"],
    guests: [new OnnxExpert(shared)],
  }), 120);

Deno.test("ONNX: 1,000 ticks of our network as on our kernels, its inputs included", async () => {
  const network = model(1);
  const bySelf: Float64Array[] = [];
  const expert = await OnnxExpert.open(exportModelOnnx(network));
  const byRuntime: Float64Array[] = [];
  const listening: Guest = {
    name: expert.name,
    step: (frames, views) =>
      expert.step(frames, views).then((points) => {
        byRuntime.push(points[0]);
        return points;
      }),
    framesUntilLearning: () => expert.framesUntilLearning(),
    learn: () => expert.learn(),
    snapshot: () => expert.snapshot(),
    restore: (snapshot) => expert.restore(snapshot),
    dispose: () => expert.dispose(),
  };
  const forecaster = new OnlineForecaster({
    horizon: HORIZON,
    experts: ["last_value"],
    guests: [await onKernels(network, bySelf), listening],
  });
  const random = new Random(2);
  for (let step = 0; step < 1000; step++) {
    const missing = step % 97 === 50;
    const value = 100 + 10 * Math.sin(2 * Math.PI * step / 24) + random.normal();
    const values = Float64Array.of(missing ? NaN : value, random.normal());
    await forecaster.step([{ series: "a", time: 3_600_000 * step, step, values }]);
  }
  let worst = 0;
  byRuntime.forEach((points, step) =>
    points.forEach((point, h) => worst = Math.max(worst, Math.abs(point - bySelf[step][h])))
  );
  ok(worst <= TOLERANCE, `forecasts differ by ${worst}`);
  ok(new Set(byRuntime.map(([point]) => Math.round(point))).size > 10);
  forecaster.dispose();
});

Deno.test("ONNX: an exported network names what it sees, and another horizon is refused", async () => {
  for (const covariates of [0, 2]) {
    deepEqual(networkInputNames(covariates).length, networkInputSize(covariates));
    deepEqual(new Set(networkInputNames(covariates)).size, networkInputSize(covariates));
  }
  const file = exportModelOnnx(model(2));
  const { features, covariates } = JSON.parse(readOnnxModel(file).metadata.tickcast);
  deepEqual([features, covariates], [networkInputNames(2), 2]);
  await rejects(OnnxExpert.open(file, { horizon: 5 }), { name: "TypeError", message: /3 steps/ });
});
