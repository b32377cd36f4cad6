import { deepEqual, equal, ok } from "node:assert/strict";
import {
  type LearningOutcome,
  type LearningRunner,
  type LearningTask,
  OnlineForecaster,
  openNetwork,
  type OpenNetworkOptions,
  Pipeline,
  Random,
  readModel,
  RecurrentExpert,
  RecurrentNetwork,
  writeModel,
} from "../../mod.ts";
import { recurrentDesign } from "../../src/forecast/recurrent_design.ts";
import { openBackend } from "../../kernels/mod.ts";
import type { Status, Tick } from "../../streams/mod.ts";

const OPTIONS: OpenNetworkOptions = {
  horizon: 2,
  hiddenSize: 12,
  trainInline: true,
  memorySteps: 512,
  plan: { everySteps: 150, firstSteps: 150, delaySteps: 20, delayMs: 0, onDrift: false },
  trainer: { epochs: 8, batch: 8, window: 24, burnIn: 8 },
};

/** A logistic map: no linear method and no last value can follow it, a network can. */
function chaos(steps: number, names: readonly string[] = ["a"]): Tick[] {
  const states = names.map((_, k) => 0.3 + 0.1 * k);
  return Array.from({ length: steps }, (_, step) =>
    names.map((series, k) => {
      states[k] = 3.9 * states[k] * (1 - states[k]);
      return { series, time: step * 60_000, values: { value: states[k] } };
    })).flat();
}

async function pipelineOf(
  options: OpenNetworkOptions,
): Promise<{ pipeline: Pipeline; network: RecurrentExpert; forecaster: OnlineForecaster }> {
  const network = await openNetwork(options);
  const forecaster = new OnlineForecaster({
    horizon: options.horizon,
    experts: [],
    guests: [network],
  });
  return { pipeline: new Pipeline({ forecaster }), network, forecaster };
}

/** All means, ticks fed in chunks. */
async function meansOf(
  options: OpenNetworkOptions,
  ticks: readonly Tick[],
  chunk: () => number,
): Promise<number[]> {
  const { pipeline, forecaster } = await pipelineOf(options);
  const means: number[] = [];
  for (let at = 0; at < ticks.length;) {
    const size = chunk();
    for (const { mean } of await pipeline.process(ticks.slice(at, at + size))) means.push(...mean);
    at += size;
  }
  forecaster.dispose();
  return means;
}

/** A runner whose outcomes the test decides. */
class Told implements LearningRunner {
  readonly tasks: LearningTask[] = [];
  constructor(readonly answer: (task: LearningTask) => LearningOutcome) {}
  run(task: LearningTask): Promise<LearningOutcome> {
    this.tasks.push(task);
    return Promise.resolve().then(() => this.answer(task));
  }
  dispose(): void {}
}

async function toldPipeline(
  answer: (task: LearningTask) => LearningOutcome,
): Promise<{ pipeline: Pipeline; network: RecurrentExpert; statuses: Status[]; told: Told }> {
  const statuses: Status[] = [];
  const options = { ...OPTIONS, onStatus: (status: Status): void => void statuses.push(status) };
  const told = new Told(answer);
  const { architecture } = recurrentDesign(options);
  const backend = await openBackend("reference");
  const network = new RecurrentExpert(new RecurrentNetwork(backend, architecture), told, options);
  const forecaster = new OnlineForecaster({ horizon: 2, experts: [], guests: [network] });
  return { pipeline: new Pipeline({ forecaster }), network, statuses, told };
}

function outcome(candidate: Float32Array, losses: [number, number, number]): LearningOutcome {
  const [championLoss, candidateLoss, predecessorLoss] = losses;
  return { candidate, championLoss, candidateLoss, predecessorLoss, curve: [] };
}

Deno.test("only the first series are corrected between retrainings, also after a restart", async () => {
  const options: OpenNetworkOptions = { horizon: 2, hiddenSize: 4, plan: false, memorySteps: 32 };
  const ticks = Array.from({ length: 40 * 66 }, (_, n): Tick => {
    const [step, k] = [Math.floor(n / 66), n % 66];
    return { series: `s${k}`, time: step * 60_000, values: { value: Math.sin(step / 3 + k) } };
  });
  const half = ticks.length / 2;
  const { pipeline, network, forecaster } = await pipelineOf(options);
  await pipeline.process(ticks.slice(0, half));
  const { arrays } = network.snapshot();
  const lengths = Array.from({ length: 66 }, (_, k) => arrays[`series.${k}.inputs`].length);
  ok(lengths[63] > 2 * lengths[64]);
  equal(lengths[65], lengths[64]);

  const restarted = await pipelineOf(options);
  restarted.pipeline.restore(pipeline.snapshot());
  const rest = ticks.slice(half);
  deepEqual(await restarted.pipeline.process(rest), await pipeline.process(rest));
  const { contributions, forecast, baseline } = await forecaster.explain("s65", 1);
  const sum = contributions.reduce((total, { value }) => total + value, 0);
  ok(Math.abs(sum - (forecast - baseline)) < 1e-6, `${sum} for ${forecast - baseline}`);
  forecaster.dispose();
  restarted.forecaster.dispose();
});

Deno.test("a network learns what no linear expert can, and says when it does", async () => {
  const ticks = chaos(1400);
  const errorOf = async (forecaster: OnlineForecaster): Promise<number> => {
    const pipeline = new Pipeline({ forecaster });
    const forecasts = await pipeline.process(ticks);
    let sum = 0;
    for (let k = 1000; k < 1399; k++) {
      sum += Math.abs(forecasts[k].mean[0] - ticks[k + 1].values.value);
    }
    forecaster.dispose();
    return sum / 399;
  };
  const network = await openNetwork({ ...OPTIONS, trainer: { epochs: 40, batch: 8 } });
  const own = await errorOf(new OnlineForecaster({ horizon: 2, experts: [], guests: [network] }));
  const linear = await errorOf(new OnlineForecaster({ horizon: 2 }));
  ok(own < linear / 2, `network ${own}, experts ${linear}`);
  const { version, runs, training } = network.learning;
  equal(training, false);
  ok(version >= 1 && runs.length >= 3);
  ok(runs.every(({ startedAt, endedAt }) => endedAt > startedAt));
  equal(runs.filter(({ verdict }) => verdict !== "rejected").length, version);
});

Deno.test("chunking and where it is trained change nothing, to the last bit", async () => {
  const ticks = chaos(420, ["a", "b", "c"]);
  const whole = await meansOf(OPTIONS, ticks, () => ticks.length);
  const random = new Random(5);
  deepEqual(await meansOf(OPTIONS, ticks, () => 1 + random.integer(9)), whole);
  deepEqual(await meansOf({ ...OPTIONS, trainInline: false }, ticks, () => 50), whole);
});

Deno.test("a snapshot taken while a retraining is under way goes on with it", async () => {
  const ticks = chaos(400);
  const { pipeline, network, forecaster } = await pipelineOf(OPTIONS);
  await pipeline.process(ticks.slice(0, 160));
  ok(network.learning.training);
  const { manifest, arrays } = pipeline.snapshot();
  const kept = { manifest: JSON.parse(JSON.stringify(manifest)), arrays: structuredClone(arrays) };
  const rest = await pipeline.process(ticks.slice(160));
  equal(network.learning.runs.length, 2);
  forecaster.dispose();

  const other = await pipelineOf(OPTIONS);
  await other.pipeline.process(chaos(30));
  other.pipeline.restore(kept);
  deepEqual(await other.pipeline.process(ticks.slice(160)), rest);
  deepEqual(other.network.learning, network.learning);
  other.forecaster.dispose();
});

Deno.test("after a swap a state is that of the past run through the new parameters", async () => {
  const { pipeline, network } = await toldPipeline((task) =>
    outcome(task.champion.map((value, k) => value + 0.1 * Math.sin(k)), [2, 1, NaN])
  );
  const ticks = chaos(260);
  await pipeline.process(ticks);
  equal(network.learning.version, 1);
  // The same parameters from the start, stepped through the very same past.
  const model = readModel(writeModel(network.exportModel()));
  const fresh = await pipelineOf({ ...OPTIONS, backend: "reference", model, plan: false });
  await fresh.pipeline.process(ticks);
  const [own, expected] = [network, fresh.network].map((each) => {
    return each.snapshot().arrays["series.0.state"];
  });
  // The states began at different steps: what lies 128 steps back has faded but is not gone.
  own.forEach((value, k) => ok(Math.abs(value - expected[k]) < 1e-4, `${value} ${expected[k]}`));
  fresh.forecaster.dispose();
});

Deno.test("what is not finite or not better is not used", async () => {
  const broken = await toldPipeline((task) => outcome(task.champion.map(() => NaN), [2, 1, NaN]));
  await broken.pipeline.process(chaos(400));
  equal(broken.network.learning.version, 0);
  const worse = await toldPipeline((task) => outcome(task.champion.map(() => 1), [1, 2, NaN]));
  const forecasts = await worse.pipeline.process(chaos(400));
  equal(worse.network.learning.version, 0);
  ok(worse.statuses.some(({ kind }) => kind === "candidate-rejected"));
  deepEqual(await broken.pipeline.process([]), []);
  ok(forecasts.every(({ mean }) => mean.every(Number.isFinite)));
});

Deno.test("a regression goes back to the parameters before it", async () => {
  let run = 0;
  const { pipeline, network } = await toldPipeline((task) =>
    run++ === 0
      ? outcome(task.champion.map((value) => value + 0.01), [2, 1, NaN])
      : outcome(task.champion.map((value) => value + 0.01), [3, 2, 1])
  );
  const before = network.exportModel().parameters.values;
  await pipeline.process(chaos(400));
  deepEqual(network.learning.runs.map(({ verdict }) => verdict), ["promoted", "rolled-back"]);
  deepEqual(network.exportModel().parameters.values, before);
});

Deno.test("nothing a network is trained on lies in what it is tried on", async () => {
  const { pipeline, told } = await toldPipeline((task) => outcome(task.champion, [1, 1, NaN]));
  await pipeline.process(chaos(700, ["a", "b"]));
  const { training, validation, trial } = told.tasks.at(-1)!;
  const labelled = (sequences: typeof training): Set<string> => {
    const seen = new Set<string>();
    for (const { targets, mask } of sequences) {
      targets.forEach((target, k) => mask[k] === 1 && seen.add(`${k % 2} ${target}`));
    }
    return seen;
  };
  const [taught, chosen, tried] = [training, validation, trial].map(labelled);
  ok(taught.size > 300 && chosen.size > 30 && tried.size > 30);
  for (const label of tried) ok(!taught.has(label) && !chosen.has(label), label);
  for (const label of chosen) ok(!taught.has(label), label);
});

Deno.test("an operator freezes, asks for a retraining and rolls back", async () => {
  const { pipeline, network, told } = await toldPipeline((task) =>
    outcome(task.champion.map((value) => value + 0.01), [2, 1, NaN])
  );
  const ticks = chaos(1000);
  network.freeze(true);
  await pipeline.process(ticks.slice(0, 400));
  equal(told.tasks.length, 0);
  equal(await network.rollBack(), false);
  network.freeze(false);
  network.retrain();
  await pipeline.process(ticks.slice(400, 450));
  equal(network.learning.version, 1);
  equal(network.learning.runs[0].why, "asked");
  equal(await network.rollBack(), true);
  equal(network.learning.version, 2);
  await pipeline.process(ticks.slice(450, 460));
  ok(network.learning.description.includes("12 units"));
});

Deno.test("a retraining that fails is told and costs nothing else", async () => {
  const { pipeline, statuses } = await toldPipeline(() => {
    throw new Error("out of memory");
  });
  equal((await pipeline.process(chaos(300))).length, 300);
  ok(statuses.some((status) => status.kind === "degraded" && status.detail === "out of memory"));
});
