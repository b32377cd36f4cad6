import { deepStrictEqual, notDeepStrictEqual, ok, rejects, throws } from "node:assert/strict";
import { openBackend } from "../../kernels/mod.ts";
import { chronologicalSplit } from "../../src/learn/chronological_split.ts";
import { DriftDetector } from "../../src/learn/drift.ts";
import { ReplayMemory } from "../../src/learn/replay_memory.ts";
import { learningRate } from "../../src/learn/schedule.ts";
import { Trainer, type TrainerOptions, type TrainingResult } from "../../src/learn/trainer.ts";
import type { TrainingSequence } from "../../src/learn/training_sequence.ts";
import { WindowBatches } from "../../src/learn/window_batches.ts";
import { initialParameters } from "../../src/model/initialisation.ts";
import { Random } from "../../src/model/random.ts";

const ARCHITECTURE = {
  cell: "lstm",
  inputSize: 2,
  hiddenSize: 6,
  layers: 2,
  outputSize: 6,
} as const;
const HEAD = { loss: "pinball", horizon: 2, levels: [0.1, 0.5, 0.9] } as const;
const OPTIONS: TrainerOptions = {
  window: 16,
  burnIn: 4,
  batch: 4,
  epochs: 12,
  schedule: { kind: "cosine", rate: 0.02, warmUp: 0.1 },
  optimiser: { kind: "adamw", weightDecay: 0.01 },
};

/** Two features of a noisy sine, targets the next two values. */
function sine(length: number, seed: number): TrainingSequence {
  const random = new Random(seed);
  const value = (t: number): number => Math.sin(0.5 * t + seed) + 0.05 * random.normal();
  const values = Float32Array.from({ length: length + 2 }, (_, t) => value(t));
  return {
    inputs: Float32Array.from({ length: 2 * length }, (_, k) => k % 2 ? 1 : values[k >> 1]),
    targets: Float32Array.from({ length: 2 * length }, (_, k) => values[(k >> 1) + 1 + k % 2]),
    mask: new Float32Array(2 * length).fill(1),
  };
}

async function fit(
  options: Partial<TrainerOptions> = {},
  seed = 1,
  training = [sine(150, 1), sine(40, 2)],
): Promise<TrainingResult> {
  const backend = await openBackend("reference");
  const trainer = new Trainer(backend, ARCHITECTURE, HEAD, { ...OPTIONS, ...options });
  const random = new Random(seed);
  const start = initialParameters(ARCHITECTURE, random).values;
  const validation = [sine(60, 3)];
  const result = await trainer.fit(start, training, { random, validation });
  const again = await trainer.evaluate(result.parameters, validation);
  deepStrictEqual(again, result.validationLoss, "the parameters given back are the best round's");
  trainer.dispose();
  return result;
}

Deno.test("training learns, and repeats to the bit under one seed", async () => {
  const first = await fit({ epochs: 40 });
  ok(first.epochs.at(-1)!.trainingLoss < 0.3 * first.epochs[0].trainingLoss);
  ok(first.epochs.every((epoch) => Number.isFinite(epoch.validationLoss)));
  deepStrictEqual((await fit({ epochs: 40 })).parameters, first.parameters);
  notDeepStrictEqual((await fit({ epochs: 40 }, 2)).parameters, first.parameters);
});

Deno.test("dropout trains too, and is off when a loss is judged", async () => {
  const result = await fit({ dropout: 0.2, epochs: 20 });
  ok(result.validationLoss < 0.7 * result.epochs[0].validationLoss);
});

Deno.test("training stops when it no longer gets better, and gives the best round back", async () => {
  const result = await fit({ schedule: { kind: "constant", rate: 0.5 }, epochs: 50, patience: 3 });
  deepStrictEqual(result.ended, "patience");
  deepStrictEqual(result.epochs.length, result.bestEpoch + 3);
  const losses = result.epochs.map((epoch) => epoch.validationLoss);
  ok(losses.every((loss) => loss >= result.validationLoss));
});

Deno.test("a target that is not a number costs its batch and nothing else", async () => {
  const broken = sine(150, 1);
  broken.targets[77] = NaN;
  const result = await fit({}, 1, [broken]);
  deepStrictEqual(result.ended, "not-finite");
  ok(result.parameters.every(Number.isFinite));
});

Deno.test("an abort ends the run between two steps", async () => {
  const trainer = new Trainer(await openBackend("reference"), ARCHITECTURE, HEAD, OPTIONS);
  const random = new Random(1);
  const start = initialParameters(ARCHITECTURE, random).values;
  const stop = new AbortController();
  const result = await trainer.fit(start, [sine(99, 1)], {
    random,
    onEpoch: () => stop.abort(),
    signal: stop.signal,
  });
  deepStrictEqual([result.ended, result.epochs.length], ["aborted", 1]);
  await rejects(
    trainer.fit(start, [{ ...sine(9, 1), mask: new Float32Array(1) }], { random }),
    /9 steps needs 18 targets/,
  );
  trainer.dispose();
});

Deno.test("windows count every step of every sequence once", () => {
  const random = new Random(5);
  for (const chance of [random, undefined]) {
    for (const [window, burnIn] of [[8, 0], [8, 3], [10, 9]]) {
      const lengths = [1, 5, 8, 31];
      const sequences = lengths.map((length, s) => ({
        inputs: new Float32Array(length).fill(1),
        targets: Float32Array.from({ length }, (_, k) => 1000 * s + k),
        mask: new Float32Array(length).fill(1),
      }));
      const batches = new WindowBatches(sequences, 1, 1, { window, burnIn, batch: 3 });
      batches.begin(chance);
      const seen: number[] = [];
      for (let k = 0; batches.next(); k++) {
        const before = seen.length;
        batches.mask.forEach((counts, at) => counts && seen.push(batches.targets[at]));
        deepStrictEqual(batches.counted, seen.length - before);
      }
      const all = sequences.flatMap(({ targets }) => [...targets]);
      deepStrictEqual(seen.sort((a, b) => a - b), all);
    }
  }
});

Deno.test("a chronological split keeps labels of one part out of the part before", () => {
  const length = 20;
  const inputs = Float32Array.from({ length }, (_, k) => k);
  const targets = Float32Array.from({ length: 2 * length }, (_, k) => (k >> 1) + 1 + k % 2);
  const sequence = { inputs, targets, mask: new Float32Array(2 * length).fill(1) };
  const parts = chronologicalSplit(sequence, 1, 2, { validation: 0.25, test: 0.25, context: 3 });
  const counted = ({ targets, mask }: TrainingSequence): number[] =>
    [...targets].filter((_, k) => mask[k] === 1);
  ok(counted(parts.training).every((value) => value < 10));
  ok(counted(parts.validation).every((value) => value > 10 && value < 15));
  ok(counted(parts.test).every((value) => value > 15));
  deepStrictEqual([...parts.validation.inputs], [7, 8, 9, 10, 11, 12, 13, 14]);
  deepStrictEqual(counted(parts.training).length, 17);
  throws(() => chronologicalSplit(sequence, 1, 2, { validation: 0.6, test: 0.4 }), RangeError);
});

Deno.test("schedules rise, fall and drop", () => {
  const at = (kind: "constant" | "cosine" | "step", step: number): number =>
    learningRate({ kind, rate: 1, warmUp: 0.1, floor: 0.2, every: 0.5, factor: 0.5 }, step, 110);
  for (const kind of ["constant", "cosine", "step"] as const) {
    ok(at(kind, 0) > 0 && at(kind, 5) < at(kind, 10));
    deepStrictEqual(at(kind, 11), 1);
  }
  deepStrictEqual(at("constant", 109), 1);
  ok(Math.abs(at("cosine", 109) - 0.2) < 0.001);
  deepStrictEqual([at("step", 60), at("step", 61), at("step", 109)], [1, 0.5, 0.5]);
});

Deno.test("a replay memory holds each window with the same chance, and goes on from a snapshot", () => {
  const counts = new Uint32Array(10);
  const window = (k: number): TrainingSequence => {
    const inputs = Float32Array.of(k);
    return { inputs, targets: inputs, mask: inputs };
  };
  for (let seed = 0; seed < 2000; seed++) {
    const memory = new ReplayMemory(3, seed);
    for (let k = 0; k < 10; k++) memory.offer(() => window(k));
    for (const { inputs } of memory.windows) counts[inputs[0]]++;
  }
  // 600 each, five standard deviations.
  for (const count of counts) ok(Math.abs(count - 600) < 5 * Math.sqrt(2000 * 0.3 * 0.7));

  const [memory, other] = [new ReplayMemory(3, 1), new ReplayMemory(3, 2)];
  for (let k = 0; k < 5; k++) memory.offer(() => window(k));
  other.restore(memory.snapshot());
  for (let k = 5; k < 30; k++) [memory, other].forEach((each) => each.offer(() => window(k)));
  deepStrictEqual(other.windows, memory.windows);
  throws(() => new ReplayMemory(1, 1).restore(memory.snapshot()), RangeError);
});

Deno.test("drift is found after a change, seldom before, and from a snapshot on", () => {
  let [false_, missed] = [0, 0];
  for (let seed = 0; seed < 40; seed++) {
    const random = new Random(seed);
    const detector = new DriftDetector();
    const errors = (count: number, scale: number): boolean => {
      for (let k = 0; k < count; k++) {
        if (detector.update(scale * Math.abs(random.normal()))) return true;
      }
      return false;
    };
    if (errors(2000, 1)) false_++;
    if (!errors(200, 2.5)) missed++;
  }
  ok(false_ <= 2, `${false_} of 40 quiet runs`);
  deepStrictEqual(missed, 0);
  const [one, two] = [new DriftDetector(), new DriftDetector()];
  for (let k = 0; k < 150; k++) one.update(1 + k % 3);
  two.restore(one.snapshot());
  for (let k = 0; k < 99; k++) deepStrictEqual(two.update(k), one.update(k));
});
