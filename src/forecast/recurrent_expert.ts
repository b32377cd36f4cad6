import { type LeastSquaresSlab, openBackend } from "../../kernels/mod.ts";
import type { Frame } from "../../streams/mod.ts";
import { CONTEXT_STEPS } from "../learn/learning_material.ts";
import type { LearningRunner } from "../learn/learning_runner.ts";
import { OnlineLearner } from "../learn/online_learner.ts";
import { type Head, headWidth } from "../model/head.ts";
import { initialParameters } from "../model/initialisation.ts";
import type { Network } from "../model/network.ts";
import { Parameters } from "../model/parameters.ts";
import { Random } from "../model/random.ts";
import type { Contribution } from "./explanation.ts";
import type { GradualSnapshot, KeepArray, Snapshot } from "./forecaster.ts";
import { wholeSnapshot } from "./gradual_snapshot.ts";
import type { Guest, SeriesView } from "./guest.ts";
import { integratedGradients } from "./integrated_gradients.ts";
import { LateCopy } from "./late_copy.ts";
import type { Learner, LearningState, NetworkModel } from "./learner.ts";
import { adapterRegressions, NetworkAdapter } from "./network_adapter.ts";
import { networkInputGroup, NetworkInputs } from "./network_inputs.ts";
import { NetworkMemory, NetworkPages } from "./network_memory.ts";
import { type NetworkState, NetworkStates } from "./network_states.ts";
import { MIDDLE_LEVELS, recurrentDesign, type RecurrentExpertOptions } from "./recurrent_design.ts";
import { SeriesLayout } from "./series_layout.ts";
import { StateReader, StateWriter } from "./state_buffer.ts";

const FORMAT = "tickcast-recurrent-expert-2";
/** Steps back to which an explanation tells inputs one by one. */
const TOLD_STEPS = 4;
/** Steps of a window of the past that is remembered for longer. */
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

/** What is kept of one series. */
interface SeriesNetwork extends NetworkState {
  /** What is known of it, as the expert's layout says. */
  readonly numbers: Float64Array;
  /** What corrects it between retrainings, where it is one of the first. */
  readonly adapter: NetworkAdapter | undefined;
}

/** What enters a step of some series, which they are, and what leaves it, a row each. */
interface StepArrays {
  readonly x: Float32Array;
  readonly rows: Uint32Array;
  readonly outputs: Float32Array;
}

/** What a snapshot's manifest says of a series: name, steps pushed, last word, version, when kept. */
type SeriesEntry = [string, number, number, number, number];
/** Numbers of it. */
const ENTRY_NUMBERS = 4;

/**
 * A recurrent network as an expert of an {@linkcode OnlineForecaster}: one network for all series, each
 * with a state of its own that is carried from tick to tick, so that a new tick costs one step. It
 * starts as its anchors ({@linkcode NetworkInputs}), and keeps learning ({@linkcode OnlineLearner}):
 * retrainings run aside on what was seen lately and a memory of what was seen before, and their outcome
 * replaces the parameters only where it is better on later ticks.
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
  readonly #options: RecurrentExpertOptions;
  readonly #onDispose: () => void;
  readonly #head: Head;
  readonly #online: OnlineLearner;
  readonly #states: NetworkStates;
  readonly #series = new Map<string, SeriesNetwork>();
  readonly #layout = new SeriesLayout();
  readonly #inputs: NetworkInputs;
  /** Where the numbers of a series tell what was said last of its next step, in typical errors. */
  readonly #said: number;
  #pages: NetworkPages;
  #regressions: LeastSquaresSlab;
  /** What enters and leaves a step of as many series as go together, and the parts of it last used. */
  readonly #whole: StepArrays;
  #part: StepArrays;
  /** Which of the head's outputs of a step ahead are averaged to a point. */
  readonly #middle: { readonly from: number; readonly to: number };
  /** What was said at the last step. */
  #points: readonly Float64Array[] = [];

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
    const { seed = 1, plan, trainer, onStatus } = options;
    this.#network = network;
    this.#options = options;
    this.#onDispose = onDispose;
    this.#head = head;
    this.#states = new NetworkStates(network);
    const parameters = options.model?.parameters.values.slice() ??
      initialParameters(architecture, new Random(seed), {
        recurrent: "orthogonal",
        forgetBias: 1,
      }).values;
    const use = (values: Float32Array): void => network.setParameters(values);
    const teaching = { architecture, head, parameters, seed, plan, trainer, use, onStatus };
    this.#online = new OnlineLearner(runner, teaching);
    const { horizon, covariates = 0 } = options;
    this.#inputs = new NetworkInputs(this.#layout, horizon, covariates);
    this.#said = this.#layout.reserve(1, NaN);
    this.#pages = new NetworkPages(architecture.inputSize, horizon);
    this.#regressions = adapterRegressions(horizon, architecture.inputSize, ADAPTED_SERIES_MAX);
    this.#part = this.#whole = {
      x: new Float32Array(network.batch * architecture.inputSize),
      rows: new Uint32Array(network.batch),
      outputs: new Float32Array(network.batch * architecture.outputSize),
    };
    this.#middle = middleOf(head);
  }

  /** Itself. */
  get learner(): Learner {
    return this;
  }

  /** The version of its parameters. */
  get version(): number {
    return this.#online.version;
  }

  /** What does many rows side by side is called seldom, with as many as it takes. */
  get framesAtOnce(): number | undefined {
    return this.#network.parallel ? this.#network.batch : undefined;
  }

  /** Where it stands. */
  get learning(): LearningState {
    const { cell, layers, hiddenSize } = this.#network.architecture;
    const { version, frozen, training, runs, parameters } = this.#online;
    return {
      version,
      frozen,
      training,
      runs,
      description:
        `${cell}, ${layers} × ${hiddenSize} units, ${parameters.length} parameters, on ` +
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
    if (this.#points.length !== frames.length) this.#points = pointsOf(frames.length, this.#head);
    const points = this.#points;
    const waiting = this.#stepFrom(0, frames, views, points);
    return waiting ? waiting.then(() => points) : points;
  }

  /** Frames until it is time to look whether anything is due. */
  framesUntilLearning(): number {
    return this.#online.framesUntilLearning();
  }

  /** Takes an outcome in where it is due, and starts a retraining where one is. */
  learn(): Promise<void> {
    return this.#online.learn(() => [...this.#series.values()].map(({ memory }) => memory));
  }

  /** Starts a retraining as soon as none is under way. */
  retrain(): void {
    this.#online.schedule.ask();
  }

  /** Goes back to the parameters before the last change. */
  rollBack(): Promise<boolean> {
    return Promise.resolve(this.#online.rollBack());
  }

  /** Stops or resumes retraining; one under way is dropped. */
  freeze(frozen: boolean): void {
    this.#online.freeze(frozen);
  }

  /** A copy of the network as it is. */
  exportModel(): NetworkModel {
    return {
      parameters: new Parameters(this.#network.architecture, this.#online.parameters.slice()),
      head: this.#head,
      covariates: this.#options.covariates ?? 0,
    };
  }

  /** Goes on with a network trained elsewhere. */
  adopt({ parameters, head, covariates }: NetworkModel): void {
    const { architecture } = parameters;
    this.#requireSame({ architecture, head, covariates }, "Cannot take model", "model");
    this.#online.adopt(parameters.values.slice());
  }

  /** Everything needed to go on. */
  snapshot(): Snapshot {
    return wholeSnapshot((keep) => this.beginSnapshot(keep), this.#series.keys());
  }

  /** The same a series at a time. */
  beginSnapshot(keep: KeepArray): GradualSnapshot {
    const shared: Snapshot["arrays"] = {};
    const learning = this.#online.save(shared);
    // These are copies, or never change.
    for (const [name, array] of Object.entries(shared)) {
      keep(name, array.subarray(0, 0), LateCopy.of(array));
    }
    const writer = new StateWriter();
    const places = new Map([...this.#series.keys()].map((name, place) => [name, place]));
    const entries = new Float64Array(ENTRY_NUMBERS * places.size);
    return {
      take: (name): void => {
        const place = places.get(name)!;
        const each = this.#series.get(name)!;
        this.#inputs.save(each.numbers, writer);
        each.adapter?.save(writer);
        keep(`series.${place}.inputs`, ...writer.pieces());
        const memory = each.memory.snapshot();
        keep(`series.${place}.x`, ...memory.inputs);
        keep(`series.${place}.targets`, ...memory.targets);
        const { kept, keptAt } = this.#states.copyOf(each);
        keep(`series.${place}.state`, kept);
        const at = ENTRY_NUMBERS * place;
        entries[at] = memory.pushed;
        entries[at + 1] = each.numbers[this.#said];
        entries[at + 2] = each.version;
        entries[at + 3] = keptAt;
      },
      finish: () => ({
        ...this.#configuration(),
        ...learning,
        series: Array.from(places, ([name, place]) => {
          const at = ENTRY_NUMBERS * place;
          return [name, ...entries.subarray(at, at + ENTRY_NUMBERS)];
        }),
      }),
    };
  }

  /**
   * Goes on from a snapshot.
   *
   * @throws {SyntaxError} when it is of another configuration or damaged.
   */
  restore({ manifest, arrays }: Snapshot): void {
    const own = this.#configuration();
    const kept = Object.fromEntries(Object.keys(own).map((name) => [name, manifest[name]]));
    this.#requireSame(kept, "Cannot restore network", "snapshot");
    const { series } = manifest;
    if (
      !Array.isArray(series) ||
      !series.every((_, index) => arrays[`series.${index}.inputs`] instanceof Float64Array)
    ) {
      throw new SyntaxError("Cannot restore network: its series are damaged");
    }
    this.#online.load(manifest, arrays);
    this.#restoreSeries(series as SeriesEntry[], arrays);
  }

  /** Ends the training and gives the device memory back. */
  dispose(): void {
    this.#series.clear();
    this.#online.dispose();
    this.#network.dispose();
    this.#onDispose();
  }

  /**
   * What moved its point away from the last value: the anchor, what the network makes of its inputs, by
   * integrated gradients over the steps that its state is recomputed from, and its adapter. Inputs of
   * the latest steps are told one by one, earlier ones together.
   */
  async explain(series: string, ahead: number, baseline: number): Promise<Contribution[]> {
    const known = this.#series.get(series);
    if (known === undefined) return [];
    const { numbers, adapter, memory } = known;
    const { architecture } = this.#network;
    const { inputSize, outputSize } = architecture;
    const steps = Math.min(CONTEXT_STEPS, memory.length);
    const x = new Float32Array(steps * inputSize);
    for (let back = 0; back < steps; back++) {
      memory.readInputs(back, x, (steps - 1 - back) * inputSize);
    }
    const wanted = new Float32Array(outputSize);
    const width = headWidth(this.#head);
    // The middle of what the head says is linear in its outputs.
    const { from, to } = this.#middle;
    for (let j = from; j < to; j++) wanted[(ahead - 1) * width + j] = 1 / (to - from);
    const backend = await openBackend("wasm");
    try {
      const attribution = await integratedGradients(
        ...[backend, architecture, this.#online.parameters, x, wanted] as const,
      );
      const scale = this.#inputs.scale(numbers, ahead);
      const sums = new Map<string, number>();
      const add = (input: string, value: number): void => {
        sums.set(input, (sums.get(input) ?? 0) + scale * value);
      };
      attribution.contributions.forEach((value, at) => {
        const back = steps - 1 - Math.floor(at / inputSize);
        add(`network: ${networkInputGroup(at % inputSize)}, ${agoName(back)}`, value);
      });
      const [offset, ...corrections] = adapter?.explain(memory.pushed - 1, ahead) ?? [0];
      corrections.forEach((value, index) =>
        add(`network: ${networkInputGroup(index)}, now`, value)
      );
      sums.set("network: offset", scale * (attribution.saidOfZeros + offset));
      sums.set("usual value of the slot", this.#inputs.anchor(numbers, ahead) - baseline);
      return [...sums].map(([input, value]) => ({ input, value }));
    } finally {
      backend.dispose();
    }
  }

  /** Steps the frames from `start` on, as many at once as go together. */
  #stepFrom(
    start: number,
    frames: readonly Frame[],
    views: readonly SeriesView[],
    points: readonly Float64Array[],
  ): void | Promise<void> {
    const { batch } = this.#network;
    for (; start < frames.length; start += batch) {
      const count = Math.min(batch, frames.length - start);
      const part = new Array<SeriesNetwork>(count);
      // All are looked up before any is worked on: what is far in memory is then waited for together.
      for (let row = 0; row < count; row++) part[row] = this.#seriesOf(frames[start + row].series);
      for (let row = 0; row < count; row++) {
        this.#take(part[row], frames[start + row], views[start + row], row);
      }
      const first = start;
      const waits = this.#stepTogether(part);
      if (waits.length > 0) {
        return Promise.all(waits).then(() => {
          this.#say(part, points, first);
          return this.#stepFrom(first + batch, frames, views, points);
        });
      }
      this.#say(part, points, first);
    }
  }

  /** Takes a frame into the memory of its series, and what is to be seen of it into a row of the step. */
  #take(series: SeriesNetwork, frame: Frame, view: SeriesView, row: number): void {
    const { schedule } = this.#online;
    const { numbers, adapter, memory } = series;
    const { x } = this.#whole;
    const at = row * this.#network.architecture.inputSize;
    this.#inputs.observe(numbers, view, frame.time, frame.values, x, at);
    // What is about to be overwritten may be remembered for longer.
    if (memory.pushed >= memory.limit && memory.pushed % REPLAY_STEPS === 0) {
      this.#online.offer(() => memory.sequence(0, REPLAY_STEPS));
    }
    const { targets } = this.#inputs;
    memory.push(x, at, targets);
    adapter?.settle(memory.pushed - 1, targets);
    schedule.observe(1, frame.time, this.#series.size);
    if (schedule.observeError(Math.abs(targets[0] - numbers[this.#said]))) {
      this.#options.onStatus?.({ kind: "drift", series: frame.series, step: frame.step });
    }
  }

  #seriesOf(name: string): SeriesNetwork {
    let series = this.#series.get(name);
    if (series === undefined) {
      series = this.#makeSeries();
      this.#series.set(name, series);
    }
    return series;
  }

  #makeSeries(): SeriesNetwork {
    const { memorySteps } = this.#options;
    const steps = memorySteps ??
      MEMORY_STEPS.find(({ below }) => this.#series.size < below)!.steps;
    const memory = new NetworkMemory(steps, this.#pages);
    return {
      ...this.#states.start(memory, this.version),
      numbers: this.#layout.makeMemory(),
      adapter: this.#series.size < ADAPTED_SERIES_MAX
        ? new NetworkAdapter(this.#regressions)
        : undefined,
    };
  }

  /** One step of as many series as go together. @returns What is to be waited for. */
  #stepTogether(part: readonly SeriesNetwork[]): Promise<void>[] {
    const { version } = this;
    const { x, rows, outputs } = this.#arraysOf(part.length);
    let isStale = false;
    for (let row = 0; row < part.length; row++) {
      rows[row] = part[row].row;
      isStale ||= part[row].version !== version;
    }
    if (isStale) {
      this.#states.refresh(part.filter((series) => series.version !== version), version, 1);
    }
    this.#network.step(x, rows, part.length);
    const read = this.#network.readOutputs(outputs);
    const waits = this.#states.keepOld(part);
    return read === undefined ? waits : [read, ...waits];
  }

  /** The arrays of a step of so many series: the same views as for the last one, as a rule. */
  #arraysOf(count: number): StepArrays {
    if (this.#part.rows.length !== count) {
      const { inputSize, outputSize } = this.#network.architecture;
      const { x, rows, outputs } = this.#whole;
      this.#part = {
        x: x.subarray(0, count * inputSize),
        rows: rows.subarray(0, count),
        outputs: outputs.subarray(0, count * outputSize),
      };
    }
    return this.#part;
  }

  /** Turns outputs into points, which go from place `first` on. */
  #say(part: readonly SeriesNetwork[], points: readonly Float64Array[], first: number): void {
    const { inputSize, outputSize } = this.#network.architecture;
    const { x, outputs } = this.#whole;
    const width = headWidth(this.#head);
    const { from, to } = this.#middle;
    for (let row = 0; row < part.length; row++) {
      const { numbers, adapter, memory } = part[row];
      const point = points[first + row];
      for (let h = 0; h < point.length; h++) {
        const at = row * outputSize + h * width;
        let sum = 0;
        for (let j = from; j < to; j++) sum += outputs[at + j];
        point[h] = sum / (to - from);
      }
      adapter?.adapt(memory.pushed - 1, x, row * inputSize, point);
      numbers[this.#said] = point[0];
      let finite = true;
      for (let h = 0; h < point.length; h++) {
        point[h] = this.#inputs.anchor(numbers, h + 1) +
          this.#inputs.scale(numbers, h + 1) * point[h];
        finite &&= Number.isFinite(point[h]);
      }
      if (!finite) point.fill(NaN);
    }
  }

  #restoreSeries(series: readonly SeriesEntry[], arrays: Snapshot["arrays"]): void {
    for (const { row } of this.#series.values()) this.#network.states.releaseRow(row);
    this.#series.clear();
    const { inputSize, horizon } = this.#pages;
    this.#pages = new NetworkPages(inputSize, horizon);
    this.#regressions = adapterRegressions(horizon, inputSize, ADAPTED_SERIES_MAX);
    series.forEach(([name, pushed, said, version, keptAt], index) => {
      const each = this.#makeSeries();
      const reader = new StateReader(arrays[`series.${index}.inputs`] as Float64Array);
      this.#inputs.load(each.numbers, reader);
      each.adapter?.load(reader);
      each.numbers[this.#said] = said ?? NaN;
      each.memory.restore(pushed, arrays[`series.${index}.x`], arrays[`series.${index}.targets`]);
      each.version = version;
      const kept = arrays[`series.${index}.state`];
      if (
        !(kept instanceof Float32Array) || kept.length !== this.#network.states.rowLength ||
        !(keptAt <= pushed && pushed - keptAt <= each.memory.length)
      ) {
        throw new SyntaxError(`Cannot restore network: the state of series ${name} is damaged`);
      }
      each.kept = kept.slice();
      each.keptAt = keptAt;
      this.#series.set(name, each);
    });
    // A state that other parameters have made is recomputed when its series steps next.
    const states = [...this.#series.values()];
    this.#states.catchUp(states.filter(({ version }) => version === this.version), 0);
  }

  /** @throws {SyntaxError} when something is described that differs from what it is here. */
  #requireSame(other: Record<string, unknown>, problem: string, where: string): void {
    const own = this.#configuration();
    for (const [name, value] of Object.entries(other)) {
      if (JSON.stringify(own[name]) === JSON.stringify(value)) continue;
      throw new SyntaxError(
        `${problem}: the network's ${name} is ${JSON.stringify(own[name])}, ` +
          `the ${where}'s is ${JSON.stringify(value)}`,
      );
    }
  }

  #configuration(): Record<string, unknown> {
    const { seed = 1, covariates = 0, memorySteps = null } = this.#options;
    const { architecture } = this.#network;
    const { plan } = this.#online;
    return { format: FORMAT, architecture, head: this.#head, covariates, memorySteps, plan, seed };
  }
}

/** The outputs that lie in the middle of what a head says of a step ahead. */
function middleOf({ loss, levels = [] }: Head): { from: number; to: number } {
  if (loss !== "pinball") return { from: 0, to: 1 };
  const [low, high] = MIDDLE_LEVELS;
  const from = levels.filter((level) => level < low).length;
  return { from, to: levels.filter((level) => level <= high).length };
}

/** Room for what is said of some series `[horizon]` each, in one array. */
function pointsOf(series: number, { horizon }: Head): readonly Float64Array[] {
  const all = new Float64Array(series * horizon);
  return Array.from({ length: series }, (_, k) => all.subarray(k * horizon, (k + 1) * horizon));
}

/** Says how long ago an input was; the effects of long ago are told together. */
function agoName(back: number): string {
  if (back === 0) return "now";
  if (back > TOLD_STEPS) return `more than ${TOLD_STEPS} steps ago`;
  return `${back} step${back > 1 ? "s" : ""} ago`;
}
