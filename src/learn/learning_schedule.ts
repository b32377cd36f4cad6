import { DriftDetector } from "./drift.ts";

/** When a network is trained anew. */
export interface LearningPlan {
  /** Steps of each series between two retrainings; the first ones come sooner. */
  readonly everySteps: number;
  /** Also after so long, by the ticks' own times; never where left out. */
  readonly everyMs?: number;
  /** Steps of each series before the first training. */
  readonly firstSteps: number;
  /** Steps of each series that training is given at least before its outcome takes effect. */
  readonly delaySteps: number;
  /** The same by the ticks' own times: a fast feed passes many steps while a network is trained. */
  readonly delayMs: number;
  /** Whether larger errors bring a retraining forward. */
  readonly onDrift: boolean;
}

/** Between looks at whether something is due: seldom enough not to cut micro-batches small. */
const LOOK_EVERY_STEPS = 8;
/** Retrainings follow each other after twice as many steps each, up to the plan's interval. */
const GROWTH = 2;

/** What {@linkcode LearningSchedule.due} asks for. */
export type DueReason = "interval" | "drift" | "asked";

/**
 * Decides at which frame a retraining starts and at which its outcome takes effect, from frames and
 * their own times alone: the same ticks give the same decisions, live, replayed or resumed.
 */
export class LearningSchedule {
  readonly #plan: LearningPlan;
  readonly #drift = new DriftDetector();
  /** Frames so far, and the frame and time of the last start; the interval in steps of each series. */
  #frames = 0;
  #time = -Infinity;
  #startFrame = 0;
  #startTime = NaN;
  #interval: number;
  #drifted = false;
  #asked = false;
  #series = 1;

  /** @param plan When. */
  constructor(plan: LearningPlan) {
    this.#plan = plan;
    this.#interval = plan.firstSteps;
  }

  /** Frames so far. */
  get frames(): number {
    return this.#frames;
  }

  /** The frame at which the last retraining started. */
  get startFrame(): number {
    return this.#startFrame;
  }

  /** Takes in how many frames were stepped, their latest time and how many series there are. */
  observe(frames: number, time: number, series: number): void {
    this.#frames += frames;
    this.#time = Math.max(this.#time, time);
    this.#series = series;
    if (Number.isNaN(this.#startTime)) this.#startTime = this.#time;
  }

  /** Takes in the size of an error. @returns Whether the errors have become larger for good. */
  observeError(error: number): boolean {
    const drifted = this.#drift.update(error);
    if (drifted && this.#plan.onDrift) this.#drifted = true;
    return drifted;
  }

  /** Asks for a retraining as soon as none is under way. */
  ask(): void {
    this.#asked = true;
  }

  /** Frames until the next look. */
  untilLook(): number {
    const every = LOOK_EVERY_STEPS * this.#series;
    return every - this.#frames % every;
  }

  /** Why a retraining should start now; undefined where none should. */
  due(): DueReason | undefined {
    const { everyMs = Infinity, firstSteps } = this.#plan;
    const steps = (this.#frames - this.#startFrame) / this.#series;
    if (this.#asked && this.#frames > 0) return "asked";
    if (this.#drifted && steps >= firstSteps / 2 && this.#startFrame > 0) return "drift";
    if (steps < firstSteps / 2) return undefined;
    if (steps >= this.#interval || this.#time - this.#startTime >= everyMs) return "interval";
  }

  /** Notes that a retraining starts now. */
  start(): void {
    if (this.#startFrame > 0) {
      this.#interval = Math.min(this.#plan.everySteps, this.#interval * GROWTH);
    }
    this.#startFrame = this.#frames;
    this.#startTime = this.#time;
    this.#drifted = false;
    this.#asked = false;
  }

  /** Whether the outcome of the retraining under way takes effect now. */
  settles(): boolean {
    const { delaySteps, delayMs } = this.#plan;
    return (this.#frames - this.#startFrame) / this.#series >= delaySteps &&
      this.#time - this.#startTime >= delayMs;
  }

  /** Everything needed to go on. */
  snapshot(): Float64Array {
    return Float64Array.of(
      this.#frames,
      this.#time,
      this.#startFrame,
      this.#startTime,
      this.#interval,
      this.#drifted ? 1 : 0,
      this.#asked ? 1 : 0,
      this.#series,
      ...this.#drift.snapshot(),
    );
  }

  /** Goes on from a snapshot. @throws {RangeError} when it has another length. */
  restore(snapshot: Float64Array): void {
    this.#drift.restore(snapshot.slice(8));
    [this.#frames, this.#time, this.#startFrame, this.#startTime, this.#interval] = snapshot;
    this.#drifted = snapshot[5] === 1;
    this.#asked = snapshot[6] === 1;
    this.#series = snapshot[7];
  }
}
