// What the linear experts make of features beside the target.
import { deepEqual, equal, ok } from "node:assert/strict";
import { evaluate, type EvaluationRow, OnlineForecaster, Random } from "../../mod.ts";

const HOUR_MS = 3_600_000;
const LAG = 3;

/** A target that is told by a covariate three steps before, beyond what its own past tells. */
function driven(count: number, missing = 0): EvaluationRow[] {
  const random = new Random(7);
  const driver: number[] = [];
  for (let t = 0; t < count; t++) driver.push(0.8 * (driver[t - 1] ?? 0) + random.normal());
  return driver.map((value, t) => {
    const target = 100 + 5 * (driver[t - LAG] ?? 0) + 0.5 * random.normal();
    const known = random.uniform() < missing ? NaN : value;
    return { time: t * HOUR_MS, values: Float64Array.of(target, known) };
  });
}

async function mae(rows: readonly EvaluationRow[], covariates: number): Promise<number> {
  const { models } = await evaluate(rows, {
    horizon: LAG,
    forecaster: { covariates },
    baselines: [],
  });
  return models.tickcast.mae;
}

function fed(rows: readonly EvaluationRow[], covariates: number): OnlineForecaster {
  const forecaster = new OnlineForecaster({ horizon: LAG, covariates });
  rows.forEach(({ time, values }, step) => {
    forecaster.step([{ series: "plant", time, step, values }]);
  });
  return forecaster;
}

Deno.test("a covariate that leads the target is put to use", async () => {
  const rows = driven(1200);
  const without = await mae(rows, 0);
  const withIt = await mae(rows, 1);
  ok(withIt < 0.2 * without, `${withIt} with it, ${without} without`);
});

Deno.test("holes in a covariate are got over", async () => {
  const rows = driven(1200, 0.1);
  const without = await mae(rows, 0);
  const withIt = await mae(rows, 1);
  ok(withIt < 0.6 * without, `${withIt} with it, ${without} without`);
});

Deno.test("covariates that tell nothing, are never there or stand still cost next to nothing", async () => {
  const random = new Random(8);
  const useless: readonly (() => number)[] = [() => random.normal(), () => NaN, () => 3];
  const rows = driven(1200).map(({ time, values }) => ({ time, values: values.slice(0, 1) }));
  const without = await mae(rows, 0);
  for (const [k, make] of useless.entries()) {
    const noisy = rows.map(({ time, values: [target] }) => ({
      time,
      values: Float64Array.of(target, make()),
    }));
    const withIt = await mae(noisy, 1);
    ok(withIt < 1.02 * without, `covariate ${k}: ${withIt} with it, ${without} without`);
  }
});

Deno.test("a forecast looks at the covariates up to its origin and at no later one", () => {
  const rows = driven(400);
  const changed = rows.map(({ time, values: [target, known] }, t) => ({
    time,
    values: Float64Array.of(target, t < 300 ? known : 50),
  }));
  const said = (all: readonly EvaluationRow[], count: number): Float64Array =>
    fed(all.slice(0, count), 1).forecast("plant").quantiles;
  deepEqual(said(changed, 300), said(rows, 300));
  ok(said(changed, 301).some((value, k) => value !== said(rows, 301)[k]));
});

Deno.test("a snapshot goes on with its covariates, and none are asked for where there are none", () => {
  const rows = driven(600, 0.1);
  const whole = fed(rows, 1);
  const half = fed(rows.slice(0, 500), 1);
  const resumed = new OnlineForecaster({ horizon: LAG, covariates: 1 });
  resumed.restore(half.snapshot());
  rows.slice(500).forEach(({ time, values }, k) => {
    resumed.step([{ series: "plant", time, step: 500 + k, values }]);
  });
  deepEqual(resumed.forecast("plant"), whole.forecast("plant"));
  ok(whole.experts.includes("linear_covariates"));
  const plain = fed(rows, 0);
  ok(!plain.experts.includes("linear_covariates"));
  ok(!("covariates" in JSON.parse(JSON.stringify(plain.snapshot().manifest))));
});

Deno.test("what a covariate moved is told", async () => {
  const forecaster = fed(driven(1200), 1);
  const { forecast, baseline, contributions } = await forecaster.explain("plant");
  const sum = contributions.reduce((total, { value }) => total + value, 0);
  ok(Math.abs(sum - (forecast - baseline)) < 1e-7);
  equal(contributions[0].input, "covariate 1");
});
