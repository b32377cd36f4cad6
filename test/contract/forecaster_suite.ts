// The shared contract of forecasters: whatever implements Forecaster is run through all of this.
import { deepEqual, equal, ok, throws } from "node:assert/strict";
import type { Forecast, Forecaster } from "../../mod.ts";
import { Random } from "../../mod.ts";
import { beginSnapshot } from "../../src/forecast/gradual_snapshot.ts";
import { PackedArrays } from "../../src/forecast/packed_arrays.ts";
import type { Frame } from "../../streams/mod.ts";
import { arrayBits } from "../array_bits.ts";

const STEP_MS = 3_600_000;

/** A stream that forecasters meet, by name. */
export interface Feed {
  readonly name: string;
  readonly values: (random: Random, count: number) => number[];
}

function series(count: number, next: (step: number) => number): number[] {
  return Array.from({ length: count }, (_, step) => next(step));
}

function walk(random: Random, count: number, start: number, deviation: number): number[] {
  let value = start;
  return series(count, () => value *= Math.exp(deviation * (random.uniform() - 0.5)));
}

const daily = (step: number): number => 50 + 20 * Math.sin(2 * Math.PI * step / 24);

/** What every forecaster must live through. */
export const FEEDS: readonly Feed[] = [
  {
    name: "a noisy daily rhythm",
    values: (random, n) => series(n, (step) => daily(step) + 4 * random.uniform()),
  },
  { name: "a price", values: (random, n) => walk(random, n, 40_000, 0.002) },
  { name: "a constant", values: (_, n) => series(n, () => 7) },
  { name: "zeros", values: (_, n) => series(n, () => 0) },
  {
    name: "a series that starts moving late",
    values: (random, n) => series(n, (step) => step < n / 2 ? 3 : 3 + random.uniform()),
  },
  {
    name: "huge values",
    values: (random, n) => series(n, (step) => 1e100 * (daily(step) + random.uniform())),
  },
  {
    name: "tiny values",
    values: (random, n) => series(n, (step) => 1e-100 * (daily(step) + random.uniform())),
  },
  {
    name: "negative values",
    values: (random, n) => series(n, (step) => -1e4 + daily(step) + random.uniform()),
  },
  {
    name: "a level jump",
    values: (random, n) =>
      series(n, (step) => daily(step) + random.uniform() + (step > n / 2 ? 1e4 : 0)),
  },
  {
    name: "outliers",
    values: (_, n) => series(n, (step) => daily(step) * (step % 97 === 96 ? 1e6 : 1)),
  },
  {
    name: "missing steps",
    values: (random, n) =>
      series(n, (step) => random.uniform() < 0.2 || step === 0 ? NaN : daily(step)),
  },
  {
    name: "a long gap",
    values: (_, n) => series(n, (step) => step > n / 3 && step < n / 2 ? NaN : daily(step)),
  },
];

/** The frames of one series. */
export function framesOf(values: readonly number[], name = "a"): Frame[] {
  return values.map((value, step) => ({
    series: name,
    time: step * STEP_MS,
    step,
    values: Float64Array.of(value),
  }));
}

async function advance(forecaster: Forecaster, frames: readonly Frame[]): Promise<void> {
  let due = forecaster.framesUntilLearning();
  let rest = frames;
  while (rest.length > 0) {
    const wave = rest.slice(0, Math.min(due, 1));
    const stepped = forecaster.step(wave);
    if (stepped !== undefined) await stepped;
    rest = rest.slice(wave.length);
    if ((due -= wave.length) <= 0) {
      await forecaster.learn();
      due = forecaster.framesUntilLearning();
    }
  }
}

function check(forecast: Forecast, forecaster: Forecaster, what: string): void {
  const { horizon, levels } = forecaster;
  equal(forecast.mean.length, horizon, what);
  equal(forecast.times.length, horizon, what);
  equal(forecast.quantiles.length, horizon * levels.length, what);
  deepEqual(forecast.levels, levels, what);
  ok(forecast.mean.every(Number.isFinite), `${what}: the mean is finite`);
  ok(forecast.quantiles.every(Number.isFinite), `${what}: quantiles are finite`);
  for (let h = 0; h < horizon; h++) {
    for (let j = 1; j < levels.length; j++) {
      const at = h * levels.length + j;
      ok(forecast.quantiles[at] >= forecast.quantiles[at - 1], `${what}: quantiles ascend`);
    }
  }
  ok(forecast.pValue > 0 && forecast.pValue <= 1, `${what}: the p-value is a probability`);
}

/**
 * Runs the contract.
 * @param name What is tested.
 * @param make Makes a fresh forecaster, the same each time.
 * @param steps Steps of each feed.
 */
export function forecasterSuite(
  name: string,
  make: () => Forecaster | Promise<Forecaster>,
  steps = 400,
): void {
  for (const feed of FEEDS) {
    Deno.test(`${name} on ${feed.name}: whole, finite and ordered forecasts`, async () => {
      const forecaster = await make();
      try {
        const frames = framesOf(feed.values(new Random(1), steps));
        for (const frame of frames) {
          await advance(forecaster, [frame]);
          if (frame.step % 7 === 0 || frame.step < 30) {
            check(forecaster.forecast("a"), forecaster, `step ${frame.step}`);
          }
        }
      } finally {
        forecaster.dispose();
      }
    });
  }

  Deno.test(`${name}: forecasting changes nothing, frames are left as they were`, async () => {
    const asked = await make();
    const quiet = await make();
    try {
      for (const frame of framesOf(FEEDS[0].values(new Random(2), steps))) {
        const before = frame.values.slice();
        await advance(asked, [frame]);
        await advance(quiet, [frame]);
        deepEqual(frame.values, before);
        deepEqual(asked.forecast("a"), asked.forecast("a"));
      }
      deepEqual(asked.forecast("a"), quiet.forecast("a"));
    } finally {
      asked.dispose();
      quiet.dispose();
    }
  });

  for (const feed of [FEEDS[0], FEEDS[1], FEEDS[10]]) {
    Deno.test(`${name} on ${feed.name}: a restored snapshot goes on bit for bit`, async () => {
      const original = await make();
      const copy = await make();
      try {
        const frames = framesOf(feed.values(new Random(3), steps));
        const half = Math.floor(steps / 2);
        await advance(original, frames.slice(0, half));
        const { manifest, arrays } = original.snapshot();
        // What a checkpoint does: JSON for the manifest, copies for the arrays.
        copy.restore({
          manifest: JSON.parse(JSON.stringify(manifest)),
          arrays: structuredClone(arrays),
        });
        deepEqual(copy.forecast("a"), original.forecast("a"));
        for (const frame of frames.slice(half)) {
          await advance(original, [frame]);
          await advance(copy, [frame]);
          deepEqual(copy.forecast("a"), original.forecast("a"), `step ${frame.step}`);
        }
      } finally {
        original.dispose();
        copy.dispose();
      }
    });
  }

  Deno.test(`${name}: a snapshot taken bit by bit is of the moment at which it was begun`, async () => {
    const forecaster = await make();
    try {
      const a = framesOf(FEEDS[0].values(new Random(6), steps), "a");
      const b = framesOf(FEEDS[1].values(new Random(7), steps), "b");
      const half = Math.floor(steps / 2);
      for (let step = 0; step < half; step++) await advance(forecaster, [a[step], b[step]]);
      const { manifest, arrays } = forecaster.snapshot();
      const packed = new PackedArrays();
      const begun = beginSnapshot(forecaster, packed.keep);
      begun.take("b");
      // b goes on, and a series begins that was not there.
      const c = framesOf([1, 2, 3], "c");
      for (const frame of [...c, ...b.slice(half)]) await advance(forecaster, [frame]);
      begun.take("a");
      packed.settle();
      deepEqual(JSON.stringify(begun.finish()), JSON.stringify(manifest));
      deepEqual(arrayBits(packed.arrays), arrayBits(arrays));
    } finally {
      forecaster.dispose();
    }
  });

  Deno.test(`${name}: a series does not depend on its neighbours`, async () => {
    const together = await make();
    const alone = await make();
    try {
      if (together.framesUntilLearning() !== Infinity) return;
      const a = framesOf(FEEDS[0].values(new Random(4), steps), "a");
      const b = framesOf(FEEDS[1].values(new Random(5), steps), "b");
      for (let step = 0; step < steps; step++) {
        await together.step([b[step], a[step]]);
        await alone.step([a[step]]);
      }
      deepEqual(together.forecast("a"), alone.forecast("a"));
    } finally {
      together.dispose();
      alone.dispose();
    }
  });

  Deno.test(`${name}: an unknown series and a damaged snapshot are refused`, async () => {
    const forecaster = await make();
    try {
      throws(() => forecaster.forecast("nobody"), RangeError);
      await advance(forecaster, framesOf([1, 2, 3]));
      throws(() => forecaster.restore({ manifest: {}, arrays: {} }), SyntaxError);
      const { manifest } = forecaster.snapshot();
      throws(() => forecaster.restore({ manifest, arrays: {} }), SyntaxError);
      check(forecaster.forecast("a"), forecaster, "after refusing");
    } finally {
      forecaster.dispose();
    }
  });
}
