import type { Frame } from "../../streams/mod.ts";
import type { Snapshot } from "./forecaster.ts";
import type { History } from "./history.ts";
import type { Learner } from "./learner.ts";
import type { Seasons } from "./seasonality.ts";

/** What a guest may look at of a series beside its frames. */
export interface SeriesView {
  /** The values so far; the last one is that of the frame at hand. */
  readonly history: History;
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
  /**
   * Advances by frames, every series at most once, and says the points of the steps after each
   * `[horizon]`, `NaN` where it has no opinion. Returns a promise only where the device demands it.
   * `views` are the frames' series, each as it is after its frame.
   */
  step(
    frames: readonly Frame[],
    views: readonly SeriesView[],
  ): readonly Float64Array[] | Promise<readonly Float64Array[]>;
  /** How many frames may be stepped before `learn` must be called; `Infinity` where nothing is due. */
  framesUntilLearning(): number;
  /** Takes in what was learnt aside and starts new learning where due. */
  learn(): Promise<void>;
  /** Everything needed to go on. */
  snapshot(): Snapshot;
  /** Goes on from a snapshot. @throws {SyntaxError} when it is of another configuration or damaged. */
  restore(snapshot: Snapshot): void;
  /** Gives back memory and workers. */
  dispose(): void;
}
