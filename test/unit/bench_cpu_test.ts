// The bodies of the CPU benchmarks, tiny: they run, and every subject computes what the reference does.
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { batchedStep, SMALL as BATCHED } from "../../bench/batched_step.ts";
import { compare, PEAK, spread, type Subject, table, timed, TINY } from "../../bench/harness.ts";
import { replayCsv } from "../../bench/replay_csv.ts";
import { scaling } from "../../bench/scaling.ts";
import { singleStep, SMALL as SINGLE } from "../../bench/single_step.ts";
import { SMALL as TRAINING, training } from "../../bench/training.ts";

// ONNX Runtime and TensorFlow.js keep timers and ports of their own.
const options = { sanitizeOps: false, sanitizeResources: false };

function subject(name: string, values: readonly number[]): Subject {
  return {
    name,
    flops: 10,
    run: timed(() => {
      let sum = 0;
      for (let k = 0; k < 1000; k++) sum += Math.sqrt(k);
      if (sum < 0) throw new Error("cannot be");
    }),
    result: () => Float32Array.from(values),
  };
}

Deno.test("a harness gives medians with quartiles", () => {
  deepStrictEqual(spread([5, 1, 4, 2, 3]), { median: 3, low: 2, high: 4 });
});

Deno.test("a harness compares subjects turn by turn and names those that are missing", async () => {
  const subjects = [subject("ours", [1, 2]), subject(PEAK, [1, 2]), {
    name: "x",
    skipped: "not here",
  }];
  const answer = await compare("what", subjects, Float32Array.of(1, 2.001), 0.01, TINY);
  strictEqual(answer.figures.length, 2);
  strictEqual(answer.figures[0].ratio.median, 1);
  ok(answer.figures[1].ratio.median > 0 && Math.abs(answer.figures[1].ofPeak! - 1) < 1e-9);
  ok(Math.abs(answer.figures[0].error! - 0.001) < 1e-6);
  ok(table(answer).includes("x: skipped, not here"));
});

Deno.test("a harness times nothing that computes something else", async () => {
  for (const values of [[1, 2.1], [1], [1, NaN]]) {
    const compared = compare("what", [subject("x", values)], Float32Array.of(1, 2), 0.01, TINY);
    await rejects(compared, /x is .* from the reference/);
  }
});

Deno.test("single steps are measured beside every peer there is", options, async () => {
  const answers = await Array.fromAsync(singleStep(SINGLE));
  strictEqual(answers.length, 2);
  for (const { figures, skipped } of answers) {
    strictEqual(figures[0].name, "Tickcast");
    strictEqual(figures.length + skipped.length, 9);
    ok(figures.every(({ us }) => us.median >= 0));
  }
});

Deno.test("batched steps are measured beside every peer there is", options, async () => {
  const answers = await Array.fromAsync(batchedStep(BATCHED));
  strictEqual(answers.length, 2);
  for (const { answer, series } of answers) {
    strictEqual(series, 7);
    strictEqual(answer.figures.length + answer.skipped.length, 6);
  }
});

Deno.test("training steps end at the reference's parameters", options, async () => {
  const { figures, skipped } = await training(TRAINING);
  strictEqual(figures.length + skipped.length, 4);
  ok(figures[0].error! < 2e-4);
});

Deno.test("a scaling table compares time with arithmetic", async () => {
  const [first, ...others] = await scaling(TINY);
  strictEqual(first.arithmetic, 1);
  ok(others.every(({ us, arithmetic }) => us.median > 0 && arithmetic !== 1));
});

Deno.test("every row of a replayed CSV comes through", async () => {
  const rates = await replayCsv(50, 1);
  strictEqual(rates.length, 5);
  ok(rates.every(({ rowsPerSecond }) => rowsPerSecond.median > 0));
});
