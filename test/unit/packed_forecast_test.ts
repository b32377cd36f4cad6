import { deepEqual } from "node:assert/strict";
import type { Forecast } from "../../src/forecast/forecast.ts";
import { ForecastPacker } from "../../src/serve/packed_forecast.ts";

const levels = [0.1, 0.5, 0.9];

function forecast(change: Partial<Forecast> = {}): Forecast {
  return {
    series: "room",
    time: 1_700_000_000_123,
    step: 41,
    value: 0.1 + 0.2,
    times: Float64Array.of(1, 2),
    mean: Float64Array.of(-0.5, Number.MIN_VALUE),
    levels,
    quantiles: Float64Array.of(1, 2, 3, 4, 5, 6),
    parametersVersion: 7,
    flags: [],
    pValue: 0.04,
    ...change,
  };
}

Deno.test("a packed forecast comes back as it was, one after the other in the same row", () => {
  const packer = new ForecastPacker({ horizon: 2, levels });
  const row = new Float64Array(packer.width);
  for (
    const one of [
      forecast({ flags: ["warming-up"], value: NaN }),
      forecast(),
      forecast({ series: "hall", step: 42, flags: ["degraded", "stale", "anomaly"] }),
    ]
  ) {
    packer.pack(one, row);
    deepEqual(packer.unpack(one.series, row), one);
    deepEqual(packer.step(row), one.step);
  }
});

Deno.test("an unpacked forecast does not change with its row", () => {
  const packer = new ForecastPacker({ horizon: 2, levels });
  const row = new Float64Array(packer.width);
  packer.pack(forecast(), row);
  const unpacked = packer.unpack("room", row);
  row.fill(NaN);
  deepEqual(unpacked, forecast());
});
