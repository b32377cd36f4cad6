import { BreakWatch } from "./break_watch.ts";
import { Calibrator } from "./calibrator.ts";
import type { Expert } from "./experts/expert.ts";
import { type ExpertName, makeExpert } from "./experts/registry.ts";
import { Guard, type GuardOptions } from "./guard.ts";
import { SeasonWatch } from "./season_watch.ts";
import type { Seasons } from "./seasonality.ts";
import { SeriesLayout } from "./series_layout.ts";
import { StepClock } from "./step_clock.ts";

/** What the series of one forecaster are made of. */
export interface SeriesOptions {
  /** Steps ahead. */
  readonly horizon: number;
  /** Quantile levels, ascending. */
  readonly levels: readonly number[];
  /** The experts of the mixture. */
  readonly experts: readonly ExpertName[];
  /** Points that come from outside, such as a network's, beside the experts. */
  readonly guests: number;
  /** Features beside the target; 0 where left out. */
  readonly covariates?: number;
  /** A seasonal period in steps, 0 for none; found from the data where left out. */
  readonly season?: number;
  /** Values kept at most, a power of two. */
  readonly historyLimit: number;
  /** How the mixture remembers. */
  readonly guard: Omit<GuardOptions, "ahead">;
}

/**
 * All that a series passes in a step, made once for all series of the same seasons: every station says
 * where in the memory of a series its numbers lie, and holds none itself.
 */
export class SeriesStations {
  /** The seasonal periods that they are made for, in steps, shortest first. */
  readonly seasons: Seasons;
  /** Experts and guests. */
  readonly size: number;
  /** The length of a step. */
  readonly clock: StepClock;
  /** What looks for seasons, where they are not given. */
  readonly watch: SeasonWatch | undefined;
  /** A mixture for every step ahead. */
  readonly guards: readonly Guard[];
  /** Quantiles. */
  readonly calibrator: Calibrator;
  /** What notices a new regime, where there are seasons. */
  readonly breaks: BreakWatch | undefined;
  /** What looks ahead. */
  readonly experts: readonly Expert[];
  /** Where the p-value of the last value lies. */
  readonly pValue: number;
  /** Where lies what the experts said at the latest origins, `[horizon + 1, experts, horizon]`. */
  readonly points: number;
  /** Where the mixtures and the expected sizes of their errors lie, `[horizon + 1, horizon]`. */
  readonly mixtures: number;
  readonly sizes: number;
  /** Where the weights at the latest step lie, `[horizon, experts]`. */
  readonly weights: number;
  readonly #layout = new SeriesLayout();
  readonly #lasting: number;

  /**
   * @param options What the series are made of.
   * @param seasons Their seasonal periods.
   */
  constructor(options: SeriesOptions, seasons: Seasons) {
    const layout = this.#layout;
    const { horizon, levels, experts, guests, covariates, season, guard } = options;
    this.seasons = seasons;
    this.size = experts.length + guests;
    this.clock = new StepClock(layout);
    this.watch = season === undefined ? new SeasonWatch(layout) : undefined;
    this.pValue = layout.reserve(1, 1);
    this.mixtures = layout.reserve((horizon + 1) * horizon, NaN);
    this.sizes = layout.reserve((horizon + 1) * horizon);
    this.points = layout.reserve((horizon + 1) * this.size * horizon, NaN);
    this.weights = layout.reserve(horizon * this.size);
    this.guards = Array.from({ length: horizon }, (_, h) => {
      return new Guard(layout, this.size, { ...guard, ahead: h + 1 });
    });
    this.calibrator = new Calibrator(layout, horizon, levels);
    this.#lasting = layout.size;
    this.calibrator.setSeasons(layout, seasons);
    this.breaks = seasons.length > 0 ? new BreakWatch(layout, seasons) : undefined;
    const context = { layout, covariates, horizon, seasons };
    this.experts = experts.map((name) => makeExpert(name, context));
  }

  /** Numbers in the memory of a series. */
  get memorySize(): number {
    return this.#layout.size;
  }

  /**
   * The memory of a series before its first step, or as it goes on with other seasons.
   * @param before What it was with the seasons before; what does not depend on them is kept.
   */
  makeMemory(before?: Float64Array): Float64Array {
    const memory = this.#layout.makeMemory();
    if (before !== undefined) memory.set(before.subarray(0, this.#lasting));
    return memory;
  }
}

/** Kinds of seasons whose stations are kept for further series; more are made anew for each series. */
const KINDS_MAX = 64;

/** Stations by seasons, so that series share them. */
export class StationsBySeasons {
  /** What the series are made of. */
  readonly options: SeriesOptions;
  readonly #kinds = new Map<string, SeriesStations>();

  /** @param options What the series are made of. */
  constructor(options: SeriesOptions) {
    this.options = options;
  }

  /** Those that a series starts with. */
  get first(): SeriesStations {
    const { season = 0 } = this.options;
    return this.of(season > 1 ? [season] : []);
  }

  /** Those for some seasons. */
  of(seasons: Seasons): SeriesStations {
    const kind = seasons.join();
    let stations = this.#kinds.get(kind);
    if (stations === undefined) {
      stations = new SeriesStations(this.options, seasons);
      if (this.#kinds.size < KINDS_MAX) this.#kinds.set(kind, stations);
    }
    return stations;
  }
}
