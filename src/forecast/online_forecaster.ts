import type { Frame } from "../../streams/mod.ts";
import { defaultExperts, type ExpertName } from "./experts/registry.ts";
import { combine, type Explanation } from "./explanation.ts";
import type { Forecast, ForecastFlag } from "./forecast.ts";
import type { Forecaster, GradualSnapshot, KeepArray, Snapshot } from "./forecaster.ts";
import { beginSnapshot, wholeSnapshot } from "./gradual_snapshot.ts";
import type { Guest } from "./guest.ts";
import { checkHistoryLimit } from "./history.ts";
import type { Learner } from "./learner.ts";
import { SeriesForecaster } from "./series_forecaster.ts";
import { type SeriesOptions, StationsBySeasons } from "./series_stations.ts";
import { StateReader, StateWriter } from "./state_buffer.ts";

/** Quantile levels where nothing is said: the median and the 50, 80, 90 and 98 % bands. */
export const DEFAULT_LEVELS: readonly number[] = [
  0.01,
  0.05,
  0.1,
  0.25,
  0.5,
  0.75,
  0.9,
  0.95,
  0.99,
];

const FORMAT = "tickcast-online-forecaster-2";
const HISTORY_LIMIT = 16_384;
/** Steps before the bands rest on enough. */
const WARM_UP_STEPS = 50;
/**
 * Series stepped at once: what experts and guard touch of so many, some 10 kB each, stays in a second-level
 * cache between their steps and their forecasts.
 */
const FRAMES_AT_ONCE = 32;
/**
 * Numbers of forecasts that share one block of memory: a view costs a twentieth of an array of its own, and
 * one forecast that is kept for long keeps no more than 8 kB.
 */
const BLOCK_NUMBERS = 1024;
/** Ticks whose p-value is below are flagged. */
const ANOMALY_LEVEL = 0.01;
/** What nearly every forecast says. */
const NO_FLAGS: readonly ForecastFlag[] = Object.freeze([]);
/** The last value, which is the first expert, holds up to about half of the trust at first. */
const GUARD = { memory: 0.9995, share: 0.001, trust: 12 };

/** How an {@linkcode OnlineForecaster} is configured; everything has a default. */
export interface OnlineForecasterOptions {
  /** Steps ahead; 1 where left out. */
  readonly horizon?: number;
  /** Quantile levels, ascending, in (0, 1). */
  readonly levels?: readonly number[];
  /** The experts of the mixture; all of them where left out. */
  readonly experts?: readonly ExpertName[];
  /** Models of their own beside the experts, such as networks. They are disposed of with the forecaster. */
  readonly guests?: readonly Guest[];
  /** Features beside the target that the linear experts look at too; 0 where left out. */
  readonly covariates?: number;
  /** A seasonal period in steps, 0 for none; found from the data where left out. */
  readonly season?: number;
  /** Values kept of each series at most, a power of two of at least 256; 16,384 where left out. */
  readonly historyLimit?: number;
}

/**
 * The forecaster: for every series an online mixture of experts whose weights are learnt from the
 * losses, and calibrated quantiles around it. It learns from every value, starts as the naive forecast,
 * and finds the seasons itself.
 *
 * @example A daily rhythm is found and forecast
 * ```ts
 * import { OnlineForecaster } from "@tickcast/tickcast";
 * import { ok } from "node:assert/strict";
 *
 * const forecaster = new OnlineForecaster({ horizon: 3 });
 * for (let step = 0; step < 400; step++) {
 *   const value = 20 + 5 * Math.sin(2 * Math.PI * step / 24);
 *   const values = Float64Array.of(value);
 *   forecaster.step([{ series: "room", time: step * 3_600_000, step, values }]);
 * }
 * const { mean } = forecaster.forecast("room");
 * ok(Math.abs(mean[2] - (20 + 5 * Math.sin(2 * Math.PI * 402 / 24))) < 0.5);
 * ```
 */
export class OnlineForecaster implements Forecaster {
  /** Steps ahead. */
  readonly horizon: number;
  /** Quantile levels, ascending. */
  readonly levels: readonly number[];
  readonly #options: SeriesOptions;
  readonly #stations: StationsBySeasons;
  readonly #guests: readonly Guest[];
  readonly #learner: Learner | undefined;
  readonly #series = new Map<string, SeriesForecaster>();
  /** What the numbers of the next forecasts are cut from, and how much of it is used. */
  #block = new Float64Array(0);
  #blockUsed = 0;

  /**
   * Starts without any series.
   * @param options The configuration.
   * @throws {RangeError} when the horizon, a level or the limit of the history is out of range, or no
   * expert is named.
   */
  constructor(options: OnlineForecasterOptions = {}) {
    this.horizon = options.horizon ?? 1;
    this.levels = options.levels ?? DEFAULT_LEVELS;
    if (!Number.isInteger(this.horizon) || this.horizon < 1) {
      throw new RangeError(`Horizon must be a whole number of at least 1, not ${this.horizon}`);
    }
    if (this.levels.some((level, j) => !(level > (this.levels[j - 1] ?? 0) && level < 1))) {
      throw new RangeError(`Levels must ascend within (0, 1), not ${this.levels.join(", ")}`);
    }
    const covariates = options.covariates ?? 0;
    const experts = options.experts ?? defaultExperts(covariates);
    this.#guests = options.guests ?? [];
    this.#learner = this.#guests.find(({ learner }) => learner !== undefined)?.learner;
    if (experts.length + this.#guests.length === 0) {
      throw new RangeError("At least one expert is needed");
    }
    const historyLimit = options.historyLimit ?? HISTORY_LIMIT;
    checkHistoryLimit(historyLimit);
    this.#options = {
      horizon: this.horizon,
      levels: this.levels,
      experts,
      guests: this.#guests.length,
      // Left out where there are none: a snapshot then does not ask for them.
      covariates: covariates > 0 ? covariates : undefined,
      season: options.season,
      historyLimit,
      guard: GUARD,
    };
    this.#stations = new StationsBySeasons(this.#options);
  }

  /** The experts and guests of the mixture, in the order of their weights. */
  get experts(): readonly string[] {
    return [...this.#options.experts, ...this.#guests.map(({ name }) => name)];
  }

  /** The first guest that keeps learning. */
  get learner(): Learner | undefined {
    return this.#learner;
  }

  /** Few where everything is on the host, many where a guest's device likes them. */
  get framesAtOnce(): number {
    let most = FRAMES_AT_ONCE;
    for (const { framesAtOnce = most } of this.#guests) most = Math.max(most, framesAtOnce);
    return most;
  }

  /**
   * Advances by frames, in order; every series at most once.
   *
   * @returns A promise where a guest's device demands it.
   */
  step(frames: readonly Frame[]): void | Promise<void> {
    const states = new Array<SeriesForecaster>(frames.length);
    // All are looked up before any is worked on: what is far in memory is then waited for together.
    for (let row = 0; row < frames.length; row++) {
      const { series } = frames[row];
      states[row] = this.#series.get(series) ?? this.#start(series);
    }
    for (let row = 0; row < frames.length; row++) {
      states[row].observe(frames[row].time, frames[row].values);
    }
    const said: ReturnType<Guest["step"]>[] = [];
    let isWaiting = false;
    for (const guest of this.#guests) {
      const points = guest.step(frames, states);
      isWaiting ||= points instanceof Promise;
      said.push(points);
    }
    if (isWaiting) return Promise.all(said).then((points) => conclude(states, points));
    conclude(states, said as (readonly Float64Array[])[]);
  }

  /**
   * The next steps of a series after its last frame.
   * @throws {RangeError} when the series is unknown.
   */
  forecast(series: string): Forecast {
    const state = this.#known(series);
    const { horizon } = this;
    const times = this.#numbers(horizon);
    const mean = this.#numbers(horizon);
    const quantiles = this.#numbers(horizon * this.levels.length);
    state.forecast(quantiles, mean);
    const { time, stepMs, steps, value, pValue } = state;
    for (let h = 0; h < times.length; h++) times[h] = time + (h + 1) * stepMs;
    return {
      series,
      time,
      step: steps - 1,
      value,
      times,
      mean,
      levels: this.levels,
      quantiles,
      parametersVersion: this.#learner?.version ?? 0,
      flags: flagsOf(state),
      pValue,
    };
  }

  /**
   * The weights of the experts of a series at one horizon, in the order of `experts`.
   * @throws {RangeError} when the series is unknown.
   */
  weights(series: string, ahead: number = this.horizon): Float64Array {
    return this.#known(series).weights(ahead);
  }

  /**
   * The seasonal periods found in a series, in steps.
   * @throws {RangeError} when the series is unknown.
   */
  seasons(series: string): readonly number[] {
    return this.#known(series).seasons;
  }

  /**
   * What moved a forecast away from the last value: inputs and lags, weighed as the experts are.
   *
   * @param series The series.
   * @param ahead Which step ahead.
   * @returns Contributions that add up to the forecast minus the last value.
   * @throws {RangeError} when the series is unknown or the step beyond the horizon.
   *
   * @example
   * ```ts
   * import { OnlineForecaster } from "@tickcast/tickcast";
   * import { ok } from "node:assert/strict";
   *
   * const forecaster = new OnlineForecaster({ horizon: 2 });
   * for (let step = 0; step < 300; step++) {
   *   const values = Float64Array.of(Math.sin(2 * Math.PI * step / 24));
   *   forecaster.step([{ series: "room", time: step * 3_600_000, step, values }]);
   * }
   * const { forecast, baseline, contributions } = await forecaster.explain("room", 2);
   * const sum = contributions.reduce((total, { value }) => total + value, 0);
   * ok(Math.abs(sum - (forecast - baseline)) < 1e-9);
   * ```
   */
  async explain(series: string, ahead: number = this.horizon): Promise<Explanation> {
    const state = this.#known(series);
    if (!Number.isInteger(ahead) || ahead < 1 || ahead > this.horizon) {
      throw new RangeError(`Steps ahead must be 1 to ${this.horizon}, not ${ahead}`);
    }
    const baseline = state.history.at(state.steps - 1);
    const forecast = this.forecast(series).mean[ahead - 1];
    const own = this.#options.experts.length;
    const opinions = await Promise.all(
      state.opinions(ahead).map(async (opinion, e) => {
        if (e < own) return opinion;
        const guest = this.#guests[e - own];
        return {
          ...opinion,
          name: guest.name,
          parts: await guest.explain?.(series, ahead, baseline),
        };
      }),
    );
    const contributions = combine(opinions, baseline);
    return { series, time: state.time, ahead, forecast, baseline, contributions };
  }

  /** The experts learn from every value at once; only a guest may have something due. */
  framesUntilLearning(): number {
    return Math.min(Infinity, ...this.#guests.map((guest) => guest.framesUntilLearning()));
  }

  /** Lets the guests learn for which it is time. */
  async learn(): Promise<void> {
    for (const guest of this.#guests) await guest.learn();
  }

  /** Everything needed to go on. */
  snapshot(): Snapshot {
    return wholeSnapshot((keep) => this.beginSnapshot(keep), this.#series.keys());
  }

  /** The same a series at a time. */
  beginSnapshot(keep: KeepArray): GradualSnapshot {
    const names = [...this.#series.keys()];
    const places = new Map(names.map((name, place) => [name, place]));
    const writer = new StateWriter();
    const guests = this.#guests.map((guest, index) =>
      beginSnapshot(guest, (name, ...pieces) => keep(`guest.${index}.${name}`, ...pieces))
    );
    return {
      take: (name): void => {
        this.#known(name).save(writer);
        keep(`series.${places.get(name)}`, ...writer.pieces());
        for (const guest of guests) guest.take(name);
      },
      finish: () => ({
        ...this.#configuration(),
        series: names,
        guestStates: guests.map((guest) => guest.finish()),
      }),
    };
  }

  /**
   * Goes on from a snapshot.
   * @throws {SyntaxError} when it is of another configuration or damaged.
   */
  restore(snapshot: Snapshot): void {
    const { series, guestStates, ...configuration } = snapshot.manifest;
    if (configuration.format !== FORMAT) {
      throw new SyntaxError(
        `Cannot restore forecaster: the snapshot's format is ${configuration.format}, ` +
          `this version reads ${FORMAT}`,
      );
    }
    const own = this.#configuration();
    if (
      !Array.isArray(series) || !Array.isArray(guestStates) ||
      JSON.stringify(configuration) !== JSON.stringify(own)
    ) {
      throw new SyntaxError("Cannot restore forecaster: the snapshot is of another configuration");
    }
    const restored = new Map<string, SeriesForecaster>();
    for (const [index, name] of (series as string[]).entries()) {
      const array = snapshot.arrays[`series.${index}`];
      if (!(array instanceof Float64Array)) {
        throw new SyntaxError(`Cannot restore forecaster: series ${name} is missing`);
      }
      const reader = new StateReader(array);
      const state = new SeriesForecaster(this.#stations);
      state.load(reader);
      if (!reader.done) {
        throw new SyntaxError(`Cannot restore forecaster: series ${name} is damaged`);
      }
      restored.set(name, state);
    }
    this.#guests.forEach((guest, index) => {
      const prefix = `guest.${index}.`;
      const arrays = Object.entries(snapshot.arrays)
        .filter(([name]) => name.startsWith(prefix))
        .map(([name, array]) => [name.slice(prefix.length), array]);
      guest.restore({ manifest: guestStates[index], arrays: Object.fromEntries(arrays) });
    });
    this.#series.clear();
    for (const [name, state] of restored) this.#series.set(name, state);
  }

  /** Gives back what the guests hold. */
  dispose(): void {
    this.#series.clear();
    for (const guest of this.#guests) guest.dispose();
  }

  #configuration(): Record<string, unknown> {
    const { guard, season = null, ...rest } = this.#options;
    const names = this.#guests.map(({ name }) => name);
    return { format: FORMAT, ...rest, guests: names, season, guard };
  }

  /** Zeros for a forecast, cut off a block. */
  #numbers(length: number): Float64Array {
    if (this.#blockUsed + length > this.#block.length) {
      this.#block = new Float64Array(Math.max(BLOCK_NUMBERS, length));
      this.#blockUsed = 0;
    }
    const start = this.#blockUsed * Float64Array.BYTES_PER_ELEMENT;
    this.#blockUsed += length;
    // Quicker than a subarray.
    return new Float64Array(this.#block.buffer, start, length);
  }

  #start(name: string): SeriesForecaster {
    const series = new SeriesForecaster(this.#stations);
    this.#series.set(name, series);
    return series;
  }

  #known(name: string): SeriesForecaster {
    const series = this.#series.get(name);
    if (series === undefined) throw new RangeError(`Unknown series: ${name}`);
    return series;
  }
}

/** What is to be known about the forecast of a series. */
function flagsOf(state: SeriesForecaster): readonly ForecastFlag[] {
  if (state.steps < WARM_UP_STEPS) return ["warming-up"];
  const isDegraded = state.hasSilentGuest();
  const isAnomaly = state.pValue < ANOMALY_LEVEL;
  if (!isDegraded && !isAnomaly) return NO_FLAGS;
  const flags: ForecastFlag[] = [];
  if (isDegraded) flags.push("degraded");
  if (isAnomaly) flags.push("anomaly");
  return flags;
}

/** Hands every series what each guest has said of it, and has it mixed. */
function conclude(
  states: readonly SeriesForecaster[],
  said: readonly (readonly Float64Array[])[],
): void {
  for (let row = 0; row < states.length; row++) {
    const state = states[row];
    for (let guest = 0; guest < said.length; guest++) state.setGuest(guest, said[guest][row]);
    state.conclude();
  }
}
