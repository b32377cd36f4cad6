import { equal, ok, rejects } from "node:assert/strict";
import { openBackend } from "../../kernels/mod.ts";
import { OnlineForecaster, openNetwork, Random } from "../../mod.ts";
import type { ExpertName } from "../../mod.ts";
import { explanationChart } from "../../src/evaluate/explanation_chart.ts";
import { combine } from "../../src/forecast/explanation.ts";
import { integratedGradients } from "../../src/forecast/integrated_gradients.ts";
import type { Architecture } from "../../src/model/architecture.ts";
import { parameterCount } from "../../src/model/architecture.ts";

const HOUR_MS = 3_600_000;

/** Forecasts a noisy daily rhythm that follows its own last change. */
function feed(forecaster: OnlineForecaster, steps: number): void {
  const random = new Random(1);
  for (let step = 0, noise = 0; step < steps; step++) {
    noise = 0.7 * noise + random.normal();
    const values = Float64Array.of(100 + 20 * Math.sin(2 * Math.PI * step / 24) + noise);
    forecaster.step([{ series: "load", time: step * HOUR_MS, step, values }]);
  }
}

Deno.test("contributions add up to the forecast minus the last value, expert by expert", async () => {
  const linear: ExpertName[] = [
    "linear",
    "linear_small",
    "seasonal_linear",
    "seasonal_linear_waves",
  ];
  for (const experts of [...linear.map((name) => [name]), undefined]) {
    const forecaster = new OnlineForecaster({ horizon: 3, experts });
    feed(forecaster, 400);
    for (const ahead of [1, 3]) {
      const { forecast, baseline, contributions } = await forecaster.explain("load", ahead);
      equal(forecast, forecaster.forecast("load").mean[ahead - 1]);
      const sum = contributions.reduce((total, { value }) => total + value, 0);
      ok(Math.abs(sum - (forecast - baseline)) < 1e-9 * 100, `${experts} ${ahead}: ${sum}`);
      if (experts === undefined) continue;
      // Linear experts leave nothing unsaid.
      ok(!contributions.some(({ input }) => input.endsWith("unexplained")), `${experts}`);
      ok(contributions.length > 3);
    }
  }
});

Deno.test("explaining changes nothing, and refuses what is not there", async () => {
  const forecaster = new OnlineForecaster({ horizon: 2 });
  feed(forecaster, 200);
  const before = forecaster.forecast("load");
  const explanation = await forecaster.explain("load");
  equal(explanation.ahead, 2);
  equal(JSON.stringify(forecaster.forecast("load")), JSON.stringify(before));
  await rejects(forecaster.explain("loud"), RangeError);
  await rejects(forecaster.explain("load", 3), RangeError);
  ok(explanationChart(explanation, 3).includes(" more</text>"));
});

Deno.test("what a model leaves unsaid is shown under its name", () => {
  const parts = [{ input: "a", value: 2 }];
  const found = combine([
    { name: "x", weight: 0.5, point: 13, parts },
    { name: "y", weight: 0.5, point: 10, parts: undefined },
    { name: "z", weight: 0, point: NaN },
  ], 10);
  equal(JSON.stringify(found), '[{"input":"a","value":1},{"input":"x, unexplained","value":0.5}]');
});

Deno.test("integrated gradients are complete, and only where inputs matter", async () => {
  for (const cell of ["lstm", "gru"] as const) {
    for (const kind of ["wasm", "reference"] as const) {
      const architecture: Architecture = {
        ...{ cell, inputSize: 3, hiddenSize: 8, layers: 2, outputSize: 2 },
      };
      const random = new Random(2);
      const parameters = new Float32Array(parameterCount(architecture))
        .map(() => 0.5 * random.normal());
      const x = new Float32Array(6 * 3).map((_, j) => j % 3 === 1 ? 0 : random.normal());
      const backend = await openBackend(kind);
      const { contributions, said, saidOfZeros } = await integratedGradients(
        ...[backend, architecture, parameters, x, Float32Array.of(1, -0.5)] as const,
      );
      backend.dispose();
      const sum = contributions.reduce((total, value) => total + value, 0);
      ok(Math.abs(said - saidOfZeros) > 0.01);
      ok(Math.abs(sum - (said - saidOfZeros)) < 0.01 * Math.abs(said - saidOfZeros), `${sum}`);
      contributions.forEach((value, j) => j % 3 === 1 && equal(Math.abs(value), 0));
    }
  }
});

Deno.test("a network among the experts tells its inputs", async () => {
  const options = { horizon: 2, hiddenSize: 8, plan: false } as const;
  const network = await openNetwork(options);
  const forecaster = new OnlineForecaster({ horizon: 2, experts: [], guests: [network] });
  // Parameters that say something, as if they had been learnt.
  const random = new Random(3);
  const model = network.exportModel();
  const { parameters } = model;
  for (let j = 0; j < parameters.values.length; j++) {
    parameters.values[j] = 0.15 * random.normal();
  }
  network.adopt(model);
  feed(forecaster, 300);
  const { forecast, baseline, contributions } = await forecaster.explain("load");
  const sum = contributions.reduce((total, { value }) => total + value, 0);
  ok(Math.abs(sum - (forecast - baseline)) < 1e-6, `${sum} for ${forecast - baseline}`);
  // What integration and the state before its window leave over is small.
  const unexplained = contributions.find(({ input }) => input === "network, unexplained");
  ok(Math.abs(unexplained?.value ?? 0) < 0.001, `${unexplained?.value}`);
  const told = contributions.filter(({ input }) => input.startsWith("network: "));
  ok(told.some(({ input }) => input.includes("change, now")));
  forecaster.dispose();
});
