import type { Frame } from "../../streams/mod.ts";
import type { TrainingSequence } from "../learn/training_sequence.ts";
import type { Snapshot } from "./forecaster.ts";
import type { Guest, SeriesView } from "./guest.ts";
import { NetworkInputs, networkInputSize } from "./network_inputs.ts";
import { NetworkMemory, NetworkPages } from "./network_memory.ts";
import { SeriesLayout } from "./series_layout.ts";

/** Steps of a series that are recorded at most: with 40 inputs about 2.5 GB, beyond what is trained here. */
const STEPS_MAX = 1 << 24;

/**
 * A guest that says nothing and writes down what a network in its place would see, and should have said:
 * what is trained offline then stands in the stream as it was trained.
 *
 * @example What a short series holds to learn from
 * ```ts
 * import { NetworkRecorder, OnlineForecaster } from "@tickcast/tickcast";
 *
 * const recorder = new NetworkRecorder({ horizon: 2 });
 * const forecaster = new OnlineForecaster({
 *   horizon: 2, experts: ["last_value"], guests: [recorder],
 * });
 * for (let step = 0; step < 10; step++) {
 *   const values = Float64Array.of(step % 3);
 *   forecaster.step([{ series: "room", time: 1000 * step, step, values }]);
 * }
 * const { targets } = recorder.sequence("room");
 * if (targets.length !== 10 * 2) throw new Error();
 * ```
 */
export class NetworkRecorder implements Guest {
  /** What it is called among the experts. */
  readonly name = "recorder";
  /** Steps ahead. */
  readonly horizon: number;
  /** Features beside the target. */
  readonly covariates: number;
  readonly #series = new Map<string, { numbers: Float64Array; memory: NetworkMemory }>();
  readonly #layout = new SeriesLayout();
  readonly #inputs: NetworkInputs;
  readonly #pages: NetworkPages;
  readonly #x: Float32Array;

  /**
   * Starts empty.
   *
   * @param options The steps ahead, and the features beside the target.
   */
  constructor(options: { readonly horizon: number; readonly covariates?: number }) {
    this.horizon = options.horizon;
    this.covariates = options.covariates ?? 0;
    this.#inputs = new NetworkInputs(this.#layout, this.horizon, this.covariates);
    this.#pages = new NetworkPages(this.inputSize, this.horizon);
    this.#x = new Float32Array(this.inputSize);
  }

  /** Inputs of a step. */
  get inputSize(): number {
    return networkInputSize(this.covariates);
  }

  /** The series recorded, in the order of their first frames. */
  get series(): string[] {
    return [...this.#series.keys()];
  }

  /**
   * What was recorded of one series.
   *
   * @param name The series.
   * @returns Its steps; the mask is 1 where a target has come.
   * @throws {RangeError} when it is unknown.
   */
  sequence(name: string): TrainingSequence {
    const state = this.#series.get(name);
    if (state === undefined) throw new RangeError(`Unknown series: ${name}`);
    return state.memory.sequence();
  }

  /**
   * Takes frames in, every series at most once.
   *
   * @param frames One a series.
   * @param views Their series.
   * @returns No opinion, `NaN` for every step ahead.
   */
  step(frames: readonly Frame[], views: readonly SeriesView[]): readonly Float64Array[] {
    return frames.map(({ series, time, values }, index) => {
      let state = this.#series.get(series);
      if (state === undefined) {
        state = {
          numbers: this.#layout.makeMemory(),
          memory: new NetworkMemory(STEPS_MAX, this.#pages),
        };
        this.#series.set(series, state);
      }
      this.#inputs.observe(state.numbers, views[index], time, values, this.#x);
      state.memory.push(this.#x, 0, this.#inputs.targets);
      return new Float64Array(this.horizon).fill(NaN);
    });
  }

  /** Nothing is ever due. */
  framesUntilLearning(): number {
    return Infinity;
  }

  /** Nothing is learnt. */
  learn(): Promise<void> {
    return Promise.resolve();
  }

  /**
   * There is none: a recording is not gone on with.
   *
   * @throws {Error} always.
   */
  snapshot(): Snapshot {
    throw new Error("A recording has no snapshot");
  }

  /**
   * There is none: a recording is not gone on with.
   *
   * @throws {Error} always.
   */
  restore(): void {
    throw new Error("A recording has no snapshot");
  }

  /** Forgets everything. */
  dispose(): void {
    this.#series.clear();
  }
}
