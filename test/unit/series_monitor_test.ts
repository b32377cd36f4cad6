import assert from "node:assert/strict";
import type { Forecast } from "../../src/forecast/forecast.ts";
import { OnlineForecaster } from "../../src/forecast/online_forecaster.ts";
import { Random } from "../../src/model/random.ts";
import { HISTORY_STEPS, SeriesMonitor } from "../../src/serve/series_monitor.ts";

for (const horizon of [1, 3]) {
  Deno.test(`${horizon} ahead, the same is shown however often somebody asks`, () => {
    const random = new Random(5);
    const forecaster = new OnlineForecaster({ horizon });
    const asked = new SeriesMonitor(forecaster);
    const left = new SeriesMonitor(forecaster);
    const all: Forecast[] = [];
    for (let step = 0; step < HISTORY_STEPS + 60; step++) {
      const values = Float64Array.of(step % 41 === 40 ? NaN : Math.sin(step / 5) + random.normal());
      forecaster.step([{ series: "a", time: 1000 * step, step, values }]);
      all.push(forecaster.forecast("a"));
    }
    // A hole, and forecasts that come again after a recovery.
    const heard = [...all.slice(0, 21), ...all.slice(24, 43), ...all.slice(35)];
    for (const forecast of heard) {
      const isLatest = (): boolean => forecast.step % 5 === 0;
      for (const monitor of [asked, left]) monitor.observe(forecast, isLatest);
      shown(asked);
    }
    assert.deepEqual(shown(left), shown(asked));
    const { step, columns } = left.history(-1);
    assert.equal(step, 60);
    assert.deepEqual([...columns.time], all.slice(60).map(({ time }) => time));
    assert.deepEqual(
      [...columns.lastMean],
      all.slice(60).map((_, index) => all[60 + index - horizon].mean[horizon - 1]),
    );
    assert.ok(left.weights().time.length > 20);
  });
}

function shown(monitor: SeriesMonitor): unknown[] {
  const { scores, trendStep } = monitor;
  const scored = (["first", "last"] as const).map((ahead) => [
    scores.recent(ahead),
    scores.window(ahead),
    scores.due(ahead),
  ]);
  return [trendStep, monitor.history(-1), monitor.trend(), monitor.weights(), scored];
}
