import type { StatusListener } from "../../streams/mod.ts";
import type { Architecture } from "../model/architecture.ts";
import type { Head } from "../model/head.ts";
import { gatherMaterial, type TrainingSource } from "./learning_material.ts";
import type { LearningRun } from "./learning_run.ts";
import type { LearningRunner } from "./learning_runner.ts";
import { type LearningPlan, LearningSchedule } from "./learning_schedule.ts";
import type { LearningOutcome, LearningTask } from "./learning_task.ts";
import { ReplayMemory } from "./replay_memory.ts";
import { type NamedArrays, putSequences, takeSequences } from "./sequence_arrays.ts";
import type { TrainerOptions } from "./trainer.ts";
import type { TrainingSequence } from "./training_sequence.ts";

/** Windows of the far past that are remembered. */
const REPLAY_WINDOWS = 32;
/** Retrainings that are remembered for whoever looks. */
const RUNS_KEPT = 64;
const TASK_PARTS = ["training", "validation", "trial"] as const;

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

/** What an {@linkcode OnlineLearner} teaches, and how. */
export interface OnlineLearnerOptions {
  /** The network. */
  readonly architecture: Architecture;
  /** What its outputs mean, and the loss. */
  readonly head: Head;
  /** The parameters to begin with; not copied. */
  readonly parameters: Float32Array;
  /** Where its chance comes from. */
  readonly seed: number;
  /** When it is trained anew, where that differs from the default; `false` for never. */
  readonly plan?: Partial<LearningPlan> | false;
  /** How it is trained, where that differs from the default. */
  readonly trainer?: Partial<TrainerOptions>;
  /** Takes the parameters in use whenever they change. */
  readonly use: (parameters: Float32Array) => void;
  /** Hears of retrainings and their verdicts. */
  readonly onStatus?: StatusListener;
}

/** A retraining under way. */
interface Pending {
  readonly task: LearningTask;
  readonly why: LearningRun["why"];
  readonly outcome: Promise<LearningOutcome | Error>;
}

/**
 * Keeps a network learning from a stream: decides when it is retrained and on what, and what of the
 * outcome is used. The parameters in use, those just trained and those in use before are tried on the
 * latest ticks, which none was trained on; the best of the three are used from then on. At which frame
 * that happens depends on the ticks alone, wherever and however fast training runs.
 */
export class OnlineLearner {
  /** Frames and drift: when something is due. */
  readonly schedule: LearningSchedule;
  readonly #runner: LearningRunner;
  readonly #options: OnlineLearnerOptions;
  readonly #replay: ReplayMemory;
  readonly #runs: LearningRun[] = [];
  #parameters: Float32Array;
  #predecessor: Float32Array | undefined;
  #version = 0;
  #frozen: boolean;
  #pending: Pending | undefined;
  #tasks = 0;

  /** @param runner Where it is trained; disposed of with the learner. */
  constructor(runner: LearningRunner, options: OnlineLearnerOptions) {
    this.#runner = runner;
    this.#options = options;
    this.#frozen = options.plan === false;
    this.schedule = new LearningSchedule(this.plan);
    this.#replay = new ReplayMemory(REPLAY_WINDOWS, options.seed);
    this.#parameters = options.parameters;
    options.use(this.#parameters);
  }

  /** When it is trained anew. */
  get plan(): LearningPlan {
    return { ...PLAN, ...this.#options.plan };
  }

  /** The parameters in use; not a copy. */
  get parameters(): Float32Array {
    return this.#parameters;
  }

  /** Their version: 0 at first, one more with each change. */
  get version(): number {
    return this.#version;
  }

  /** Whether it stands still on request. */
  get frozen(): boolean {
    return this.#frozen;
  }

  /** Whether a retraining is under way. */
  get training(): boolean {
    return this.#pending !== undefined;
  }

  /** The latest retrainings, the oldest first. */
  get runs(): readonly LearningRun[] {
    return [...this.#runs];
  }

  /** Frames until it is time to look whether anything is due. */
  framesUntilLearning(): number {
    return this.#frozen && this.#pending === undefined ? Infinity : this.schedule.untilLook();
  }

  /** Shows a window of the past that is about to be forgotten; it is copied only where it is kept. */
  offer(window: () => TrainingSequence): void {
    this.#replay.offer(window);
  }

  /**
   * Takes an outcome in where it is due, and starts a retraining where one is.
   *
   * @param sources What was kept of each series.
   */
  async learn(sources: () => readonly TrainingSource[]): Promise<void> {
    if (this.#pending !== undefined) {
      if (this.schedule.settles()) await this.#settle(this.#pending);
      return;
    }
    if (this.#frozen) return;
    const why = this.schedule.due();
    if (why === undefined) return;
    const seed = this.#options.seed * 1009 + this.#tasks;
    const material = gatherMaterial(sources(), this.#options.head.horizon, seed);
    if (material === undefined) return;
    this.#tasks++;
    this.schedule.start();
    this.#options.onStatus?.({ kind: "retraining", sequence: this.schedule.frames, why });
    const { training, validation, trial } = material;
    this.#start({
      ...this.#task(this.#parameters, seed),
      training: [...this.#replay.windows, ...training],
      validation,
      trial,
    }, why);
  }

  /** Goes back to the parameters before the last change. False where there are none. */
  rollBack(): boolean {
    if (this.#predecessor === undefined) return false;
    this.adopt(this.#predecessor);
    return true;
  }

  /** Goes on with other parameters, not copied. What is being trained began from those given up. */
  adopt(parameters: Float32Array): void {
    this.#pending = undefined;
    this.#exchange(parameters);
  }

  /** Stops or resumes retraining; one under way is dropped. */
  freeze(frozen: boolean): void {
    this.#frozen = frozen;
    if (frozen) this.#pending = undefined;
  }

  /** Puts everything needed to go on among a snapshot's arrays; returns the rest, safe for JSON. */
  save(arrays: NamedArrays): Record<string, unknown> {
    arrays.parameters = this.#parameters.slice();
    arrays.schedule = this.schedule.snapshot();
    if (this.#predecessor) arrays.predecessor = this.#predecessor.slice();
    const { windows, offered, random } = this.#replay.snapshot();
    arrays["replay.random"] = random;
    putSequences(arrays, "replay", windows);
    const { task, why } = this.#pending ?? {};
    if (task) {
      arrays["task.champion"] = task.champion;
      for (const part of TASK_PARTS) putSequences(arrays, `task.${part}`, task[part]);
    }
    return {
      version: this.#version,
      frozen: this.#frozen,
      tasks: this.#tasks,
      runs: structuredClone(this.#runs),
      replay: { windows: windows.length, offered },
      task: task && { why, seed: task.seed, parts: TASK_PARTS.map((part) => task[part].length) },
    };
  }

  /**
   * Goes on from what {@linkcode save} gave; a retraining that was under way starts again.
   *
   * @throws {SyntaxError} when it is damaged.
   */
  load(manifest: Record<string, unknown>, arrays: NamedArrays): void {
    const { parameters, schedule, predecessor } = arrays;
    if (
      !(parameters instanceof Float32Array) || parameters.length !== this.#parameters.length ||
      !(schedule instanceof Float64Array)
    ) {
      throw new SyntaxError("Cannot restore network: its parameters or schedule are damaged");
    }
    this.#pending = undefined;
    this.#parameters = parameters.slice();
    this.#predecessor = predecessor instanceof Float32Array ? predecessor.slice() : undefined;
    this.#options.use(this.#parameters);
    this.schedule.restore(schedule);
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
    const task = manifest.task as { why: LearningRun["why"]; seed: number; parts: number[] } | null;
    if (!task) return;
    const [training, validation, trial] = TASK_PARTS.map((part, index) =>
      takeSequences(arrays, `task.${part}`, task.parts[index])
    );
    const champion = arrays["task.champion"] as Float32Array;
    this.#start({ ...this.#task(champion, task.seed), training, validation, trial }, task.why);
  }

  /** Ends the training. */
  dispose(): void {
    this.#pending = undefined;
    this.#runner.dispose();
  }

  #task(
    champion: Float32Array,
    seed: number,
  ): Omit<LearningTask, (typeof TASK_PARTS)[number]> {
    const { architecture, head, trainer } = this.#options;
    const predecessor = this.#predecessor;
    return { architecture, head, trainer: { ...TRAINER, ...trainer }, seed, champion, predecessor };
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
    if (outcome instanceof Error) {
      this.#options.onStatus?.({ kind: "degraded", part: "training", detail: outcome.message });
      return;
    }
    const { candidate, championLoss, candidateLoss, predecessorLoss, curve } = outcome;
    // A loss that is not a number compares as false: such a candidate is never used.
    const isBest = candidateLoss < championLoss && !(predecessorLoss < candidateLoss) &&
      candidate.every(Number.isFinite);
    const verdict = isBest
      ? "promoted"
      : this.#predecessor && predecessorLoss < championLoss
      ? "rolled-back"
      : "rejected";
    if (verdict === "promoted") this.#exchange(candidate);
    if (verdict === "rolled-back") this.#exchange(this.#predecessor!);
    this.#runs.push({
      startedAt: this.schedule.startFrame,
      endedAt: this.schedule.frames,
      why: pending.why,
      verdict,
      version: this.#version,
      championLoss,
      candidateLoss,
      predecessorLoss,
      curve,
    });
    if (this.#runs.length > RUNS_KEPT) this.#runs.shift();
    this.#tell(verdict, championLoss, candidateLoss);
  }

  #tell(verdict: LearningRun["verdict"], championLoss: number, candidateLoss: number): void {
    const sequence = this.schedule.frames;
    const losses = { championLoss, candidateLoss };
    if (verdict === "promoted") {
      const version = this.#version;
      this.#options.onStatus?.({ kind: "promoted", sequence, version, ...losses });
      return;
    }
    const why = verdict === "rolled-back"
      ? "the parameters before the present ones do better"
      : "it is not better on the latest ticks";
    this.#options.onStatus?.({ kind: "candidate-rejected", sequence, why, ...losses });
  }

  #exchange(parameters: Float32Array): void {
    this.#predecessor = this.#parameters;
    this.#parameters = parameters;
    this.#version++;
    this.#options.use(parameters);
  }
}
