import type { Frame } from "../../streams/mod.ts";
import type { Contribution } from "./explanation.ts";
import type { GradualSnapshot, KeepArray, Snapshot } from "./forecaster.ts";
import type { Learner } from "./learner.ts";
import type { Seasons } from "./seasonality.ts";

/** The values of one series by step, the latest of them, to look at. */
export interface PastValues {
  /** Steps seen so far; the last one is `length − 1`. */
  readonly length: number;
  /** The oldest step still kept. */
  readonly first: number;
  /** The step at which the present regime started, as far as is known; 0 at first. */
  readonly regimeStart: number;
  /** The value of a step that is kept, or what stood in for it where it was missing. */
  at(step: number): number;
  /** The value of a step that is kept, `NaN` where it was missing. */
  observed(step: number): number;
  /** Whether a step is kept. */
  has(step: number): boolean;
}

/** What a guest may look at of a series beside its frames. */
export interface SeriesView {
  /** The values so far; the last one is that of the frame at hand. */
  readonly history: PastValues;
  /** The seasonal periods found, in steps, shortest first. */
  readonly seasons: Seasons;
  /** The length of a step in milliseconds, 0 where unknown. */
  readonly stepMs: number;
}

/**
 * A model of its own beside the experts of an {@linkcode OnlineForecaster}, such as a network: it says
 * points, and the guard learns from the losses how far to follow it.
 */
export interface Guest {
  /** What it is called among the experts. */
  readonly name: string;
  /** Itself as a network that keeps learning, where it does. */
  readonly learner?: Learner;
  /** Frames that it likes to step at once, where it likes more than the experts beside it. */
  readonly framesAtOnce?: number;
  /**
   * Advances by frames, every series at most once, and says the points of the steps after each
   * `[horizon]`, `NaN` where it has no opinion; they hold until its next step, which may write them anew.
   * Returns a promise only where the device demands it. `views` are the frames' series, each as it is after its frame.
   */
  step(
    frames: readonly Frame[],
    views: readonly SeriesView[],
  ): readonly Float64Array[] | Promise<readonly Float64Array[]>;
  /**
   * What moved its point for `ahead` steps after the last frame of a series away from `baseline`, the
   * last value; the contributions add up to that difference. Left out where it cannot tell.
   */
  explain?(series: string, ahead: number, baseline: number): Promise<readonly Contribution[]>;
  /** How many frames may be stepped before `learn` must be called; `Infinity` where nothing is due. */
  framesUntilLearning(): number;
  /** Takes in what was learnt aside and starts new learning where due. */
  learn(): Promise<void>;
  /** Everything needed to go on. */
  snapshot(): Snapshot;
  /** The same bit by bit; see {@linkcode Forecaster.beginSnapshot}. */
  beginSnapshot?(keep: KeepArray): GradualSnapshot;
  /** Goes on from a snapshot. @throws {SyntaxError} when it is of another configuration or damaged. */
  restore(snapshot: Snapshot): void;
  /** Gives back memory and workers. */
  dispose(): void;
}
