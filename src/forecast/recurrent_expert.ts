import type { Frame, StatusListener } from "../../streams/mod.ts";
import { type CellKind, openBackend } from "../../kernels/mod.ts";
import { type LearningPlan, LearningSchedule } from "../learn/learning_schedule.ts";
import type { LearningRunner } from "../learn/learning_runner.ts";
import type { LearningOutcome, LearningTask } from "../learn/learning_task.ts";
import { ReplayMemory } from "../learn/replay_memory.ts";
import type { TrainerOptions } from "../learn/trainer.ts";
import type { TrainingSequence } from "../learn/training_sequence.ts";
import type { Architecture } from "../model/architecture.ts";
import { type Head, headOutputs, headWidth } from "../model/head.ts";
import { initialParameters } from "../model/initialisation.ts";
import type { Network } from "../model/network.ts";
import { Parameters } from "../model/parameters.ts";
import { Random } from "../model/random.ts";
import type { Contribution } from "./explanation.ts";
import type { Snapshot } from "./forecaster.ts";
import type { Guest, SeriesView } from "./guest.ts";
import { integratedGradients } from "./integrated_gradients.ts";
import type { Learner, LearningRun, LearningState, NetworkModel } from "./learner.ts";
import { networkInputGroup, NetworkInputs, networkInputSize } from "./network_inputs.ts";
import { NetworkAdapter } from "./network_adapter.ts";
import { NetworkMemory } from "./network_memory.ts";
import { StateReader, StateWriter } from "./state_buffer.ts";

const FORMAT = "tickcast-recurrent-expert-1";
/** Quantiles that the network is taught; their middle ones are its point. */
const LEVELS: readonly number[] = [0.1, 0.3, 0.5, 0.7, 0.9];
/** The quantiles between these levels, both included, are averaged to a point. */
export const MIDDLE_LEVELS = [0.3, 0.7] as const;
/** Steps of the past that a state is recomputed from after a swap, and that warm up what is judged. */
const CONTEXT_STEPS = 128;
/** Steps back to which an explanation tells inputs one by one. */
const TOLD_STEPS = 4;
/** Steps after which a series' state is copied to the host again: no more to repeat than after a swap. */
const KEEP_EVERY_STEPS = CONTEXT_STEPS;
/** Shares of the steps kept that decide on the best round, and on what is used from then on. */
const VALIDATION_SHARE = 0.1;
const TRIAL_SHARE = 0.1;
/** Steps that a retraining takes along at most, over all series: about 10 MB. */
const TASK_STEPS_MAX = 65_536;
/** Steps of a series that are worth taking along. */
const SEQUENCE_STEPS_MIN = 128;
/** Windows of the far past that are remembered, and the steps of each. */
const REPLAY_WINDOWS = 32;
const REPLAY_STEPS = 256;
/**
 * Steps kept of a series for training, by how many series there are when it starts: one network serves
 * all, so that with many series each needs to tell less. 10,000 series of 12 steps ahead take 0.5 GB.
 */
const MEMORY_STEPS: readonly { readonly below: number; readonly steps: number }[] = [
  { below: 64, steps: 4096 },
  { below: 1024, steps: 1024 },
  { below: Infinity, steps: 256 },
];
/**
 * Series, in the order in which they came, whose words are corrected between retrainings. The correction
 * costs more than the network's step and 5 kB a series; with more series than this, retrainings have so
 * much to learn from that it is not what makes the difference.
 */
const ADAPTED_SERIES_MAX = 64;
/** Retrainings that are remembered for whoever looks. */
const RUNS_KEPT = 64;

const PLAN: LearningPlan = {
  everySteps: 1024,
  firstSteps: 256,
  delaySteps: 32,
  delayMs: 10_000,
  onDrift: true,
};

const TRAINER: TrainerOptions = {
  window: 64,
  burnIn: 16,
  batch: 16,
  epochs: 24,
  batchesPerEpoch: 32,
  schedule: { kind: "cosine", rate: 3e-3 },
  optimiser: { kind: "adamw", weightDecay: 0.01 },
  maxNorm: 1,
  patience: 6,
};

/** How a {@linkcode RecurrentExpert} is made; everything but the horizon has a default. */
export interface RecurrentExpertOptions {
  /** Steps ahead. */
  readonly horizon: number;
  /** Features beside the target, which follow it in every frame. */
  readonly covariates?: number;
  /** Which cell; an LSTM where left out. */
  readonly cell?: CellKind;
  /** Hidden units of each layer; 64 where left out. */
  readonly hiddenSize?: number;
  /** Recurrent layers; 1 where left out. */
  readonly layers?: number;
  /** The loss that teaches it; quantiles where left out. */
  readonly loss?: Head["loss"];
  /** Where its chance comes from. */
  readonly seed?: number;
  /** When it is trained anew, where that differs from the default; `false` for never. */
  readonly plan?: Partial<LearningPlan> | false;
  /** How it is trained, where that differs from the default. */
  readonly trainer?: Partial<TrainerOptions>;
  /** Steps of each series that it can be trained on; by the number of series where left out. */
  readonly memorySteps?: number;
  /** A trained network to begin with, instead of a fresh one. */
  readonly model?: NetworkModel;
  /** Hears of retrainings, their verdicts and of drift. */
  readonly onStatus?: StatusListener;
}

/** What is kept of one series. */
interface SeriesNetwork {
  readonly row: number;
  readonly inputs: NetworkInputs;
  readonly memory: NetworkMemory;
  /** What corrects it between retrainings, where it is one of the first. */
  adapter: NetworkAdapter | undefined;
  /** What it said last of the next step, in typical errors. */
  said: number;
  /** The parameters that made its state. */
  version: number;
  /** Its state on the host, as it was after `keptAt` steps; the memory holds what came since. */
  kept: Float32Array;
  keptAt: number;
}

/** A retraining under way. */
interface Pending {
  readonly task: LearningTask;
  readonly why: LearningRun["why"];
  readonly outcome: Promise<LearningOutcome | Error>;
}

/**
 * The shape and head of the network that options ask for.
 *
 * @param options The options.
 */
export function recurrentDesign(
  options: RecurrentExpertOptions,
): { architecture: Architecture; head: Head } {
  const { horizon, covariates = 0, loss = "pinball" } = options;
  if (options.model !== undefined) {
    const { parameters, head, covariates: taken } = options.model;
    if (head.horizon !== horizon || taken !== covariates) {
      throw new RangeError(
        `The model forecasts ${head.horizon} steps from ${taken} covariates, ` +
          `${horizon} steps from ${covariates} are asked for`,
      );
    }
    return { architecture: parameters.architecture, head };
  }
  const head: Head = { loss, horizon, ...loss === "pinball" && { levels: LEVELS } };
  const { cell = "lstm", hiddenSize = 64, layers = 1 } = options;
  const inputSize = networkInputSize(covariates);
  const outputSize = headOutputs(head);
  return { architecture: { cell, inputSize, hiddenSize, layers, outputSize }, head };
}

/**
 * A recurrent network as an expert of an {@linkcode OnlineForecaster}: one network for all series, each
 * with a state of its own that is carried from tick to tick, so that a new tick costs one step. It
 * starts as its anchors ({@linkcode NetworkInputs}), and keeps learning: retrainings run aside on what
 * was seen lately and a memory of what was seen before, and their outcome replaces the parameters only
 * where it is better on later ticks. At which frame that happens depends on the ticks alone.
 *
 * @example Opened where it runs
 * ```ts
 * import { openNetwork } from "@tickcast/tickcast";
 *
 * const expert = await openNetwork({ horizon: 2, hiddenSize: 4 });
 * if (expert.learning.version !== 0) throw new Error("nothing was learnt yet");
 * expert.dispose();
 * ```
 */
export class RecurrentExpert implements Guest, Learner {
  /** What it is called among the experts. */
  readonly name = "network";
  readonly #network: Network;
  readonly #runner: LearningRunner;
  readonly #options: RecurrentExpertOptions;
  readonly #onDispose: () => void;
  readonly #head: Head;
  readonly #plan: LearningPlan;
  readonly #schedule: LearningSchedule;
  readonly #replay: ReplayMemory;
  readonly #series = new Map<string, SeriesNetwork>();
  readonly #runs: LearningRun[] = [];
  readonly #x: Float32Array;
  readonly #rows: Uint32Array;
  readonly #outputs: Float32Array;
  #parameters: Float32Array;
  #predecessor: Float32Array | undefined;
  #version = 0;
  #frozen: boolean;
  #pending: Pending | undefined;
  #tasks = 0;

  /**
   * Starts without any series.
   *
   * @param network Where it runs, as {@linkcode recurrentDesign} says; disposed of with the expert.
   * @param runner Where it is trained; disposed of with the expert.
   * @param options How it is made.
   * @param onDispose Called when network and runner were disposed of.
   */
  constructor(
    network: Network,
    runner: LearningRunner,
    options: RecurrentExpertOptions,
    onDispose: () => void = () => {},
  ) {
    const { architecture, head } = recurrentDesign(options);
    this.#network = network;
    this.#runner = runner;
    this.#options = options;
    this.#onDispose = onDispose;
    this.#head = head;
    this.#plan = { ...PLAN, ...options.plan };
    this.#frozen = options.plan === false;
    this.#schedule = new LearningSchedule(this.#plan);
    const seed = options.seed ?? 1;
    this.#replay = new ReplayMemory(REPLAY_WINDOWS, seed);
    this.#parameters = options.model?.parameters.values.slice() ??
      initialParameters(architecture, new Random(seed), {
        recurrent: "orthogonal",
        forgetBias: 1,
      }).values;
    network.setParameters(this.#parameters);
    this.#x = new Float32Array(network.batch * architecture.inputSize);
    this.#rows = new Uint32Array(network.batch);
    this.#outputs = new Float32Array(network.batch * architecture.outputSize);
  }

  /** Itself. */
  get learner(): Learner {
    return this;
  }

  /** The version of its parameters. */
  get version(): number {
    return this.#version;
  }

  /** A device of its own is called seldom, with as many as it takes. */
  get framesAtOnce(): number | undefined {
    return this.#network.onHost ? undefined : this.#network.batch;
  }

  /** Where it stands. */
  get learning(): LearningState {
    const { cell, layers, hiddenSize } = this.#network.architecture;
    return {
      version: this.#version,
      frozen: this.#frozen,
      training: this.#pending !== undefined,
      runs: [...this.#runs],
      description:
        `${cell}, ${layers} × ${hiddenSize} units, ${this.#parameters.length} parameters, on ` +
        this.#network.device,
    };
  }

  /**
   * Advances by frames, every series at most once.
   *
   * @param frames One a series.
   * @param views Their series.
   * @returns The points of the steps after each `[horizon]`.
   */
  step(
    frames: readonly Frame[],
    views: readonly SeriesView[],
  ): readonly Float64Array[] | Promise<readonly Float64Array[]> {
    const series = new Array<SeriesNetwork>(frames.length);
    let time = -Infinity;
    for (let index = 0; index < frames.length; index++) {
      const frame = frames[index];
      series[index] = this.#take(frame, views[index]);
      if (frame.time > time) time = frame.time;
    }
    this.#schedule.observe(frames.length, time, this.#series.size);
    const points: Float64Array[] = [];
    const from = (start: number): void | Promise<void> => {
      for (; start < series.length; start += this.#network.batch) {
        const part = series.slice(start, start + this.#network.batch);
        this.#refresh(part.filter(({ version }) => version !== this.#version), 1);
        for (let index = 0; index < part.length; index++) {
          const { row, inputs } = part[index];
          this.#x.set(inputs.x, index * inputs.x.length);
          this.#rows[index] = row;
        }
        this.#network.step(this.#x, this.#rows, part.length);
        const waits = [
          this.#network.readOutputs(
            this.#outputs.subarray(0, part.length * this.#network.architecture.outputSize),
          ),
          ...this.#keep(part),
        ].filter((wait) => wait !== undefined);
        const next = start + this.#network.batch;
        if (waits.length > 0) {
          return Promise.all(waits).then(() => {
            this.#say(part, points);
            return from(next);
          });
        }
        this.#say(part, points);
      }
    };
    const waiting = from(0);
    return waiting ? waiting.then(() => points) : points;
  }

  /** Frames until it is time to look whether anything is due. */
  framesUntilLearning(): number {
    return this.#frozen && this.#pending === undefined ? Infinity : this.#schedule.untilLook();
  }

  /** Takes an outcome in where it is due, and starts a retraining where one is. */
  async learn(): Promise<void> {
    if (this.#pending !== undefined) {
      if (this.#schedule.settles()) await this.#settle(this.#pending);
      return;
    }
    if (this.#frozen) return;
    const why = this.#schedule.due();
    if (why === undefined) return;
    const task = this.#makeTask();
    if (task === undefined) return;
    this.#schedule.start();
    this.#options.onStatus?.({ kind: "retraining", sequence: this.#schedule.frames, why });
    this.#start(task, why);
  }

  /** Starts a retraining as soon as none is under way. */
  retrain(): void {
    this.#schedule.ask();
  }

  /** Goes back to the parameters before the last change. */
  rollBack(): Promise<boolean> {
    const predecessor = this.#predecessor;
    if (predecessor === undefined) return Promise.resolve(false);
    // What is being trained began from the parameters that are given up.
    this.#pending = undefined;
    this.#adopt(predecessor);
    return Promise.resolve(true);
  }

  /** Stops or resumes retraining; one under way is dropped. */
  freeze(frozen: boolean): void {
    this.#frozen = frozen;
    if (frozen) this.#pending = undefined;
  }

  /** A copy of the network as it is. */
  exportModel(): NetworkModel {
    return {
      parameters: new Parameters(this.#network.architecture, this.#parameters.slice()),
      head: this.#head,
      covariates: this.#options.covariates ?? 0,
    };
  }

  /** Goes on with a network trained elsewhere. */
  adopt({ parameters, head, covariates }: NetworkModel): void {
    const own = this.#configuration();
    const other = { architecture: parameters.architecture, head, covariates };
    for (const [name, value] of Object.entries(other)) {
      if (JSON.stringify(own[name]) !== JSON.stringify(value)) {
        throw new SyntaxError(
          `Cannot take model: the network's ${name} is ${JSON.stringify(own[name])}, ` +
            `the model's is ${JSON.stringify(value)}`,
        );
      }
    }
    this.#pending = undefined;
    this.#adopt(parameters.values.slice());
  }

  /** Everything needed to go on. */
  snapshot(): Snapshot {
    const arrays: Snapshot["arrays"] = {
      parameters: this.#parameters.slice(),
      schedule: this.#schedule.snapshot(),
    };
    if (this.#predecessor) arrays.predecessor = this.#predecessor.slice();
    const { windows, offered, random } = this.#replay.snapshot();
    arrays["replay.random"] = random;
    putSequences(arrays, "replay", windows);
    const writer = new StateWriter();
    const series = [...this.#series].map(([name, state], index) => {
      state.inputs.save(writer);
      state.adapter?.save(writer);
      arrays[`series.${index}.inputs`] = writer.finish();
      const memory = state.memory.snapshot();
      arrays[`series.${index}.x`] = memory.inputs;
      arrays[`series.${index}.targets`] = memory.targets;
      // A device that makes the host wait has no say here: from what was kept of its states the steps
      // since are taken again, which gives the same bits.
      if (this.#network.onHost) this.#keepNow(state);
      arrays[`series.${index}.state`] = state.kept;
      return [name, memory.pushed, state.said, state.version, state.keptAt];
    });
    const { task, why } = this.#pending ?? {};
    if (task) {
      arrays["task.champion"] = task.champion;
      for (const part of TASK_PARTS) putSequences(arrays, `task.${part}`, task[part]);
    }
    return {
      manifest: {
        ...this.#configuration(),
        version: this.#version,
        frozen: this.#frozen,
        tasks: this.#tasks,
        runs: structuredClone(this.#runs),
        replay: { windows: windows.length, offered },
        task: task && {
          why,
          seed: task.seed,
          parts: TASK_PARTS.map((part) => task[part].length),
        },
        series,
      },
      arrays,
    };
  }

  /**
   * Goes on from a snapshot.
   *
   * @throws {SyntaxError} when it is of another configuration or damaged.
   */
  restore({ manifest, arrays }: Snapshot): void {
    const own = this.#configuration();
    for (const [name, value] of Object.entries(own)) {
      if (JSON.stringify(manifest[name]) !== JSON.stringify(value)) {
        throw new SyntaxError(
          `Cannot restore network: its ${name} is ${JSON.stringify(value)}, ` +
            `the snapshot's is ${JSON.stringify(manifest[name])}`,
        );
      }
    }
    const { parameters, schedule } = arrays;
    if (
      !(parameters instanceof Float32Array) || parameters.length !== this.#parameters.length ||
      !(schedule instanceof Float64Array) || !Array.isArray(manifest.series) ||
      !manifest.series.every((_, index) => arrays[`series.${index}.inputs`] instanceof Float64Array)
    ) {
      throw new SyntaxError("Cannot restore network: parameters, schedule or series are damaged");
    }
    this.#pending = undefined;
    this.#parameters = parameters.slice();
    this.#predecessor = arrays.predecessor instanceof Float32Array
      ? arrays.predecessor.slice()
      : undefined;
    this.#network.setParameters(this.#parameters);
    this.#schedule.restore(schedule);
    this.#version = manifest.version as number;
    this.#frozen = manifest.frozen as boolean;
    this.#tasks = manifest.tasks as number;
    this.#runs.splice(0, Infinity, ...manifest.runs as LearningRun[]);
    const replay = manifest.replay as { windows: number; offered: number };
    this.#replay.restore({
      windows: takeSequences(arrays, "replay", replay.windows),
      offered: replay.offered,
      random: arrays["replay.random"] as Uint32Array,
    });
    this.#restoreSeries(manifest.series as SeriesEntry[], arrays);
    const task = manifest.task as { why: LearningRun["why"]; seed: number; parts: number[] } | null;
    if (task) {
      const [training, validation, trial] = TASK_PARTS.map((part, index) =>
        takeSequences(arrays, `task.${part}`, task.parts[index])
      );
      const champion = arrays["task.champion"] as Float32Array;
      this.#start({ ...this.#task(champion, task.seed), training, validation, trial }, task.why);
    }
  }

  /** Ends the training and gives the device memory back. */
  dispose(): void {
    this.#pending = undefined;
    this.#series.clear();
    this.#runner.dispose();
    this.#network.dispose();
    this.#onDispose();
  }

  /**
   * What moved its point away from the last value: the anchor, and what the network makes of its inputs,
   * by integrated gradients over the steps that its state is recomputed from, and its adapter. Inputs of the latest steps
   * are told one by one, earlier ones together.
   */
  async explain(series: string, ahead: number, baseline: number): Promise<Contribution[]> {
    const state = this.#series.get(series);
    if (state === undefined) return [];
    const { architecture } = this.#network;
    const { inputSize, outputSize } = architecture;
    const steps = Math.min(CONTEXT_STEPS, state.memory.length);
    const x = new Float32Array(steps * inputSize);
    for (let back = 0; back < steps; back++) {
      state.memory.readInputs(back, x, (steps - 1 - back) * inputSize);
    }
    const wanted = new Float32Array(outputSize);
    const width = headWidth(this.#head);
    // The middle of what the head says is linear in its outputs.
    for (let j = 0; j < width; j++) {
      this.#outputs.fill(0);
      this.#outputs[(ahead - 1) * width + j] = 1;
      wanted[(ahead - 1) * width + j] = this.#point((ahead - 1) * width, width);
    }
    const backend = await openBackend("wasm");
    try {
      const attribution = await integratedGradients(
        ...[backend, architecture, this.#parameters, x, wanted] as const,
      );
      const scale = state.inputs.scales[ahead - 1];
      const sums = new Map<string, number>();
      attribution.contributions.forEach((value, at) => {
        const back = steps - 1 - Math.floor(at / inputSize);
        const name = networkInputGroup(at % inputSize);
        const input = `network: ${name}, ${agoName(back)}`;
        sums.set(input, (sums.get(input) ?? 0) + scale * value);
      });
      const [offset, ...corrections] = state.adapter?.explain(state.memory.pushed - 1, ahead) ??
        [0];
      corrections.forEach((value, index) => {
        const input = `network: ${networkInputGroup(index)}, now`;
        sums.set(input, (sums.get(input) ?? 0) + scale * value);
      });
      sums.set("network: offset", scale * (attribution.saidOfZeros + offset));
      sums.set("usual value of the slot", state.inputs.anchors[ahead - 1] - baseline);
      return [...sums].map(([input, value]) => ({ input, value }));
    } finally {
      backend.dispose();
    }
  }

  /** Takes a frame into the memory of its series. */
  #take(frame: Frame, view: SeriesView): SeriesNetwork {
    let state = this.#series.get(frame.series);
    if (state === undefined) {
      state = this.#makeSeries();
      this.#series.set(frame.series, state);
    }
    const { inputs, memory } = state;
    inputs.observe(view, frame.time, frame.values);
    // What is about to be overwritten may be remembered for longer.
    const full = memory.pushed >= memory.limit;
    if (full && memory.pushed % REPLAY_STEPS === 0) {
      this.#replay.offer(() => memory.sequence(0, REPLAY_STEPS));
    }
    memory.push(inputs.x, inputs.targets);
    state.adapter?.settle(memory.pushed - 1, inputs.targets);
    if (this.#schedule.observeError(Math.abs(inputs.targets[0] - state.said))) {
      this.#options.onStatus?.({ kind: "drift", series: frame.series, step: frame.step });
    }
    return state;
  }

  #makeSeries(): SeriesNetwork {
    const { horizon, covariates = 0, memorySteps } = this.#options;
    const steps = memorySteps ??
      MEMORY_STEPS.find(({ below }) => this.#series.size < below)!.steps;
    return {
      row: this.#network.states.allocateRow(),
      inputs: new NetworkInputs(horizon, covariates),
      memory: new NetworkMemory(steps, networkInputSize(covariates), horizon),
      adapter: this.#series.size < ADAPTED_SERIES_MAX ? this.#makeAdapter() : undefined,
      said: NaN,
      version: this.#version,
      kept: new Float32Array(this.#network.states.rowLength),
      keptAt: 0,
    };
  }

  #makeAdapter(): NetworkAdapter {
    const { horizon, covariates = 0 } = this.#options;
    return new NetworkAdapter(horizon, networkInputSize(covariates));
  }

  /** Copies states to the host whose copy has grown old. @returns What is to be waited for. */
  #keep(series: readonly SeriesNetwork[]): (void | Promise<void>)[] {
    // What the host sees anyway is copied when it is asked for.
    if (this.#network.onHost) return [];
    const old = series.filter(({ memory, keptAt }) =>
      memory.pushed - keptAt >= Math.min(KEEP_EVERY_STEPS, memory.limit)
    );
    return old.map((state) => this.#keepNow(state));
  }

  #keepNow(state: SeriesNetwork): void | Promise<void> {
    state.kept = new Float32Array(state.kept.length);
    state.keptAt = state.memory.pushed;
    return this.#network.states.readRow(state.row, state.kept);
  }

  /**
   * Recomputes states from the memory through the parameters in use.
   *
   * @param series Whose.
   * @param skip How many of the latest steps are left out.
   */
  #refresh(series: readonly SeriesNetwork[], skip: number): void {
    const zero = new Float32Array(this.#network.states.rowLength);
    for (const state of series) {
      const { length, pushed } = state.memory;
      state.version = this.#version;
      state.kept = zero;
      state.keptAt = pushed - skip - Math.min(CONTEXT_STEPS, length - skip);
    }
    this.#catchUp(series, skip);
  }

  /**
   * Takes states from what is kept of them through the steps since: all series step side by side, those
   * with more to repeat first.
   *
   * @param series Whose.
   * @param skip How many of the latest steps are left out.
   */
  #catchUp(series: readonly SeriesNetwork[], skip: number): void {
    const lengthOf = ({ memory, keptAt }: SeriesNetwork): number => memory.pushed - skip - keptAt;
    const sorted = series.toSorted((a, b) => lengthOf(b) - lengthOf(a));
    const { inputSize } = this.#network.architecture;
    for (let start = 0; start < sorted.length; start += this.#network.batch) {
      const part = sorted.slice(start, start + this.#network.batch);
      part.forEach(({ row, kept }, index) => {
        this.#network.states.writeRow(row, kept);
        this.#rows[index] = row;
      });
      for (let back = lengthOf(part[0]); back > 0; back--) {
        let count = 0;
        while (count < part.length && lengthOf(part[count]) >= back) {
          part[count].memory.readInputs(back - 1 + skip, this.#x, count * inputSize);
          count++;
        }
        this.#network.step(this.#x, this.#rows, count);
      }
    }
  }

  /** Turns outputs into points. */
  #say(part: readonly SeriesNetwork[], points: Float64Array[]): void {
    const { outputSize } = this.#network.architecture;
    const width = headWidth(this.#head);
    const { horizon } = this.#head;
    const all = new Float64Array(part.length * horizon);
    for (let index = 0; index < part.length; index++) {
      const state = part[index];
      const { anchors, scales } = state.inputs;
      const point = all.subarray(index * horizon, (index + 1) * horizon);
      for (let h = 0; h < point.length; h++) {
        point[h] = this.#point(index * outputSize + h * width, width);
      }
      state.adapter?.adapt(state.memory.pushed - 1, state.inputs.x, point);
      state.said = point[0];
      let finite = true;
      for (let h = 0; h < point.length; h++) {
        point[h] = anchors[h] + scales[h] * point[h];
        finite &&= Number.isFinite(point[h]);
      }
      points.push(finite ? point : point.fill(NaN));
    }
  }

  /** The middle of what the head says. */
  #point(at: number, width: number): number {
    const { loss, levels } = this.#head;
    if (loss !== "pinball") return this.#outputs[at];
    let sum = 0;
    let count = 0;
    for (let j = 0; j < width; j++) {
      if (levels![j] < MIDDLE_LEVELS[0] || levels![j] > MIDDLE_LEVELS[1]) continue;
      sum += this.#outputs[at + j];
      count++;
    }
    return sum / count;
  }

  /** What a retraining started now would be; undefined where there is too little to learn from. */
  #makeTask(): LearningTask | undefined {
    const kept = [...this.#series.values()].map(({ memory }) => memory)
      .filter(({ length }) => length >= SEQUENCE_STEPS_MIN);
    if (kept.length === 0) return undefined;
    const seed = (this.#options.seed ?? 1) * 1009 + this.#tasks++;
    const chosen = new Uint32Array(kept.length).map((_, k) => k);
    if (kept.length * SEQUENCE_STEPS_MIN > TASK_STEPS_MAX) new Random(seed).shuffle(chosen);
    const training = [...this.#replay.windows];
    const validation: TrainingSequence[] = [];
    const trial: TrainingSequence[] = [];
    const share = Math.max(SEQUENCE_STEPS_MIN, Math.floor(TASK_STEPS_MAX / kept.length));
    let steps = 0;
    for (const index of chosen) {
      const memory = kept[index];
      const first = memory.length - Math.min(memory.length, share);
      const count = memory.length - first;
      if ((steps += count) > TASK_STEPS_MAX) break;
      const trialFrom = first + Math.floor(count * (1 - TRIAL_SHARE));
      const validationFrom = first + Math.floor(count * (1 - TRIAL_SHARE - VALIDATION_SHARE));
      training.push(labelled(memory, this.#head.horizon, first, 0, validationFrom));
      validation.push(
        labelled(memory, this.#head.horizon, validationFrom, CONTEXT_STEPS, trialFrom),
      );
      trial.push(labelled(memory, this.#head.horizon, trialFrom, CONTEXT_STEPS, memory.length));
    }
    return { ...this.#task(this.#parameters, seed), training, validation, trial };
  }

  #task(champion: Float32Array, seed: number): Omit<LearningTask, "training"> {
    return {
      architecture: this.#network.architecture,
      head: this.#head,
      trainer: { ...TRAINER, ...this.#options.trainer },
      seed,
      champion,
      predecessor: this.#predecessor,
      validation: [],
      trial: [],
    };
  }

  #start(task: LearningTask, why: LearningRun["why"]): void {
    const outcome = this.#runner.run(task).catch((error) => {
      return error instanceof Error ? error : new Error(String(error));
    });
    this.#pending = { task, why, outcome };
  }

  /** The verdict on a retraining. */
  async #settle(pending: Pending): Promise<void> {
    const outcome = await pending.outcome;
    if (this.#pending !== pending) return;
    this.#pending = undefined;
    const sequence = this.#schedule.frames;
    if (outcome instanceof Error) {
      this.#options.onStatus?.({
        kind: "degraded",
        part: "training",
        detail: outcome.message,
      });
      return;
    }
    const { candidate, championLoss, candidateLoss, predecessorLoss, curve } = outcome;
    const best = Math.min(
      championLoss,
      candidateLoss,
      Number.isNaN(predecessorLoss) ? Infinity : predecessorLoss,
    );
    let verdict: LearningRun["verdict"] = "rejected";
    if (candidate.every(Number.isFinite) && candidateLoss < championLoss && candidateLoss <= best) {
      verdict = "promoted";
      this.#adopt(candidate);
    } else if (predecessorLoss < championLoss && this.#predecessor) {
      verdict = "rolled-back";
      this.#adopt(this.#predecessor);
    }
    this.#runs.push({
      startedAt: this.#schedule.startFrame,
      endedAt: sequence,
      why: pending.why,
      verdict,
      version: this.#version,
      championLoss,
      candidateLoss,
      predecessorLoss,
      curve,
    });
    if (this.#runs.length > RUNS_KEPT) this.#runs.shift();
    if (verdict === "promoted") {
      const version = this.#version;
      this.#options.onStatus?.({
        kind: "promoted",
        sequence,
        version,
        championLoss,
        candidateLoss,
      });
    } else {
      const why = verdict === "rolled-back"
        ? "the parameters before the present ones do better"
        : "it is not better on the latest ticks";
      this.#options.onStatus?.({
        kind: "candidate-rejected",
        sequence,
        why,
        championLoss,
        candidateLoss,
      });
    }
  }

  /** Exchanges the parameters; each series' state is recomputed when it steps next. */
  #adopt(parameters: Float32Array): void {
    this.#predecessor = this.#parameters;
    this.#parameters = parameters;
    this.#version++;
    this.#network.setParameters(parameters);
  }

  #restoreSeries(
    series: readonly SeriesEntry[],
    arrays: Snapshot["arrays"],
  ): void {
    for (const { row } of this.#series.values()) this.#network.states.releaseRow(row);
    this.#series.clear();
    series.forEach(([name, pushed, said, version, keptAt], index) => {
      const state = this.#makeSeries();
      const reader = new StateReader(arrays[`series.${index}.inputs`] as Float64Array);
      state.inputs.load(reader);
      state.adapter = reader.done ? undefined : this.#makeAdapter();
      state.adapter?.load(reader);
      state.memory.restore(
        pushed,
        arrays[`series.${index}.x`],
        arrays[`series.${index}.targets`],
      );
      state.said = said ?? NaN;
      state.version = version;
      const kept = arrays[`series.${index}.state`];
      if (
        !(kept instanceof Float32Array) || kept.length !== this.#network.states.rowLength ||
        !(keptAt <= pushed && pushed - keptAt <= state.memory.length)
      ) {
        throw new SyntaxError(`Cannot restore network: the state of series ${name} is damaged`);
      }
      state.kept = kept.slice();
      state.keptAt = keptAt;
      this.#series.set(name, state);
    });
    // A state that other parameters have made is recomputed when its series steps next.
    const current = [...this.#series.values()].filter(({ version }) => version === this.#version);
    this.#catchUp(current, 0);
  }

  #configuration(): Record<string, unknown> {
    const { seed = 1, covariates = 0, memorySteps = null } = this.#options;
    return {
      format: FORMAT,
      architecture: this.#network.architecture,
      head: this.#head,
      covariates,
      memorySteps,
      plan: this.#plan,
      seed,
    };
  }
}

/** What a snapshot's manifest says of a series: name, steps pushed, last word, version, when kept. */
type SeriesEntry = [string, number, number, number, number];

const TASK_PARTS = ["training", "validation", "trial"] as const;

/**
 * Steps `from` … `to` of a memory, with the steps before as context whose targets do not count, and
 * without the targets that lie at `to` or later.
 */
function labelled(
  memory: NetworkMemory,
  horizon: number,
  from: number,
  context: number,
  to: number,
): TrainingSequence {
  const first = Math.max(0, from - context);
  const sequence = memory.sequence(first, to);
  const { mask } = sequence;
  mask.fill(0, 0, (from - first) * horizon);
  for (let step = from; step < to; step++) {
    for (let h = Math.max(0, to - 1 - step); h < horizon; h++) {
      mask[(step - first) * horizon + h] = 0;
    }
  }
  return sequence;
}

function putSequences(
  arrays: Snapshot["arrays"],
  name: string,
  sequences: readonly TrainingSequence[],
): void {
  sequences.forEach(({ inputs, targets, mask }, index) => {
    arrays[`${name}.${index}.inputs`] = inputs;
    arrays[`${name}.${index}.targets`] = targets;
    arrays[`${name}.${index}.mask`] = mask;
  });
}

function takeSequences(
  arrays: Snapshot["arrays"],
  name: string,
  count: number,
): TrainingSequence[] {
  return Array.from({ length: count }, (_, index) => {
    const [inputs, targets, mask] = ["inputs", "targets", "mask"].map((part) =>
      arrays[`${name}.${index}.${part}`]
    );
    if (
      !(inputs instanceof Float32Array && targets instanceof Float32Array &&
        mask instanceof Float32Array)
    ) {
      throw new SyntaxError(`Cannot restore network: ${name} ${index} is damaged`);
    }
    return { inputs, targets, mask };
  });
}

/** Says how long ago an input was; the effects of long ago are told together. */
function agoName(back: number): string {
  if (back === 0) return "now";
  if (back > TOLD_STEPS) return `more than ${TOLD_STEPS} steps ago`;
  return `${back} step${back > 1 ? "s" : ""} ago`;
}
