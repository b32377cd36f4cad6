import { BreakWatch } from "./break_watch.ts";
import { Calibrator } from "./calibrator.ts";
import type { Opinion } from "./explanation.ts";
import type { Expert, ExpertContext } from "./experts/expert.ts";
import { type ExpertName, makeExpert } from "./experts/registry.ts";
import { Guard, type GuardOptions } from "./guard.ts";
import { History } from "./history.ts";
import { SeasonWatch } from "./season_watch.ts";
import type { Seasons } from "./seasonality.ts";
import type { Stateful, StateReader, StateWriter } from "./state_buffer.ts";
import { StepClock } from "./step_clock.ts";

/** What a {@linkcode SeriesForecaster} is made of. */
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

/** What an expert writes before it is kept; shared, since series take turns. */
let points = new Float64Array(0);

/**
 * Everything about one series: its history, experts, guard and calibrator.
 *
 * A step is `observe`, then where there are guests `setGuest`, then `conclude`. A forecast made at step
 * i for i + h is learnt from when value i + h arrives, and never before.
 */
export class SeriesForecaster implements Stateful {
  readonly #options: SeriesOptions;
  readonly #history: History;
  readonly #covariates: readonly History[];
  readonly #clock = new StepClock();
  readonly #watch: SeasonWatch;
  readonly #guards: Guard[];
  readonly #calibrator: Calibrator;
  #experts: Expert[] = [];
  #breaks = new BreakWatch([]);
  readonly #size: number;
  /** What the experts said at the latest origins, `[horizon + 1, experts, horizon]`. */
  readonly #points: Float64Array;
  /** The mixtures and the expected sizes of their errors, `[horizon + 1, horizon]`. */
  readonly #mixtures: Float64Array;
  readonly #sizes: Float64Array;
  /** The weights at the latest step, `[horizon, experts]`. */
  readonly #weights: Float64Array;
  #pValue = 1;

  /** @param options What it is made of. */
  constructor(options: SeriesOptions) {
    this.#options = options;
    const { horizon, levels } = options;
    this.#history = new History(options.historyLimit);
    this.#covariates = Array.from({ length: options.covariates ?? 0 }, () => {
      return new History(options.historyLimit);
    });
    this.#watch = new SeasonWatch(options.season);
    this.#size = options.experts.length + options.guests;
    this.#guards = Array.from({ length: horizon }, (_, h) => {
      return new Guard(this.#size, { ...options.guard, ahead: h + 1 });
    });
    this.#calibrator = new Calibrator(horizon, levels, this.#watch.seasons);
    this.#points = new Float64Array((horizon + 1) * this.#size * horizon).fill(NaN);
    this.#mixtures = new Float64Array((horizon + 1) * horizon).fill(NaN);
    this.#sizes = new Float64Array((horizon + 1) * horizon);
    this.#weights = new Float64Array(horizon * this.#size);
    this.#makeExperts();
  }

  /** Steps taken. */
  get steps(): number {
    return this.#history.length;
  }

  /** The time of the last step, epoch milliseconds. */
  get time(): number {
    return this.#clock.last;
  }

  /** The length of a step in milliseconds, 0 where unknown. */
  get stepMs(): number {
    return this.#clock.stepMs;
  }

  /** The values so far. */
  get history(): History {
    return this.#history;
  }

  /** The value of the last step, `NaN` where it was missing. */
  get value(): number {
    const last = this.#history.length - 1;
    return last >= 0 && this.#history.observed(last) ? this.#history.at(last) : NaN;
  }

  /** The seasonal periods in use. */
  get seasons(): Seasons {
    return this.#watch.seasons;
  }

  /** The two-sided p-value of the last value within its forecast; 1 where there was none. */
  get pValue(): number {
    return this.#pValue;
  }

  /** Takes the values in, the target first, `NaN` where one is missing, and lets the experts look ahead. */
  observe(time: number, values: ArrayLike<number>): void {
    const history = this.#history;
    const value = values[0];
    this.#clock.observe(time);
    const step = history.length;
    const before = step > 0 ? this.#mixtures[this.#row(step - 1)] : NaN;
    const last = step > 0 ? history.at(step - 1) : 0;
    history.push(value, Number.isFinite(before) ? before : last);
    this.#covariates.forEach((covariate, k) => {
      covariate.push(values[k + 1] ?? NaN, step > 0 ? covariate.at(step - 1) : NaN);
    });
    this.#learn(step, value);
    if (this.#watch.observe(history, this.#clock.stepMs)) {
      this.#makeExperts();
      this.#calibrator.setSeasons(this.seasons);
      // New experts catch up on all that is kept, in order, as if they had been there.
      for (let past = history.first; past < step; past++) {
        for (const expert of this.#experts) expert.observe(past);
      }
    }
    this.#breaks.observe(history);
    const { horizon } = this.#options;
    const row = this.#row(step) * this.#size;
    const experts = this.#experts;
    if (points.length !== horizon) points = new Float64Array(horizon);
    for (let e = 0; e < experts.length; e++) {
      experts[e].observe(step);
      experts[e].predict(step, points);
      this.#setPoints(row + e * horizon, points);
    }
    const guests = row + experts.length * horizon;
    this.#points.fill(NaN, guests, row + this.#size * horizon);
  }

  /** Writes what guest `index` says of the steps ahead. */
  setGuest(index: number, points: Float64Array): void {
    const { horizon } = this.#options;
    const row = this.#row(this.#history.length - 1) * this.#size;
    this.#setPoints(row + (this.#experts.length + index) * horizon, points);
  }

  /** Whether a guest had nothing to say at the last step. */
  hasSilentGuest(): boolean {
    const { horizon } = this.#options;
    const row = this.#row(this.#history.length - 1) * this.#size;
    for (let e = this.#experts.length; e < this.#size; e++) {
      if (Number.isNaN(this.#points[row + e * horizon])) return true;
    }
    return false;
  }

  /** Mixes what the experts and guests have said. */
  conclude(): void {
    const { horizon } = this.#options;
    const step = this.#history.length - 1;
    const row = this.#row(step);
    const points = row * this.#size;
    for (let h = 0; h < horizon; h++) {
      const into = h * this.#size;
      const mixed = this.#guards[h].mix(this.#points, points + h, horizon, this.#weights, into);
      // Before any expert has an opinion the last value stands in.
      const mixture = Number.isFinite(mixed) ? mixed : this.#history.at(step);
      this.#mixtures[row + h] = mixture;
      this.#sizes[row + h] = this.#calibrator.size(step, h + 1, mixture);
    }
    this.#calibrator.refresh(step);
  }

  /** Writes the quantiles `[horizon, levels]` and the mean of the steps ahead. */
  forecast(quantiles: Float64Array, mean: Float64Array): void {
    const { horizon, levels } = this.#options;
    const step = this.#history.length - 1;
    const row = this.#row(step);
    for (let h = 0; h < horizon; h++) {
      mean[h] = this.#mixtures[row + h];
      this.#calibrator.distribution(
        step,
        h + 1,
        mean[h],
        this.#sizes[row + h],
        quantiles,
        h * levels.length,
      );
    }
  }

  /** The weight of every expert, then every guest, at one horizon. */
  weights(ahead: number): Float64Array {
    return this.#weights.slice((ahead - 1) * this.#size, ahead * this.#size);
  }

  /** What every expert and then every guest said of one step ahead of the last one. */
  opinions(ahead: number): Opinion[] {
    const { horizon, experts } = this.#options;
    const step = this.#history.length - 1;
    const points = this.#row(step) * this.#size + ahead - 1;
    return Array.from(this.weights(ahead), (weight, e) => ({
      name: experts[e] ?? "guest",
      weight,
      point: this.#points[points + e * horizon],
      parts: this.#experts[e]?.explain?.(step, ahead),
    }));
  }

  /** Appends the state. */
  save(writer: StateWriter): void {
    this.#clock.save(writer);
    this.#history.save(writer);
    for (const covariate of this.#covariates) covariate.save(writer);
    this.#watch.save(writer);
    this.#breaks.save(writer);
    for (const expert of this.#experts) expert.save(writer);
    for (const guard of this.#guards) guard.save(writer);
    this.#calibrator.save(writer);
    for (const ring of [this.#points, this.#mixtures, this.#sizes, this.#weights]) {
      writer.putAll(ring);
    }
    writer.put(this.#pValue);
  }

  /** Takes the state back. */
  load(reader: StateReader): void {
    this.#clock.load(reader);
    this.#history.load(reader);
    for (const covariate of this.#covariates) covariate.load(reader);
    this.#watch.load(reader);
    this.#makeExperts();
    this.#calibrator.setSeasons(this.seasons);
    this.#breaks.load(reader);
    for (const expert of this.#experts) expert.load(reader);
    for (const guard of this.#guards) guard.load(reader);
    this.#calibrator.load(reader);
    for (const ring of [this.#points, this.#mixtures, this.#sizes, this.#weights]) {
      reader.takeAll(ring);
    }
    this.#pValue = reader.take();
  }

  /** A few numbers: a loop is quicker than a call that sets them. */
  #setPoints(at: number, points: Float64Array): void {
    const own = this.#points;
    for (let h = 0; h < points.length; h++) own[at + h] = points[h];
  }

  #makeExperts(): void {
    const { horizon, experts } = this.#options;
    const context: ExpertContext = {
      history: this.#history,
      covariates: this.#covariates,
      horizon,
      seasons: this.seasons,
    };
    this.#breaks = new BreakWatch(this.seasons);
    this.#experts = experts.map((name) => makeExpert(name, context));
  }

  /** Scores what was said of this step at the origins before it. */
  #learn(step: number, value: number): void {
    this.#pValue = 1;
    const { horizon } = this.#options;
    const before = step > 0 ? this.#mixtures[this.#row(step - 1)] : NaN;
    this.#calibrator.observe(step, value, value - before);
    if (Number.isNaN(value)) return;
    for (let ahead = 1; ahead <= Math.min(horizon, step); ahead++) {
      const origin = step - ahead;
      const row = this.#row(origin);
      const at = row + ahead - 1;
      const mixture = this.#mixtures[at];
      if (!Number.isFinite(mixture)) continue;
      const size = this.#sizes[at];
      const probability = this.#calibrator.probability(ahead, mixture, size, value);
      if (ahead === 1) {
        this.#pValue = Math.max(Number.EPSILON, 2 * Math.min(probability, 1 - probability));
      }
      // The derivative of the continuous ranked probability score when the whole forecast moves.
      const gradient = 1 - 2 * probability;
      const points = row * this.#size + ahead - 1;
      this.#guards[ahead - 1].learn(this.#points, points, horizon, mixture, gradient, size);
      this.#calibrator.learn(origin, ahead, mixture, size, value);
    }
  }

  /** Where the forecasts of an origin start in the rings `[horizon + 1, horizon]`. */
  #row(origin: number): number {
    const { horizon } = this.#options;
    return (origin % (horizon + 1)) * horizon;
  }
}
