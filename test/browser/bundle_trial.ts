// What both a tab and Deno do with the library; the results must agree.
import {
  initialParameters,
  OnlineForecaster,
  Pipeline,
  Random,
  readSafetensors,
  stateDict,
  writeSafetensors,
} from "../../mod.ts";
import { exportOnnx, OnnxExpert } from "../../onnx.ts";
import { csvSource } from "../../streams/mod.ts";

/** What came out. */
export interface BundleTrial {
  readonly mean: number[];
  readonly quantiles: number[];
  readonly weights: number[];
  readonly tensors: string[];
}

/** A CSV through the pipeline, with an ONNX model among the experts. */
export async function bundleTrial(): Promise<BundleTrial> {
  const parameters = initialParameters(
    { cell: "lstm", inputSize: 1, hiddenSize: 8, layers: 1, outputSize: 2 },
    new Random(1),
    { headBias: [0.25, 0.5] },
  );
  const model = exportOnnx(parameters, {
    head: { loss: "mse", horizon: 2 },
    features: ["value"],
    scaling: { offset: [20], scale: [5], outputs: "change" },
  });
  const expert = await OnnxExpert.open(model);
  const forecaster = new OnlineForecaster({ horizon: 2, guests: [expert] });
  let csv = "time,value\n";
  for (let step = 0; step < 300; step++) {
    csv += `${step * 3_600_000},${(20 + 5 * Math.sin(2 * Math.PI * step / 24)).toFixed(3)}\n`;
  }
  const ticks = csvSource({ input: new Blob([csv]).stream(), time: "time", value: "value" });
  for await (const _ of ticks.pipeThrough(new Pipeline({ forecaster }).stream()));
  const { mean, quantiles } = forecaster.forecast("value");
  const weights = forecaster.weights("value");
  forecaster.dispose();
  const { tensors } = readSafetensors(writeSafetensors(stateDict(parameters)));
  return {
    mean: [...mean],
    quantiles: [...quantiles],
    weights: [...weights],
    tensors: [...tensors.keys()],
  };
}
