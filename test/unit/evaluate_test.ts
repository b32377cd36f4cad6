import { deepEqual, equal, ok, rejects, throws } from "node:assert/strict";
import { CRPS_LEVELS, evaluate, evaluateChannels, evaluationReport, Random } from "../../mod.ts";
import type { EvaluationRow, Forecast, Forecaster } from "../../mod.ts";
import { pairedSkill } from "../../src/evaluate/bootstrap.ts";
import { meanPinball, pinballLoss, ScoreSum } from "../../src/evaluate/metrics.ts";
import { prequential } from "../../src/evaluate/prequential.ts";

function rowsOf(values: readonly number[]): EvaluationRow[] {
  return values.map((value, i) => ({ time: i * 3_600_000, values: Float64Array.of(value) }));
}

Deno.test("the scores are those of their definitions", () => {
  equal(pinballLoss(3, 1, 0.9), 1.8);
  ok(Math.abs(pinballLoss(1, 3, 0.9) - 0.2) < 1e-12);
  const sum = new ScoreSum([0.05, 0.1, 0.5, 0.9, 0.95]);
  const quantiles = Float64Array.of(-3, -2, 0, 2, 3);
  for (const value of [0, 2.5, -4]) sum.add(value, 1, quantiles, 0);
  const scores = sum.scores({ deviation: 2, stepChange: 4 });
  ok(Math.abs(scores.mae - (1 + 1.5 + 5) / 3) < 1e-12);
  ok(Math.abs(scores.rmse - Math.sqrt((1 + 2.25 + 25) / 3)) < 1e-12);
  equal(scores.nrmse, scores.rmse / 2);
  equal(scores.mase, scores.mae / 4);
  ok(Math.abs(scores.mape - 7.5 / 6.5) < 1e-12);
  equal(scores.coverage80, 1 / 3);
  equal(scores.coverage90, 2 / 3);
  ok(Math.abs(scores.winkler90 - (6 + 20 / 3)) < 1e-12);
  equal(scores.crps, 2 * scores.pinball);
});

Deno.test("twice the mean pinball loss over 99 levels is the ranked probability score", () => {
  // Uniform on [0, 1]: the score of y is y²  − y + 1/3.
  const quantiles = Float64Array.from(CRPS_LEVELS);
  for (const y of [0, 0.3, 0.5, 1.4]) {
    const exact = y <= 1 ? y * y - y + 1 / 3 : y - 2 / 3;
    ok(Math.abs(2 * meanPinball(y, CRPS_LEVELS, quantiles) - exact) < 0.01, `at ${y}`);
  }
});

/** Says the last value, and notes what it had seen when it was asked. */
class Witness implements Forecaster {
  readonly horizon = 3;
  readonly levels = [0.5];
  readonly seen: number[] = [];
  readonly asked: number[] = [];
  step(frames: readonly { values: Float64Array }[]): void {
    this.seen.push(frames[0].values[0]);
  }
  forecast(series: string): Forecast {
    this.asked.push(this.seen.length);
    const mean = new Float64Array(3).fill(this.seen.at(-1)!);
    return {
      series,
      time: 0,
      step: 0,
      value: this.seen.at(-1)!,
      times: mean,
      mean,
      levels: this.levels,
      quantiles: mean,
      parametersVersion: 0,
      flags: [],
      pValue: 1,
    };
  }
  framesUntilLearning(): number {
    return Infinity;
  }
  async learn(): Promise<void> {}
  snapshot(): { manifest: Record<string, never>; arrays: Record<string, never> } {
    return { manifest: {}, arrays: {} };
  }
  restore(): void {}
  dispose(): void {}
}

Deno.test("an origin is forecast when its row was seen and no later one", async () => {
  const witness = new Witness();
  const values = [1, 2, 4, 8, 16, 32, 64, 128];
  const result = await prequential(witness, rowsOf(values), { firstOrigin: 2, lastOrigin: 3 });
  deepEqual(witness.asked, [3, 4]);
  deepEqual(result.sums.map((sum) => sum.count), [2, 2, 2]);
  // Origins 2 and 3, three steps ahead: 32 − 4 and 64 − 8, median loss half of each.
  deepEqual([...result.losses], [14, 28]);
});

Deno.test("labels do not reach back: the future does not change a forecast", async () => {
  const random = new Random(1);
  const values = Array.from({ length: 500 }, (_, t) => Math.sin(t / 4) + random.normal());
  const changed = values.map((value, t) => t < 400 ? value : value + 100);
  const run = async (all: readonly number[]): Promise<number> => {
    const { models } = await evaluate(rowsOf(all).slice(0, 400), { horizon: 4, baselines: [] });
    return models.tickcast.crps;
  };
  equal(await run(values), await run(changed));
});

Deno.test("evaluate scores every model on the same origins, and the order of river is a step staler", async () => {
  const random = new Random(2);
  const values = Array.from(
    { length: 400 },
    (_, t) => 20 + 5 * Math.sin(t / 3.82) + random.normal(),
  );
  const result = await evaluate(rowsOf(values), { horizon: 3, scoreFrom: 100, scoreTo: 350 });
  for (const model of Object.values(result.models)) equal(model.count, 251);
  const { tickcast, naive } = result.models;
  ok(tickcast.crps < naive.crps);
  ok(naive.skill!.low > 0 && naive.skill!.high < 1);
  const naiveError = values.slice(100, 351).reduce((sum, value, i) => {
    return sum + Math.abs(values[103 + i] - value) / 251;
  }, 0);
  ok(Math.abs(naive.mae - naiveError) < 1e-9);
  const stale = await evaluate(rowsOf(values), {
    horizon: 3,
    scoreFrom: 100,
    scoreTo: 350,
    order: "forecast-first",
    baselines: ["naive"],
  });
  let staleError = 0;
  for (let row = 100; row <= 350; row++) {
    for (let ahead = 1; ahead <= 3; ahead++) {
      staleError += Math.abs(values[row + ahead] - values[row - 1]) / 753;
    }
  }
  ok(Math.abs(stale.models.naive.mae - staleError) < 1e-9);
  equal(stale.scored, 251);
  const page = evaluationReport(result, "<waves>");
  ok(page.includes("&lt;waves&gt;") && page.includes("seasonal_naive"));
  const far = await evaluate(rowsOf(values), {
    horizon: 60,
    forecaster: { experts: ["last_value"] },
  });
  const table = evaluationReport(far, "far").split("at every step ahead")[1].split("</table>")[0];
  const steps = [...table.matchAll(/<tr><td>(\d+)</g)].map(([, step]) => Number(step));
  ok(steps.length === 24 && steps[0] === 1 && steps[23] === 60, `${steps}`);
  await rejects(evaluate(rowsOf([1, 2, 3]), { horizon: 5 }), RangeError);
});

Deno.test("bands hold what they promise on a series whose volatility moves", async () => {
  const random = new Random(3);
  let price = 100;
  let volatility = 0.01;
  const values = Array.from({ length: 4000 }, () => {
    volatility *= Math.exp(0.1 * random.normal() - 0.1 * Math.log(volatility / 0.01));
    return price *= Math.exp(volatility * random.normal());
  });
  const { models } = await evaluate(rowsOf(values), { horizon: 2, scoreFrom: 800 });
  ok(Math.abs(models.tickcast.coverage90 - 0.9) < 0.02, `${models.tickcast.coverage90}`);
  ok(Math.abs(models.tickcast.coverage80 - 0.8) < 0.03, `${models.tickcast.coverage80}`);
  ok(models.tickcast.crps < 1.01 * models.ewma_gaussian.crps);
  ok(models.tickcast.rmse < 1.002 * models.naive.rmse);
});

Deno.test("after the profile is turned over the error is back within a week", async () => {
  const random = new Random(4);
  const profile = (t: number): number => 20 * Math.sin(2 * Math.PI * t / 24) + 2 * random.normal();
  const values = Array.from({ length: 2400 }, (_, t) => 100 + (t < 1800 ? 1 : -1) * profile(t));
  const errorOf = async (from: number, to: number): Promise<number> => {
    const options = { horizon: 3, scoreFrom: from, scoreTo: to, baselines: [] };
    return (await evaluate(rowsOf(values), options)).models.tickcast.mae;
  };
  const before = await errorOf(1600, 1760);
  const after = await errorOf(1968, 2128);
  ok(after < 1.5 * before, `${before} before, ${after} after`);
});

Deno.test("channels are standardised, and their naive error is that of the protocol", async () => {
  const rows = Array.from({ length: 300 }, (_, t) => ({
    time: t * 60_000,
    values: Float64Array.of(t % 2, 100 + 50 * (t % 2)),
  }));
  const protocol = { horizon: 1, standardiseOn: 100, firstTarget: 150, end: 250 };
  const result = await evaluateChannels(rows, protocol);
  equal(result.windows, 100);
  // A change of one is two deviations of an alternating series.
  ok(Math.abs(result.naiveMse - 4) < 1e-9);
  ok(result.mse < 0.1);
});

Deno.test("skill has an interval that knows when two models are alike", () => {
  const random = new Random(5);
  const losses = Float64Array.from({ length: 2000 }, () => Math.abs(random.normal()));
  const worse = losses.map((loss) => loss * 1.25);
  const other = Float64Array.from({ length: 2000 }, () => Math.abs(random.normal()));
  ok(Math.abs(pairedSkill(losses, worse).skill - 0.2) < 1e-9);
  ok(pairedSkill(losses, worse).low > 0.19);
  const { low, high } = pairedSkill(losses, other);
  ok(low < 0 && high > 0);
  throws(() => pairedSkill(losses, losses.subarray(1)), RangeError);
});
