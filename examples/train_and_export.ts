/**
 * Train a network on history, look at what it makes of days it never saw, and write it twice: as
 * safetensors for PyTorch and for `--model`, and as ONNX for any other runtime.
 *
 *     deno run --allow-read --allow-write --allow-env examples/train_and_export.ts
 */
import {
  NetworkRecorder,
  OnlineForecaster,
  Pipeline,
  trainNetwork,
  writeModel,
} from "@tickcast/tickcast";
import { exportOnnx } from "@tickcast/tickcast/onnx";
import { csvSource } from "@tickcast/tickcast/streams";

const HORIZON = 3;

await import("vega-datasets");
const input = new URL("../data/seattle-weather.csv", import.meta.resolve("vega-datasets"));

// The recorder sits where the network will: it writes down what a network there would see.
const recorder = new NetworkRecorder({ horizon: HORIZON });
const forecaster = new OnlineForecaster({
  horizon: HORIZON,
  experts: ["last_value"],
  guests: [recorder],
});
const ticks = csvSource({ input, time: "date", value: "temp_max" });
for await (const _ of ticks.pipeThrough(new Pipeline({ forecaster }).stream()));

const { model, epochs, bestEpoch, testLoss, testLossBefore } = await trainNetwork(
  recorder.series.map((name) => recorder.sequence(name)),
  { horizon: HORIZON, cell: "gru", hiddenSize: 16, trainer: { epochs: 30 } },
);
console.log(`${epochs.length} rounds, the best is round ${bestEpoch}`);
console.log(`loss on the last days ${testLossBefore.toFixed(3)} -> ${testLoss.toFixed(3)}`);

const folder = await Deno.makeTempDir();
await Deno.writeFile(`${folder}/weather.safetensors`, writeModel(model));
const features = Array.from({ length: model.parameters.architecture.inputSize }, (_, k) => `x${k}`);
const onnx = exportOnnx(model.parameters, { head: model.head, features });
await Deno.writeFile(`${folder}/weather.onnx`, onnx);
for (const { name } of Deno.readDirSync(folder)) console.log(`wrote ${name}`);
await Deno.remove(folder, { recursive: true });
forecaster.dispose();
