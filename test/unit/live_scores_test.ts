import assert from "node:assert/strict";
import { LiveScores } from "../../src/evaluate/live_scores.ts";
import { ScoreSum } from "../../src/evaluate/metrics.ts";
import { RowRing } from "../../src/evaluate/row_ring.ts";
import type { Forecast } from "../../src/forecast/forecast.ts";
import { DEFAULT_LEVELS, OnlineForecaster } from "../../src/forecast/online_forecaster.ts";
import { Random } from "../../src/model/random.ts";

const HORIZON = 5;

/** Forecasts of a noisy wave, with a value missing now and then. */
function forecasts(count: number): Forecast[] {
  const random = new Random(3);
  const forecaster = new OnlineForecaster({ horizon: HORIZON, season: 24 });
  return Array.from({ length: count }, (_, step) => {
    const value = step % 37 === 36 ? NaN : Math.sin(step / 4) + 0.1 * random.normal();
    forecaster.step([{ series: "a", time: step * 1000, step, values: Float64Array.of(value) }]);
    return forecaster.forecast("a");
  });
}

Deno.test("live scores equal a second reckoning from the forecasts kept whole", () => {
  const all = forecasts(400);
  const live = new LiveScores(HORIZON, DEFAULT_LEVELS);
  for (const forecast of all) assert.equal(live.observe(forecast), true);
  for (const [name, ahead] of [["first", 1], ["last", HORIZON]] as const) {
    const scored = all.slice(ahead).map((truth, index) => ({ truth, said: all[index] }))
      .filter(({ truth }) => !Number.isNaN(truth.value)).slice(-256);
    const sum = new ScoreSum(DEFAULT_LEVELS);
    let naive = 0;
    for (const { truth, said } of scored) {
      sum.add(
        truth.value,
        said.mean[ahead - 1],
        said.quantiles,
        (ahead - 1) * DEFAULT_LEVELS.length,
      );
      const known = all.slice(0, said.step + 1).filter(({ value }) => !Number.isNaN(value));
      naive += Math.abs(truth.value - known.at(-1)!.value) / scored.length;
    }
    const expected = sum.scores({ deviation: 1, stepChange: 1 });
    const { count, ...scores } = live.window(name);
    assert.equal(count, 256);
    const near = (actual: number, wanted: number): void =>
      assert.ok(Math.abs(actual - wanted) < 1e-12, `${actual} is not ${wanted}`);
    near(scores.mae, expected.mae);
    near(scores.crps, expected.crps);
    near(scores.coverage80, expected.coverage80);
    near(scores.coverage90, expected.coverage90);
    near(scores.naiveMae, naive);
    near(scores.naiveCrps, naive);
    near(scores.skill, 1 - expected.mae / naive);
    const due = live.due(name);
    const said = all[all.length - 1 - ahead];
    const row = (ahead - 1) * DEFAULT_LEVELS.length;
    assert.deepEqual(due, {
      low: said.quantiles[row + 1],
      mean: said.mean[ahead - 1],
      high: said.quantiles[row + 7],
    });
  }
});

Deno.test("recent scores forget: after a change they follow, the window later", () => {
  const live = new LiveScores(1, [0.5]);
  const give = (step: number, error: number): void => {
    live.observe({
      series: "a",
      time: step,
      step,
      value: 0,
      times: Float64Array.of(step + 1),
      mean: Float64Array.of(error),
      levels: [0.5],
      quantiles: Float64Array.of(error),
      parametersVersion: 0,
      flags: [],
      pValue: 1,
    });
  };
  for (let step = 0; step <= 1000; step++) give(step, 1);
  assert.ok(Math.abs(live.recent("first").mae - 1) < 1e-12);
  assert.ok(Number.isNaN(live.recent("first").skill), "a constant series has no skill");
  assert.ok(Number.isNaN(live.window("first").coverage90), "its levels are not forecast");
  for (let step = 1001; step <= 1100; step++) give(step, 3);
  const { mae } = live.recent("first");
  // The first of the hundred was still said with an error of 1.
  assert.ok(Math.abs(mae - (3 - 2 * 0.99 ** 99)) < 1e-3, String(mae));
  assert.ok(Math.abs(live.window("first").mae - (256 + 2 * 99) / 256) < 1e-12);
});

Deno.test("steps that come again are passed over, and after a hole nothing is scored against it", () => {
  const all = forecasts(60);
  const live = new LiveScores(HORIZON, DEFAULT_LEVELS);
  for (const forecast of all.slice(0, 30)) live.observe(forecast);
  const before = live.window("last");
  for (const forecast of all.slice(10, 30)) assert.equal(live.observe(forecast), false);
  assert.deepEqual(live.window("last"), before);
  for (const forecast of all.slice(40, 40 + HORIZON)) live.observe(forecast);
  assert.equal(live.window("last").count, before.count);
  assert.ok(Number.isNaN(live.due("last").mean));
  live.observe(all[40 + HORIZON]);
  assert.equal(live.window("last").count, before.count + 1);
});

Deno.test("a ring of rows keeps the latest, also while it grows", () => {
  const ring = new RowRing(40, 2);
  for (let i = 0; i < 100; i++) {
    const at = ring.next();
    ring.rows.set([i, -i], at);
    assert.equal(ring.length, Math.min(i + 1, 40));
    assert.deepEqual([...ring.row(0)], [i, -i]);
    assert.equal(ring.row(ring.length - 1)[0], Math.max(0, i - 39));
  }
  assert.deepEqual([...ring.column(1, 3)], [-97, -98, -99]);
  ring.clear();
  assert.equal(ring.length, 0);
});
