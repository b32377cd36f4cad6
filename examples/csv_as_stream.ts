/**
 * History as a stream: a recorded CSV flows through the same pipeline as a live feed.
 *
 *     deno run --allow-read --allow-env --allow-net examples/csv_as_stream.ts
 */
import { OnlineForecaster, Pipeline } from "@tickcast/tickcast";
import { csvSource } from "@tickcast/tickcast/streams";

// Four years of daily weather in Seattle, from an npm package: the import brings it here.
await import("vega-datasets");
const input = new URL("../data/seattle-weather.csv", import.meta.resolve("vega-datasets"));

const forecaster = new OnlineForecaster({ horizon: 3 });
const pipeline = new Pipeline({ forecaster });
const ticks = csvSource({ input, time: "date", value: "temp_max" });

let days = 0;
for await (const forecasts of ticks.pipeThrough(pipeline.stream())) {
  days += forecasts.length;
  for (const { time, pValue } of forecasts) {
    // The band of the day before did not see this coming.
    if (pValue < 0.002) console.log(`${new Date(time).toISOString().slice(0, 10)} was unusual`);
  }
}
const { mean, levels, quantiles } = forecaster.forecast("temp_max");
const low = quantiles[levels.indexOf(0.05)];
const high = quantiles[levels.indexOf(0.95)];
console.log(`${days} days seen`);
console.log(
  `tomorrow ${mean[0].toFixed(1)} °C, nine times in ten ${low.toFixed(1)} to ${high.toFixed(1)}`,
);
forecaster.dispose();
