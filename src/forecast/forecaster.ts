import type { Frame } from "../../streams/mod.ts";
import type { Forecast } from "./forecast.ts";
import type { LateCopy } from "./late_copy.ts";
import type { Learner } from "./learner.ts";

/** Plain data that a forecaster can be rebuilt from: arrays by name, and JSON. */
export interface Snapshot {
  /** JSON-safe state. */
  readonly manifest: Record<string, unknown>;
  /** Arrays by name. */
  readonly arrays: Record<string, Float32Array | Float64Array | Uint32Array>;
  /**
   * Whether whoever is given it may keep it or hand it on to another thread without a copy: nobody else
   * looks at it any more.
   */
  readonly given?: boolean;
}

/**
 * Copies an array for a snapshot, under a name. Further pieces, of the same type, follow the first; those
 * that are copied late have their place now.
 */
export type KeepArray = (
  name: string,
  first: Snapshot["arrays"][string],
  ...more: (Snapshot["arrays"][string] | LateCopy)[]
) => void;

/** A snapshot that is taken a series at a time, of the moment at which it was begun. */
export interface GradualSnapshot {
  /** Keeps what belongs to a series. Called once for each, before the series is stepped again. */
  take(series: string): void;
  /** What is no array. Called once, when every series was taken. */
  finish(): Record<string, unknown>;
}

/**
 * Anything that forecasts a stream: recurrent, ONNX and baseline forecasters alike.
 *
 * `step` advances, `forecast` never does, and `learn` is where slow work starts: a caller may leave it
 * out and still gets forecasts. A snapshot restored into a forecaster of the same configuration goes on
 * bit for bit as the original would have.
 */
export interface Forecaster {
  /** Steps ahead. */
  readonly horizon: number;
  /** Quantile levels, ascending. */
  readonly levels: readonly number[];
  /** The network in it that keeps learning, where there is one. */
  readonly learner?: Learner;
  /** The names of what it mixes, where it is a mixture. */
  readonly experts?: readonly string[];
  /**
   * The weights of a series' mixture at one horizon, in the order of `experts`.
   * @throws {RangeError} when the series is unknown.
   */
  weights?(series: string, ahead?: number): Float64Array;
  /**
   * Frames that it likes to step at once, where not as many as there are: so few that what they touch
   * stays in the processor's cache until their forecasts are made. It never changes what is forecast.
   */
  readonly framesAtOnce?: number;
  /**
   * Advances by frames, in order. A series never seen before is started. Frames are not
   * kept, nor are their values, whose place serves later ones.
   *
   * Returns a promise only where the device demands it (a GPU, ONNX Runtime): it must be awaited before
   * anything else is called. On a CPU nothing is returned and nothing is waited for.
   */
  step(frames: readonly Frame[]): void | Promise<void>;
  /**
   * The next steps of a series after its last frame.
   * @throws {RangeError} when the series is unknown.
   */
  forecast(series: string): Forecast;
  /**
   * How many frames may be stepped before `learn` must be called: at least 1, `Infinity` where nothing
   * is due. A pipeline cuts its batches there, so that learning takes effect at the same frame however
   * the frames were chunked.
   */
  framesUntilLearning(): number;
  /**
   * Takes in what was learnt aside and starts new learning where due. Called between two batches of
   * frames; returns at once unless a swap is due at this very frame and is still being computed.
   */
  learn(): Promise<void>;
  /** Everything needed to go on. */
  snapshot(): Snapshot;
  /**
   * The same bit by bit, so that ticks need not wait for all of it; left out where a snapshot is quick.
   * What belongs to no single series is kept before this returns.
   */
  beginSnapshot?(keep: KeepArray): GradualSnapshot;
  /** Goes on from a snapshot. @throws {SyntaxError} when it is of another configuration or damaged. */
  restore(snapshot: Snapshot): void;
  /** Gives back memory and workers. */
  dispose(): void;
}
