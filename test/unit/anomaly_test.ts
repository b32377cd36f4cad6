// What a forecaster says of the tick at its origin: how surprising it was.
import { ok } from "node:assert/strict";
import { LIGHT_EXPERTS, OnlineForecaster, Random } from "../../mod.ts";

/** Steps through values; the p-value of each and whether it was flagged. */
function surprises(
  forecaster: OnlineForecaster,
  values: readonly number[],
): { pValue: number; flagged: boolean }[] {
  return values.map((value, step) => {
    const time = step * 3_600_000;
    forecaster.step([{ series: "room", time, step, values: Float64Array.of(value) }]);
    const { pValue, flags } = forecaster.forecast("room");
    return { pValue, flagged: flags.includes("anomaly") };
  });
}

/** Noise of a standard deviation of 1 on a daily rhythm, Gaussian or with heavy tails. */
function rhythm(seed: number, count: number, heavy: boolean): number[] {
  const random = new Random(seed);
  return Array.from({ length: count }, (_, t) => {
    // A Student t of 4 degrees of freedom, whose variance is 2.
    const square = random.normal() ** 2 + random.normal() ** 2 + random.normal() ** 2 +
      random.normal() ** 2;
    const noise = random.normal() * (heavy ? Math.sqrt(2 / square) : 1);
    return 50 + 5 * Math.sin(2 * Math.PI * t / 24) + noise;
  });
}

Deno.test("p-values of stationary noise are uniform: one in a hundred is below 0.01", () => {
  for (const heavy of [false, true]) {
    const forecaster = new OnlineForecaster({ horizon: 1, experts: LIGHT_EXPERTS });
    const seen = surprises(forecaster, rhythm(1, 12_000, heavy)).slice(2000);
    for (const level of [0.01, 0.1, 0.5]) {
      const share = seen.filter(({ pValue }) => pValue < level).length / seen.length;
      // Four standard deviations of a share of 10,000 draws, and a tenth of the level for drift.
      const slack = 4 * Math.sqrt(level * (1 - level) / seen.length) + 0.1 * level;
      ok(Math.abs(share - level) < slack, `${share} below ${level}, heavy tails: ${heavy}`);
    }
    const flagged = seen.filter(({ flagged }) => flagged).length / seen.length;
    ok(flagged > 0.005 && flagged < 0.015, `${flagged} flagged`);
  }
});

Deno.test("planted outliers are flagged, and the ticks after them are not", () => {
  const values = rhythm(2, 4000, false);
  const planted = [1000, 1500, 2003, 2600, 3333, 3777];
  planted.forEach((step, k) => values[step] += k % 2 === 0 ? 12 : -12);
  const forecaster = new OnlineForecaster({ horizon: 1 });
  const seen = surprises(forecaster, values);
  for (const step of planted) ok(seen[step].flagged && seen[step].pValue < 0.002, `step ${step}`);
  const others = seen.filter(({ flagged }, step) => flagged && !planted.includes(step)).length;
  ok(others < 0.02 * values.length, `${others} others flagged`);
});
