import { ok } from "node:assert/strict";
import { recoveries } from "../../bench/regime_change.ts";
import { csvSource, TARGET_FEATURE } from "../../streams/mod.ts";
import { type EvaluationRow, OnlineForecaster, Random } from "../../mod.ts";

/** Hourly temperatures of a usual year in Seattle, with weather of a day's memory on top. */
async function temperatures(count: number): Promise<EvaluationRow[]> {
  await import("vega-datasets");
  const file = "../data/seattle-weather-hourly-normals.csv";
  const input = new URL(file, import.meta.resolve("vega-datasets"));
  const random = new Random(1);
  const rows: EvaluationRow[] = [];
  let weather = 0;
  for await (const ticks of csvSource({ input, time: "date", value: ["temperature"] })) {
    for (const { time, values } of ticks) {
      weather = 0.9 * weather + 0.3 * random.normal();
      rows.push({ time, values: Float64Array.of(values[TARGET_FEATURE] + weather) });
    }
    if (rows.length >= count) break;
  }
  return rows.slice(0, count);
}

Deno.test("a week after level, amplitude or phase have changed the error is near its old level", async () => {
  const at = 1500;
  const make = (horizon: number): OnlineForecaster => new OnlineForecaster({ horizon });
  for (
    const { change, weeks } of await recoveries(await temperatures(2100), at, 24, 168, 3, make)
  ) {
    ok(weeks[0] > 1.02, `${change} was no change: ${weeks}`);
    ok(weeks[1] < 1.25, `${change}: ${weeks}`);
  }
});
