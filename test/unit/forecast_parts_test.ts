import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { ALL_EXPERTS, OnlineForecaster, Random } from "../../mod.ts";
import { Conformal } from "../../src/forecast/conformal.ts";
import { ErrorShape } from "../../src/forecast/error_shape.ts";
import { ExponentialSmoothing } from "../../src/forecast/experts/exponential_smoothing.ts";
import type { Expert, ExpertContext } from "../../src/forecast/experts/expert.ts";
import { LagLinear } from "../../src/forecast/experts/lag_linear.ts";
import { Seasonal } from "../../src/forecast/experts/seasonal.ts";
import { SeasonalLinear } from "../../src/forecast/experts/seasonal_linear.ts";
import { Guard } from "../../src/forecast/guard.ts";
import { History } from "../../src/forecast/history.ts";
import { LeastSquares } from "../../src/forecast/least_squares.ts";
import { RunningScale } from "../../src/forecast/scaler.ts";
import { latestInSlot, seasonalMedian } from "../../src/forecast/seasonal_base.ts";
import { SeasonWatch } from "../../src/forecast/season_watch.ts";
import { calendarPeriods, findSeasons } from "../../src/forecast/seasonality.ts";
import { SeriesLayout } from "../../src/forecast/series_layout.ts";
import { StateReader, StateWriter } from "../../src/forecast/state_buffer.ts";
import { StepClock } from "../../src/forecast/step_clock.ts";
import { Waves } from "../../src/forecast/waves.ts";

const HOUR_MS = 3_600_000;

function historyOf(values: readonly number[], limit = 4096): History {
  const history = new History(limit);
  for (const value of values) history.push(value, 0);
  return history;
}

/** A station, and the memory of a series that has nothing else. */
function alone<Station>(
  make: (layout: SeriesLayout) => Station,
): { station: Station; memory: Float64Array } {
  const layout = new SeriesLayout();
  const station = make(layout);
  return { station, memory: layout.makeMemory() };
}

/** Runs an expert over values; gives the mean absolute error of its last-step forecasts after `from`. */
function errorOf(
  make: (context: ExpertContext) => Expert,
  values: readonly number[],
  horizon: number,
  seasons: readonly number[],
  from: number,
): number {
  const history = new History(8192);
  const { station, memory } = alone((layout) => make({ layout, horizon, seasons }));
  const state = { memory, history, covariates: [] };
  const said: number[] = [];
  const points = new Float64Array(horizon);
  let error = 0;
  values.forEach((value, step) => {
    history.push(value, 0);
    station.observe(state, step);
    station.predict(state, step, points, 0);
    said[step + horizon] = points[horizon - 1];
    if (step >= from) error += Math.abs(value - said[step]) / (values.length - from);
  });
  return error;
}

Deno.test("history grows to its limit, then forgets the oldest, and remembers what was missing", () => {
  const history = new History(256);
  for (let step = 0; step < 1000; step++) history.push(step % 10 === 3 ? NaN : step, -1);
  deepEqual([history.length, history.first], [1000, 744]);
  equal(history.at(999), 999);
  equal(history.at(993), -1);
  ok(Number.isNaN(history.observed(993)));
  ok(history.has(744) && !history.has(743) && !history.has(1000));
});

Deno.test("a limit that no history can have is refused before the first tick", () => {
  for (const historyLimit of [0, -512, 128, 300, 768, NaN, Infinity, 2 ** 0.5]) {
    throws(
      () => new OnlineForecaster({ historyLimit }),
      /^RangeError: History limit must be a power/,
    );
  }
  new OnlineForecaster({ historyLimit: 256 });
});

Deno.test("recursive least squares finds the coefficients that the normal equations give", () => {
  const random = new Random(1);
  const { station: rls, memory } = alone((layout) => {
    return new LeastSquares(layout, 3, 2, { forgetting: 1, ridge: 1e-8 });
  });
  const coefficients = memory.subarray(rls.coefficients, rls.coefficients + 6);
  const x = new Float64Array(3);
  for (let k = 0; k < 200; k++) {
    x.set([1, random.normal(), random.normal()]);
    rls.update(memory, x, Float64Array.of(1 + 2 * x[1] - 3 * x[2], 5 * x[1]));
  }
  [1, 2, -3, 0, 5, 0].forEach((coefficient, k) => {
    ok(Math.abs(coefficients[k] - coefficient) < 1e-6, `coefficient ${k}`);
  });
  const before = coefficients.slice();
  rls.update(memory, x, Float64Array.of(NaN, 7));
  deepEqual(coefficients.subarray(0, 3), before.subarray(0, 3));
});

Deno.test("recursive least squares follows change, and does not wind up on silent features", () => {
  const { station: rls, memory } = alone((layout) => {
    return new LeastSquares(layout, 2, 1, { forgetting: 0.95, ridge: 1 });
  });
  const random = new Random(2);
  const x = new Float64Array(2);
  const y = new Float64Array(1);
  for (let k = 0; k < 20_000; k++) {
    x[0] = random.normal();
    y[0] = (k < 19_000 ? 1 : -1) * x[0];
    rls.update(memory, x, y);
  }
  ok(Math.abs(memory[rls.coefficients] + 1) < 1e-3);
  // The second feature was never seen; when it comes its first sample must not explode.
  x.set([0, 1e-3]);
  y[0] = 1;
  rls.update(memory, x, y);
  ok(Math.abs(memory[rls.coefficients + 1]) <= 1e-2);
});

Deno.test("the running scale is a mean that one outlier cannot move far", () => {
  const { station: scale, memory } = alone((layout) => new RunningScale(layout, 0.01));
  for (let k = 0; k < 1000; k++) scale.observe(memory, k % 2 === 0 ? 2 : -4);
  ok(Math.abs(scale.value(memory) - 3) < 0.05);
  scale.observe(memory, 1e9);
  ok(scale.value(memory) < 6);
  scale.observe(memory, NaN);
  equal(scale.count(memory), 1001);
});

Deno.test("what a running scale has seen soon gives way once discounted", () => {
  const { station, memory } = alone((layout) => new RunningScale(layout, 0.001));
  for (let k = 0; k < 500; k++) station.observe(memory, 100);
  station.discount(memory, 3);
  for (let k = 0; k < 27; k++) station.observe(memory, 1);
  // Three of thirty values are old.
  ok(Math.abs(station.value(memory) - (3 * 100 + 27) / 30) < 1e-9);
});

Deno.test("bands narrow soon after a season was found", () => {
  let inside = 0;
  let count = 0;
  for (let seed = 0; seed < 20; seed++) {
    const random = new Random(seed);
    const forecaster = new OnlineForecaster({
      horizon: 3,
      experts: ALL_EXPERTS,
      levels: [0.05, 0.95],
    });
    const bands: Float64Array[] = [];
    let level = 100;
    for (let step = 0; step < 100; step++) {
      level *= 1.006 + 0.008 * random.normal();
      const season = 1 + 0.2 * Math.sin(2 * Math.PI * step / 12);
      const value = level * season * (1 + 0.02 * random.normal());
      const band = bands[step - 3];
      if (step >= 63) {
        count++;
        if (value > band[4] && value < band[5]) inside++;
      }
      forecaster.step([{
        series: "s",
        time: step * HOUR_MS,
        step,
        values: Float64Array.of(value),
      }]);
      bands.push(forecaster.forecast("s").quantiles);
    }
  }
  // Errors before the season was known are ten times those after: left in, they would cover all but 1 %.
  ok(inside / count > 0.86 && inside / count < 0.96, `${inside} of ${count}`);
});

Deno.test("seasons are found in rhythms and not in chance", () => {
  const random = new Random(3);
  const noise = Array.from({ length: 3000 }, () => random.normal());
  const walk = noise.map(((sum) => (step: number): number => sum += step)(0));
  const day = noise.map((n, t) => 10 * Math.sin(2 * Math.PI * t / 24) + n);
  const week = day.map((value, t) => value * (t % 168 < 120 ? 1 : 0.3));
  const odd = noise.map((n, t) => 5 * (t % 37 < 18 ? 1 : 0) + n);
  deepEqual(findSeasons(historyOf(noise), HOUR_MS), []);
  deepEqual(findSeasons(historyOf(walk), HOUR_MS), []);
  deepEqual(findSeasons(historyOf(day), HOUR_MS), [24]);
  deepEqual(findSeasons(historyOf(week), HOUR_MS), [24, 168]);
  deepEqual(findSeasons(historyOf(odd), 0), [37]);
  deepEqual(calendarPeriods(1_800_000), [48, 336, 17532]);
});

Deno.test("a season of any length is found, whatever the trend beneath it", () => {
  const random = new Random(8);
  for (let period = 4; period <= 60; period++) {
    for (const trend of [0, 50]) {
      const values = Array.from({ length: 20 * period + period % 4 }, (_, t) => {
        return 1e4 + trend * t + 10 * ((t * t) % period === 1 ? 1 : 0) + random.normal();
      });
      const [found] = findSeasons(historyOf(values), 0);
      equal(period % found, 0, `${found} for ${period}`);
    }
  }
});

Deno.test("series that start together look for seasons at different steps, each at its own", () => {
  const { station: watch, memory: start } = alone((layout) => new SeasonWatch(layout));
  const looksOf = (seed: number): number[] => {
    const random = new Random(seed);
    const memory = start.slice();
    const history = new History(4096);
    const looks: number[] = [];
    for (let step = 0; step < 3000; step++) {
      history.push(random.normal(), 0);
      if (!watch.isDue(memory, history)) continue;
      looks.push(step);
      watch.look(memory, history, 0, []);
    }
    return looks;
  };
  const at = new Map<number, number>();
  for (let seed = 1; seed <= 100; seed++) {
    const looks = looksOf(seed);
    ok(looks.length >= 17 && looks.length <= 23, `${looks.length} looks`);
    for (const step of looks) at.set(step, (at.get(step) ?? 0) + 1);
  }
  const together = Math.max(...[...at].map(([step, count]) => step < 300 ? 0 : count));
  ok(together <= 10, `${together} of 100 at one step`);
  deepEqual(looksOf(1), looksOf(1));
});

Deno.test("the seasonal base is a median of slots, and after a break of the new regime", () => {
  const values = Array.from({ length: 60 }, (_, t) => 100 * (t % 7) + Math.floor(t / 7));
  const history = historyOf(values);
  // Slot 4 of the weeks 4 to 7: 404, 405, 406, 407.
  equal(seasonalMedian(history, 60, 59, [7]), 405.5);
  equal(latestInSlot(75, 59, 7), 54);
  history.breakAt(50);
  equal(seasonalMedian(history, 60, 59, [7]), values[53]);
  equal(seasonalMedian(history, 61, 59, [7, 14]), values[54]);
});

Deno.test("experts learn what they are made for", () => {
  const random = new Random(4);
  const noisy = (t: number): number =>
    100 + 40 * Math.sin(2 * Math.PI * t / 24) + 4 * random.normal();
  const daily = Array.from({ length: 1500 }, (_, t) => noisy(t));
  const naive = errorOf((c) => new Seasonal(c, "naive"), daily, 3, [24], 800);
  const median = errorOf((c) => new Seasonal(c, "median"), daily, 3, [24], 800);
  ok(median < naive, `median ${median}, naive ${naive}`);
  const options = { lags: 3, harmonics: 0, forgetting: 0.999, ridge: 0.01 };
  const linear = errorOf((c) => new SeasonalLinear(c, options), daily, 3, [24], 800);
  ok(linear < median, `linear ${linear}, median ${median}`);
  const growing = Array.from({ length: 200 }, (_, t) => {
    return (100 + t) * (1 + 0.3 * Math.sin(2 * Math.PI * t / 12));
  });
  const smooth = errorOf((c) => new ExponentialSmoothing(c), growing, 4, [12], 100);
  ok(smooth < 5, `smoothing ${smooth}`);
  const momentum: number[] = [];
  for (let t = 0, change = 0, value = 0; t < 2000; t++) {
    change = 0.8 * change + random.normal();
    momentum.push(value += change);
  }
  const lags = { lags: 6, harmonics: 0, forgetting: 0.9998, ridge: 1 };
  const lagged = errorOf((c) => new LagLinear(c, lags), momentum, 1, [], 500);
  ok(lagged < 0.85, `an innovation of deviation 1 has a mean size of 0.80, not ${lagged}`);
});

Deno.test("the guard follows the best expert, beats it by combining, and lets experts sleep", () => {
  const random = new Random(5);
  const { station: guard, memory } = alone((layout) => {
    return new Guard(layout, 3, { memory: 1, share: 0, ahead: 1 });
  });
  const points = new Float64Array(3);
  const weights = new Float64Array(3);
  const squares = new Float64Array(4);
  for (let k = 0; k < 4000; k++) {
    const truth = 10 * random.normal();
    // Two experts err independently, the third badly; at first it sleeps.
    points.set([truth + random.normal(), truth + random.normal(), k < 500 ? NaN : truth + 9]);
    const mixture = guard.mix(memory, points, 0, 1, weights);
    ok(Math.abs(weights[0] + weights[1] + weights[2] - 1) < 1e-12);
    if (k < 500) equal(weights[2], 0);
    guard.learn(memory, points, 0, 1, mixture, Math.tanh(mixture - truth), 1);
    if (k >= 1000) {
      squares[3] += (mixture - truth) ** 2;
      for (let e = 0; e < 3; e++) squares[e] += (points[e] - truth) ** 2;
    }
  }
  ok(squares[3] < 0.6 * Math.min(squares[0], squares[1]), "the mean of two has half the variance");
  ok(weights[2] < 0.01);
  ok(Number.isNaN(guard.mix(memory, new Float64Array(3).fill(NaN), 0, 1, weights)));
});

Deno.test("the error shape gives back the quantiles of what it saw", () => {
  const random = new Random(6);
  const { station: shape, memory } = alone((layout) => new ErrorShape(layout, 0.99999, 30));
  for (let k = 0; k < 50_000; k++) shape.observe(memory, random.normal());
  const quantiles = new Float64Array(5);
  shape.quantiles(memory, [0.05, 0.1, 0.5, 0.9, 0.95], quantiles, 0);
  [-1.645, -1.282, 0, 1.282, 1.645].forEach((expected, j) => {
    ok(Math.abs(quantiles[j] - expected) < 0.03, `${quantiles[j]} for ${expected}`);
    ok(Math.abs(shape.probability(memory, quantiles[j]) - [0.05, 0.1, 0.5, 0.9, 0.95][j]) < 1e-9);
  });
});

Deno.test("conformal correction brings the share below to the level, whatever comes", () => {
  const levels = [0.1, 0.9];
  const { station: conformal, memory } = alone((layout) => {
    return new Conformal(layout, levels, { level: 0.05, width: 0.05 });
  });
  const random = new Random(7);
  const below = [0, 0];
  for (let k = 0; k < 20_000; k++) {
    const quantiles = Float64Array.of(-0.1, 0.1);
    conformal.correct(memory, quantiles, 0);
    const value = (k < 10_000 ? 1 : 4) * random.normal();
    levels.forEach((_, j) => below[j] += value < quantiles[j] ? 1 : 0);
    conformal.learn(memory, value, quantiles, 0);
  }
  ok(Math.abs(below[0] / 20_000 - 0.1) < 0.01);
  ok(Math.abs(below[1] / 20_000 - 0.9) < 0.01);
});

Deno.test("stations of one series lie side by side, and those of another start afresh", () => {
  const layout = new SeriesLayout();
  const fast = new RunningScale(layout, 0.5);
  const list = layout.reserve(3, [7, 8]);
  const slow = new RunningScale(layout, 0.01);
  const end = layout.reserve(2, NaN);
  deepEqual([list, end, layout.size], [2, 7, 9]);
  const [one, other] = [layout.makeMemory(), layout.makeMemory()];
  for (const value of [1, 2]) {
    fast.observe(one, value);
    slow.observe(one, value);
  }
  deepEqual([...one], [1.5, 2, 7, 8, 0, 1.5, 2, NaN, NaN]);
  deepEqual([...other], [0, 0, 7, 8, 0, 0, 0, NaN, NaN]);
});

Deno.test("waves of short seasons come from a table, those of long ones alike", () => {
  for (const period of [7, 100_000]) {
    const x = new Float64Array(6);
    equal(new Waves(period, 2).fill(period * 3 + 5, x, 1), 5);
    const angle = 2 * Math.PI * 5 / period;
    const waves = [Math.sin(angle), Math.cos(angle), Math.sin(2 * angle), Math.cos(2 * angle)];
    deepEqual([...x], [0, ...waves, 0]);
  }
});

Deno.test("the length of a step is the median distance, whatever gaps there are", () => {
  const { station: clock, memory } = alone((layout) => new StepClock(layout));
  equal(clock.stepMs(memory), 0);
  for (const time of [0, 10, 20, 90, 100, 95, 105, 115]) clock.observe(memory, time);
  equal(clock.stepMs(memory), 10);
  equal(clock.last(memory), 115);
  for (let k = 1; k <= 5; k++) clock.observe(memory, 115 + 30 * k);
  equal(clock.stepMs(memory), 30);
});

Deno.test("a history that was saved is the same, with what was missing, before and after it wraps", () => {
  for (const steps of [0, 100, 300, 1000]) {
    const history = new History(256);
    for (let step = 0; step < steps; step++) history.push(step % 10 === 3 ? NaN : step, -1);
    const writer = new StateWriter();
    history.save(writer);
    const reader = new StateReader(writer.finish());
    const restored = new History(256);
    restored.load(reader);
    ok(reader.done);
    for (const each of [history, restored]) each.push(NaN, 5);
    deepEqual([restored.length, restored.first], [history.length, history.first]);
    for (let step = history.first; step < history.length; step++) {
      equal(restored.at(step), history.at(step));
      equal(restored.observed(step), history.observed(step));
    }
  }
});
