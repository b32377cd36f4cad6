import {
  type Clock,
  InputError,
  type Refusal,
  RingBuffer,
  type Status,
  systemClock,
  TARGET_FEATURE,
  type Tick,
  type TickStage,
} from "../../streams/mod.ts";
import type { Forecast } from "../forecast/forecast.ts";
import type { Forecaster } from "../forecast/forecaster.ts";
import { Pipeline } from "../pipeline.ts";
import type { FeedCursor, StateStore, StoreStats } from "../state/store.ts";
import { type AppliedListener, DurableEngine } from "./durable_engine.ts";
import { ForecastPacker } from "./packed_forecast.ts";

/** Series where nothing else is said: each takes a few megabytes with the full set of experts. */
const SERIES_MAX = 10_000;

/** Feeds whose last message is remembered: an operator names a handful. */
const FEEDS_MAX = 64;
/** Ticks remembered of each series for those who ask: enough for a small plot, 2 kB a series. */
const RECENT_TICKS = 64;

/** What an {@linkcode Engine} is made of. */
export interface EngineOptions {
  /** What forecasts; the engine disposes of it. */
  readonly forecaster: Forecaster;
  /** Where accepted ticks and checkpoints are kept; the engine closes it. */
  readonly store: StateStore;
  /** Features in the order the forecaster takes them, the target first. */
  readonly features?: readonly string[];
  /** What ticks pass before they are stepped; order alone where left out. They belong to the engine. */
  readonly stages?: readonly TickStage[];
  /** Series at most; ticks of further ones are refused. */
  readonly seriesMax?: number;
  /** Where time comes from. */
  readonly clock?: Clock;
}

/** Where an engine stands. */
export interface EngineHealth {
  /** Whether forecasts are made. */
  readonly ok: boolean;
  /** Why not, where they are not. */
  readonly detail?: string;
  /** Ticks accepted but not yet forecast from. */
  readonly waiting: number;
  /** Ticks forecast from, since the beginning of the journal. */
  readonly applied: number;
  /** Series known. */
  readonly series: number;
  /** Figures of the store. */
  readonly store: StoreStats;
}

/**
 * Hears of forecasts, in order, each once; the engine waits for it, so it must return soon. `first` is
 * the number of the first of them: forecasts are numbered from 1 without gaps, the same after a restart.
 */
export type ForecastListener = (
  forecasts: readonly Forecast[],
  first: number,
) => void | Promise<void>;

/** A tick as it is remembered for those who ask about a series. */
export interface RecentTick {
  /** When it was observed, epoch milliseconds. */
  readonly time: number;
  /** The values by feature; those that were missing are left out. */
  readonly values: Readonly<Record<string, number>>;
}

/**
 * Everything behind a server: ticks are accepted durably, forecast from in order, and the forecasts
 * handed to listeners. Knows no network.
 *
 * @example Ticks in, forecasts out
 * ```ts
 * import { MemoryStore, OnlineForecaster } from "@tickcast/tickcast";
 * import { Engine } from "@tickcast/tickcast/server";
 *
 * const engine = await Engine.open({
 *   forecaster: new OnlineForecaster({ horizon: 2 }),
 *   store: new MemoryStore(),
 * });
 * const heard = new Promise<number>((resolve) => {
 *   engine.onForecasts((forecasts) => resolve(forecasts.length));
 * });
 * await engine.accept([{ series: "room", time: 0, values: { value: 20 } }]);
 * if (await heard !== 1 || engine.latest("room") === undefined) throw new Error();
 * await engine.close();
 * ```
 */
export class Engine {
  readonly #store: StateStore;
  readonly #forecaster: Forecaster;
  readonly #seriesMax: number;
  readonly #features: readonly string[];
  readonly #pipeline: Pipeline;
  readonly #packer: ForecastPacker;
  /** The last forecast of each series, packed. */
  readonly #latest = new Map<string, Float64Array>();
  readonly #recent = new Map<string, RingBuffer>();
  /** The values of one tick, on their way there. */
  readonly #recentValues: Float64Array;
  /** The number of the last forecast that all listeners have heard. */
  #heard = 0;
  /** Series with an accepted tick, forecast from or not. The limit counts these, */
  readonly #admitted = new Set<string>();
  /** and those whose first ticks are being made durable, by how many calls. */
  readonly #admitting = new Map<string, number>();
  readonly #forecastListeners = new Set<ForecastListener>();
  readonly #statusListeners = new Set<(status: Status) => void>();
  readonly #appliedListeners = new Set<AppliedListener>();
  readonly #lastMessages = new Map<string, number>();
  readonly #clock: Clock;
  #durable!: DurableEngine;

  private constructor(options: EngineOptions) {
    this.#store = options.store;
    this.#forecaster = options.forecaster;
    this.#packer = new ForecastPacker(options.forecaster);
    this.#seriesMax = options.seriesMax ?? SERIES_MAX;
    this.#clock = options.clock ?? systemClock;
    this.#features = options.features ?? [TARGET_FEATURE];
    this.#recentValues = new Float64Array(this.#features.length);
    this.#pipeline = new Pipeline({
      forecaster: options.forecaster,
      features: this.#features,
      stages: options.stages,
      onStatus: this.report,
    });
  }

  /**
   * Brings the forecaster to where the store ends, and starts.
   *
   * @throws {SyntaxError} when the stored state is of another configuration.
   */
  static async open(options: EngineOptions): Promise<Engine> {
    const engine = new Engine(options);
    const pipeline = engine.#pipeline;
    engine.#durable = await DurableEngine.open({
      store: options.store,
      pipeline,
      clock: engine.#clock,
      emit: (forecasts) => engine.#emit(forecasts),
      onStatus: engine.report,
      onApplied: (ticks, durationMs) => {
        for (const listener of engine.#appliedListeners) listener(ticks, durationMs);
      },
    });
    // What a checkpoint brought back has emitted nothing.
    for (const series of pipeline.series()) {
      engine.#admitted.add(series);
      if (!engine.#latest.has(series)) engine.#keep(options.forecaster.forecast(series));
    }
    return engine;
  }

  /** The forecaster, for what only it knows: weights of experts, explanations. */
  get forecaster(): Forecaster {
    return this.#forecaster;
  }

  /**
   * Accepts ticks: those not refused survive a crash from the moment this resolves.
   *
   * @param ticks The ticks, in order.
   * @param cursor How far their feed has been read.
   * @returns The ticks refused, by index, and why.
   * @throws {JournalError} when none could be made durable; send them again later.
   */
  async accept(ticks: readonly Tick[], cursor?: FeedCursor): Promise<Refusal[]> {
    const refusals: Refusal[] = [];
    const fresh = new Set<string>();
    const isKnown = ticks.every(({ series }) => this.#admitted.has(series));
    const accepted = isKnown ? ticks : this.#admit(ticks, fresh, refusals);
    if (accepted.length === 0) return refusals;
    try {
      const appended = await this.#durable.accept(accepted, cursor);
      for (const series of fresh) {
        this.#admitted.add(series);
        this.#admitting.delete(series);
      }
      for (const tick of appended.ticks) this.#remember(tick);
    } finally {
      // What could not be made durable must not keep others out.
      for (const series of fresh) {
        const calls = this.#admitting.get(series) ?? 0;
        if (calls > 1) this.#admitting.set(series, calls - 1);
        else this.#admitting.delete(series);
      }
    }
    return refusals;
  }

  /** Notes that a message of a feed has come, whatever became of its ticks. */
  received(feed: string): void {
    if (this.#lastMessages.size < FEEDS_MAX || this.#lastMessages.has(feed)) {
      this.#lastMessages.set(feed, this.#clock.now());
    }
  }

  /** When the last message of each feed came, epoch milliseconds. */
  get lastMessages(): ReadonlyMap<string, number> {
    return this.#lastMessages;
  }

  /** The last forecast of a series; undefined where it is unknown. */
  latest(series: string): Forecast | undefined {
    const row = this.#latest.get(series);
    return row && this.#packer.unpack(series, row);
  }

  /** The step of the last forecast of a series; undefined where it is unknown. */
  latestStep(series: string): number | undefined {
    const row = this.#latest.get(series);
    return row && this.#packer.step(row);
  }

  /** The series with a forecast, in the order of their first ticks. */
  series(): string[] {
    return [...this.#latest.keys()];
  }

  /** The last ticks of a series accepted since the start, oldest first; a bounded number. */
  recent(series: string): RecentTick[] {
    const view = this.#recent.get(series)?.view();
    return Array.from(view?.times ?? [], (time, row) => {
      const values: Record<string, number> = {};
      for (const [column, feature] of this.#features.entries()) {
        const value = view?.values[row * this.#features.length + column] ?? NaN;
        if (!Number.isNaN(value)) values[feature] = value;
      }
      return { time, values };
    });
  }

  /** Steps a series has taken; 0 where it is unknown. */
  steps(series: string): number {
    return this.#pipeline.steps(series);
  }

  /** How far a feed was read, in the commit of its last tick. */
  cursor(feed: string): string | undefined {
    return this.#store.cursor(feed);
  }

  /** Adds a listener; call what it returns to take it away. */
  onForecasts(listener: ForecastListener): () => void {
    this.#forecastListeners.add(listener);
    return () => this.#forecastListeners.delete(listener);
  }

  /** Adds a listener of statuses; call what it returns to take it away. */
  onStatus(listener: (status: Status) => void): () => void {
    this.#statusListeners.add(listener);
    return () => this.#statusListeners.delete(listener);
  }

  /** Adds a listener of batches forecast from; call what it returns to take it away. */
  onApplied(listener: AppliedListener): () => void {
    this.#appliedListeners.add(listener);
    return () => this.#appliedListeners.delete(listener);
  }

  /** Passes a status to the listeners; sources and sinks around the engine report through it too. */
  readonly report = (status: Status): void => {
    for (const listener of this.#statusListeners) listener(status);
  };

  /** Where the engine stands. */
  health(): EngineHealth {
    const failure = this.#durable.failure;
    const store = this.#store.stats();
    const detail = failure?.message ??
      (store.writable ? undefined : "the journal cannot be written");
    return {
      ok: detail === undefined,
      ...(detail === undefined ? {} : { detail }),
      waiting: this.#durable.waiting,
      applied: this.#durable.applied,
      series: this.#latest.size,
      store,
    };
  }

  /**
   * Runs work between two batches of ticks, when the forecaster's state is the one after a known tick.
   * The work must change nothing.
   */
  inspect<T>(work: () => T | Promise<T>): Promise<T> {
    return this.#durable.inspect(work);
  }

  /**
   * Changes the forecaster from outside, between two batches of ticks. Resolves when the change would
   * survive a crash; no forecast is made from it before.
   *
   * @throws {JournalError} when the change could not be saved; it was undone.
   */
  change<T>(work: () => T | Promise<T>): Promise<T> {
    return this.#durable.change(work);
  }

  /** Saves a checkpoint now. False when it could not be saved. */
  checkpoint(): Promise<boolean> {
    return this.#durable.checkpoint();
  }

  /** Forecasts from everything accepted, saves a checkpoint and gives everything back. */
  async close(): Promise<void> {
    await this.#durable.close();
    this.#forecaster.dispose();
    await this.#store.close();
  }

  /** The ticks that the limit of series lets in; those of series not seen before are in `fresh`. */
  #admit(ticks: readonly Tick[], fresh: Set<string>, refusals: Refusal[]): Tick[] {
    return ticks.filter(({ series }, index) => {
      if (this.#admitted.has(series) || fresh.has(series)) return true;
      const calls = this.#admitting.get(series) ?? 0;
      if (calls > 0 || this.#admitted.size + this.#admitting.size < this.#seriesMax) {
        this.#admitting.set(series, calls + 1);
        fresh.add(series);
        return true;
      }
      const detail = `the limit of ${this.#seriesMax} series is reached`;
      const error = new InputError("too-many-series", "series", detail, { line: index + 1 });
      refusals.push({ index, error });
      return false;
    });
  }

  async #emit(forecasts: readonly Forecast[]): Promise<void> {
    for (const forecast of forecasts) this.#keep(forecast);
    const last = this.#pipeline.sequence;
    const first = Math.max(last - forecasts.length, this.#heard) + 1;
    // After a rebuild forecasts come again, identical: listeners have had them.
    if (first > last) return;
    const news = forecasts.slice(forecasts.length - (last - first + 1));
    for (const listener of this.#forecastListeners) {
      const heard = listener(news, first);
      if (heard !== undefined) await heard;
    }
    this.#heard = last;
  }

  #keep(forecast: Forecast): void {
    let row = this.#latest.get(forecast.series);
    if (row === undefined) {
      this.#latest.set(forecast.series, row = new Float64Array(this.#packer.width));
    }
    this.#packer.pack(forecast, row);
  }

  #remember(tick: Tick): void {
    let ring = this.#recent.get(tick.series);
    if (ring === undefined) {
      ring = new RingBuffer({ capacity: RECENT_TICKS, features: this.#features.length });
      this.#recent.set(tick.series, ring);
    }
    const values = this.#recentValues;
    for (let index = 0; index < values.length; index++) {
      values[index] = tick.values[this.#features[index]] ?? NaN;
    }
    ring.push(tick.time, values);
  }
}
