import assert from "node:assert/strict";
import fc from "fast-check";
import type { Forecast } from "../../src/forecast/forecast.ts";
import { encodeForecast } from "../../src/serve/wire.ts";

function forecast(series: string, mean: number[], quantiles: number[]): Forecast {
  return {
    series,
    time: 1000,
    step: 4,
    value: 1.75,
    times: Float64Array.from(mean, (_, index) => 1000 * (index + 2)),
    mean: Float64Array.from(mean),
    levels: [0.1, 0.9],
    quantiles: Float64Array.from(quantiles),
    parametersVersion: 2,
    flags: ["anomaly"],
    pValue: 0.001234,
  };
}

Deno.test("a forecast is one line of JSON with an array a level", () => {
  const line = encodeForecast(forecast('a"b', [1.5, 2.5], [1, 2, 1.25, 4]));
  assert.ok(!line.includes("\n"));
  assert.deepEqual(JSON.parse(line), {
    type: "forecast",
    series: 'a"b',
    time: 1000,
    step: 4,
    value: 1.75,
    horizon: [2000, 3000],
    mean: [1.5, 2.5],
    quantiles: { "0.1": [1, 1.25], "0.9": [2, 4] },
    parameters: 2,
    flags: ["anomaly"],
    pValue: 0.001234,
  });
});

Deno.test("the text is that of JSON.stringify, whatever the horizon and the levels", () => {
  for (
    const [levels, horizon] of [[[], 1], [[0.5], 2], [[0.1, 0.25, 0.9], 3], [[0.5], 0]] as const
  ) {
    const numbers = Array.from({ length: horizon * (1 + levels.length) }, (_, k) => k - 1.25);
    const [mean, quantiles] = [numbers.slice(0, horizon), numbers.slice(horizon)];
    const made: Forecast = { ...forecast("é\n", mean, quantiles), levels, flags: [] };
    const object = {
      type: "forecast",
      ...{ series: made.series, time: made.time, step: made.step, value: made.value },
      horizon: [...made.times],
      mean,
      quantiles: Object.fromEntries(levels.map((level, j) => {
        return [String(level), quantiles.filter((_, k) => k % levels.length === j)];
      })),
      ...{ parameters: made.parametersVersion, flags: [], pValue: made.pValue },
    };
    assert.equal(encodeForecast(made), JSON.stringify(object));
  }
});

Deno.test("numbers keep eight digits of the largest, at any magnitude", () => {
  fc.assert(fc.property(
    fc.string(),
    fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e280, max: 1e280 }),
    (series, value) => {
      const parsed = JSON.parse(encodeForecast(forecast(series, [value], [value, value])));
      assert.equal(parsed.series, series);
      assert.ok(
        Math.abs(parsed.mean[0] - value) <= Math.abs(value) * 1e-7 || Math.abs(value) < 1e-290,
      );
    },
  ));
});

Deno.test("what is not finite becomes null rather than broken JSON", () => {
  const parsed = JSON.parse(encodeForecast(forecast("a", [NaN], [-Infinity, 3])));
  assert.deepEqual([parsed.mean, parsed.quantiles], [[null], { "0.1": [null], "0.9": [3] }]);
});
