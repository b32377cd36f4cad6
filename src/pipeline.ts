import {
  type Frame,
  type StatusListener,
  TARGET_FEATURE,
  type Tick,
  TickOrder,
  type TickStage,
} from "../streams/mod.ts";
import type { Forecast } from "./forecast/forecast.ts";
import type { Forecaster, KeepArray, Snapshot } from "./forecast/forecaster.ts";
import { beginSnapshot } from "./forecast/gradual_snapshot.ts";

/** Micro-batches that may wait between two stages: one being worked on, one ready. */
const BATCHES_WAITING_MAX = 1;

/** Where a series stands: steps taken, and the last wave it was in. */
interface Place {
  steps: number;
  wave: number;
}

/** A snapshot of the moment at which it was begun, taken bit by bit while its pipeline goes on. */
export interface PipelineSnapshot {
  /**
   * Takes the parts of some more series; those that are about to step are taken without being asked.
   *
   * @param count How many at most.
   * @returns Whether there are none left.
   */
  take(count: number): boolean;
  /** What is no array; parts not taken yet are taken now. Called once, before anything is restored. */
  finish(): Record<string, unknown>;
}

/** How a {@linkcode Pipeline} is put together. */
export interface PipelineOptions {
  /** What forecasts. */
  readonly forecaster: Forecaster;
  /** Features in the order the forecaster takes them, the target first. `["value"]` where left out. */
  readonly features?: readonly string[];
  /**
   * What ticks pass before they are stepped, in this order: ordering, a grid. Where left out, ticks of a
   * series that are not later than the one before are counted and left out.
   */
  readonly stages?: readonly TickStage[];
  /** Hears of ticks left out. */
  readonly onStatus?: StatusListener;
}

/**
 * The way of one tick: order → grid → frame → step(h, c) → forecast. This is the wiring; every
 * station is a part of its own.
 *
 * A micro-batch is worked on in waves: a wave holds each series at most once, so that it is one batched
 * step, and ends where learning is due or the forecaster likes no more at once. A forecast therefore depends on the ticks alone, never on how
 * they were chunked.
 *
 * @example Ticks in, forecasts out, as a Web Stream
 * ```ts
 * import { OnlineForecaster, Pipeline, type Tick } from "@tickcast/tickcast";
 *
 * const pipeline = new Pipeline({ forecaster: new OnlineForecaster({ horizon: 2 }) });
 * const ticks: Tick[] = [
 *   { series: "room", time: 0, values: { value: 20 } },
 *   { series: "room", time: 1000, values: { value: 21 } },
 * ];
 * const forecasts = ReadableStream.from([ticks]).pipeThrough(pipeline.stream());
 * for await (const batch of forecasts) {
 *   if (batch.length !== 2 || batch[1].mean.length !== 2) throw new Error("a forecast a tick");
 * }
 * ```
 */
export class Pipeline {
  readonly #forecaster: Forecaster;
  readonly #features: readonly string[];
  readonly #stages: readonly TickStage[];
  /** Where each series stands. */
  readonly #places = new Map<string, Place>();
  #sequence = 0;
  /** Waves begun so far: what tells whether a series is in the present one. */
  #waves = 0;
  /** What the frames of a wave hold, made once: whoever steps them does not keep them. */
  readonly #values: Float64Array[] = [];
  /** Hears of frames about to be stepped, while a snapshot is taken. */
  #beforeStep: ((frames: readonly Frame[]) => void) | undefined;

  /** Puts the parts together. */
  constructor(options: PipelineOptions) {
    this.#forecaster = options.forecaster;
    this.#features = options.features ?? [TARGET_FEATURE];
    this.#stages = options.stages ?? [new TickOrder({ onStatus: options.onStatus })];
    if (this.#features.length === 0) throw new RangeError("A pipeline needs at least one feature");
  }

  /** Frames stepped since the beginning, over all series. */
  get sequence(): number {
    return this.#sequence;
  }

  /** The series seen so far. */
  series(): IterableIterator<string> {
    return this.#places.keys();
  }

  /** Steps a series has taken; 0 where it is unknown. */
  steps(series: string): number {
    return this.#places.get(series)?.steps ?? 0;
  }

  /**
   * Takes one micro-batch through: a forecast for every step it completes, in order.
   *
   * Calls must not overlap: await one before the next.
   */
  process(ticks: readonly Tick[]): Promise<Forecast[]> {
    return this.#step(this.#stages.reduce((passed, stage) => stage.push(passed), ticks));
  }

  /** Takes through what the stages held back. */
  flush(): Promise<Forecast[]> {
    let ready: readonly Tick[] = [];
    for (const stage of this.#stages) ready = [...stage.push(ready), ...stage.flush()];
    return this.#step(ready);
  }

  /** Steps ticks that are in order, in waves. */
  async #step(ticks: readonly Tick[]): Promise<Forecast[]> {
    const forecaster = this.#forecaster;
    const forecasts: Forecast[] = [];
    const framesMax = forecaster.framesAtOnce ?? Infinity;
    let untilLearning = forecaster.framesUntilLearning();
    let at = 0;
    while (at < ticks.length) {
      const wave = this.#wave(ticks, at, Math.min(untilLearning, framesMax));
      this.#beforeStep?.(wave);
      const stepped = forecaster.step(wave);
      // One series alone makes a wave of every tick: nothing is waited for that need not be.
      if (stepped !== undefined) await stepped;
      for (const frame of wave) forecasts.push(forecaster.forecast(frame.series));
      at += wave.length;
      this.#sequence += wave.length;
      untilLearning -= wave.length;
      if (untilLearning > 0) continue;
      await forecaster.learn();
      untilLearning = forecaster.framesUntilLearning();
    }
    return forecasts;
  }

  /** The frames of the ticks from `at` on, at most so many, up to where a series comes again. */
  #wave(ticks: readonly Tick[], at: number, framesMax: number): Frame[] {
    const wave: Frame[] = [];
    const end = Math.min(ticks.length, at + framesMax);
    this.#waves++;
    for (; at < end; at++) {
      const tick = ticks[at];
      const place = this.#placeOf(tick.series);
      if (place.wave === this.#waves) break;
      place.wave = this.#waves;
      wave.push(this.#frame(tick, place.steps++, wave.length));
    }
    return wave;
  }

  #placeOf(series: string): Place {
    let place = this.#places.get(series);
    if (place === undefined) {
      place = { steps: 0, wave: 0 };
      this.#places.set(series, place);
    }
    return place;
  }

  /** The pipeline as a station of a Web Stream; it takes a batch only when the one before was read. */
  stream(): TransformStream<readonly Tick[], readonly Forecast[]> {
    return new TransformStream(
      {
        transform: async (ticks, controller): Promise<void> => {
          const forecasts = await this.process(ticks);
          if (forecasts.length > 0) controller.enqueue(forecasts);
        },
        flush: async (controller): Promise<void> => {
          const forecasts = await this.flush();
          if (forecasts.length > 0) controller.enqueue(forecasts);
        },
      },
      { highWaterMark: BATCHES_WAITING_MAX },
      { highWaterMark: BATCHES_WAITING_MAX },
    );
  }

  /** Everything needed to go on. */
  snapshot(): Snapshot {
    const { manifest, arrays } = this.#forecaster.snapshot();
    return { manifest: { ...this.#ownManifest(), forecaster: manifest }, arrays };
  }

  /**
   * The same bit by bit. One at a time.
   *
   * @param keep Where its arrays go.
   */
  beginSnapshot(keep: KeepArray): PipelineSnapshot {
    const manifest = this.#ownManifest();
    const left = new Set(this.#places.keys());
    const forecaster = beginSnapshot(this.#forecaster, keep);
    const takeOne = (series: string): void => {
      forecaster.take(series);
      // Only now: without it the whole would be none.
      left.delete(series);
    };
    this.#beforeStep = (frames): void => {
      for (const { series } of frames) if (left.has(series)) takeOne(series);
    };
    const take = (count: number): boolean => {
      for (const series of left) {
        if (count-- <= 0) break;
        takeOne(series);
      }
      return left.size === 0;
    };
    return {
      take,
      finish: () => {
        take(Infinity);
        this.#beforeStep = undefined;
        return { ...manifest, forecaster: forecaster.finish() };
      },
    };
  }

  /**
   * Goes on from a snapshot.
   *
   * @throws {SyntaxError} when it is damaged or of another configuration.
   */
  restore(snapshot: Snapshot): void {
    const { sequence, steps, stages, forecaster } = snapshot.manifest;
    if (
      typeof sequence !== "number" || !Array.isArray(steps) || !Array.isArray(stages) ||
      typeof forecaster !== "object" || forecaster === null
    ) {
      throw new SyntaxError(
        "Cannot restore pipeline: sequence, steps, stages or forecaster is missing",
      );
    }
    if (stages.length !== this.#stages.length) {
      throw new SyntaxError(
        `Cannot restore pipeline: it has ${this.#stages.length} stages, not ${stages.length}`,
      );
    }
    this.#forecaster.restore({
      manifest: forecaster as Record<string, unknown>,
      arrays: snapshot.arrays,
    });
    this.#stages.forEach((stage, index) => stage.restore(stages[index]));
    this.#sequence = sequence;
    this.#places.clear();
    for (const [series, count] of steps as [string, number][]) {
      this.#places.set(series, { steps: count, wave: 0 });
    }
  }

  #ownManifest(): Record<string, unknown> {
    return {
      sequence: this.#sequence,
      steps: Array.from(this.#places, ([series, { steps }]) => [series, steps]),
      stages: this.#stages.map((stage) => stage.snapshot()),
    };
  }

  /** Brings a tick to the grid: without resampling, every tick is a step. */
  #frame(tick: Tick, step: number, place: number): Frame {
    const features = this.#features;
    const values = this.#values[place] ??= new Float64Array(features.length);
    for (let index = 0; index < features.length; index++) {
      values[index] = tick.values[features[index]] ?? NaN;
    }
    return { series: tick.series, time: tick.time, step, values };
  }
}
