import type { Opinion } from "./explanation.ts";
import { History } from "./history.ts";
import type { Seasons } from "./seasonality.ts";
import type { SeriesState } from "./series_layout.ts";
import type { SeriesStations, StationsBySeasons } from "./series_stations.ts";
import type { Stateful, StateReader, StateWriter } from "./state_buffer.ts";

/** Seasons that a series may have. */
const SEASONS_MAX = 2;

/**
 * Everything about one series: its values, and the memory of the stations that it shares with others.
 *
 * A step is `observe`, then where there are guests `setGuest`, then `conclude`. A forecast made at step
 * i for i + h is learnt from when value i + h arrives, and never before.
 */
export class SeriesForecaster implements SeriesState, Stateful {
  /** The values so far. */
  readonly history: History;
  /** The features beside it, step by step. */
  readonly covariates: readonly History[];
  readonly #kinds: StationsBySeasons;
  #stations: SeriesStations;
  #memory: Float64Array;

  /** @param kinds The stations of its forecaster. */
  constructor(kinds: StationsBySeasons) {
    const { historyLimit, covariates = 0 } = kinds.options;
    this.#kinds = kinds;
    this.history = new History(historyLimit);
    this.covariates = Array.from({ length: covariates }, () => new History(historyLimit));
    this.#stations = kinds.first;
    this.#memory = this.#stations.makeMemory();
  }

  /** The numbers of its stations. */
  get memory(): Float64Array {
    return this.#memory;
  }

  /** Steps taken. */
  get steps(): number {
    return this.history.length;
  }

  /** The time of the last step, epoch milliseconds. */
  get time(): number {
    return this.#stations.clock.last(this.#memory);
  }

  /** The length of a step in milliseconds, 0 where unknown. */
  get stepMs(): number {
    return this.#stations.clock.stepMs(this.#memory);
  }

  /** The value of the last step, `NaN` where it was missing. */
  get value(): number {
    const last = this.history.length - 1;
    return last >= 0 ? this.history.observed(last) : NaN;
  }

  /** The seasonal periods in use. */
  get seasons(): Seasons {
    return this.#stations.seasons;
  }

  /** The two-sided p-value of the last value within its forecast; 1 where there was none. */
  get pValue(): number {
    return this.#memory[this.#stations.pValue];
  }

  /** Takes the values in, the target first, `NaN` where one is missing, and lets the experts look ahead. */
  observe(time: number, values: ArrayLike<number>): void {
    const { history, covariates } = this;
    const value = values[0];
    this.#stations.clock.observe(this.#memory, time);
    const step = history.length;
    const before = step > 0 ? this.#memory[this.#stations.mixtures + this.#row(step - 1)] : NaN;
    const last = step > 0 ? history.at(step - 1) : 0;
    history.push(value, Number.isFinite(before) ? before : last);
    for (let k = 0; k < covariates.length; k++) {
      const stand = step > 0 ? covariates[k].at(step - 1) : NaN;
      covariates[k].push(values[k + 1] ?? NaN, stand);
    }
    this.#learn(step, value, before);
    if (this.#stations.watch?.isDue(this.#memory, history)) this.#lookForSeasons(step);
    const { breaks, experts, points, size } = this.#stations;
    const { horizon } = this.#kinds.options;
    const memory = this.#memory;
    breaks?.observe(memory, history);
    let at = points + this.#row(step) * size;
    for (let e = 0; e < experts.length; e++, at += horizon) {
      experts[e].observe(this, step);
      experts[e].predict(this, step, memory, at);
    }
    // What guests say comes later. For so few numbers a call to fill them would take longer.
    for (const end = at + (size - experts.length) * horizon; at < end; at++) memory[at] = NaN;
  }

  /** Writes what guest `index` says of the steps ahead. */
  setGuest(index: number, points: Float64Array): void {
    const at = this.#guestPoints() + index * points.length;
    const memory = this.#memory;
    for (let h = 0; h < points.length; h++) memory[at + h] = points[h];
  }

  /** Whether a guest had nothing to say at the last step. */
  hasSilentGuest(): boolean {
    const { horizon, guests } = this.#kinds.options;
    const at = this.#guestPoints();
    for (let guest = 0; guest < guests; guest++) {
      if (Number.isNaN(this.#memory[at + guest * horizon])) return true;
    }
    return false;
  }

  /** Mixes what the experts and guests have said. */
  conclude(): void {
    const { horizon } = this.#kinds.options;
    const { calibrator, guards, mixtures, points, size, sizes, weights } = this.#stations;
    const memory = this.#memory;
    const step = this.history.length - 1;
    const row = this.#row(step);
    const said = points + row * size;
    for (let h = 0; h < horizon; h++) {
      const into = weights + h * size;
      const mixed = guards[h].mix(memory, memory, said + h, horizon, memory, into);
      // Before any expert has an opinion the last value stands in.
      const mixture = Number.isFinite(mixed) ? mixed : this.history.at(step);
      memory[mixtures + row + h] = mixture;
      memory[sizes + row + h] = calibrator.size(memory, step, h + 1, mixture);
    }
    calibrator.refresh(memory, step);
  }

  /** Writes the quantiles `[horizon, levels]` and the mean of the steps ahead. */
  forecast(quantiles: Float64Array, mean: Float64Array): void {
    const { horizon, levels } = this.#kinds.options;
    const { calibrator, mixtures, sizes } = this.#stations;
    const memory = this.#memory;
    const step = this.history.length - 1;
    const row = this.#row(step);
    for (let h = 0; h < horizon; h++) {
      const point = memory[mixtures + row + h];
      const size = memory[sizes + row + h];
      mean[h] = point;
      calibrator.distribution(memory, step, h + 1, point, size, quantiles, h * levels.length);
    }
  }

  /** The weight of every expert, then every guest, at one horizon. */
  weights(ahead: number): Float64Array {
    const { size, weights } = this.#stations;
    return this.#memory.slice(weights + (ahead - 1) * size, weights + ahead * size);
  }

  /** What every expert and then every guest said of one step ahead of the last one. */
  opinions(ahead: number): Opinion[] {
    const { horizon, experts: names } = this.#kinds.options;
    const { experts, points, size } = this.#stations;
    const step = this.history.length - 1;
    const said = points + this.#row(step) * size + ahead - 1;
    return Array.from(this.weights(ahead), (weight, e) => ({
      name: names[e] ?? "guest",
      weight,
      point: this.#memory[said + e * horizon],
      parts: experts[e]?.explain?.(this, step, ahead),
    }));
  }

  /** Appends the state. */
  save(writer: StateWriter): void {
    writer.put(this.seasons.length, ...this.seasons);
    writer.putAll(this.#memory);
    this.history.save(writer);
    for (const covariate of this.covariates) covariate.save(writer);
  }

  /**
   * Takes the state back.
   * @throws {SyntaxError} when it cannot be one.
   */
  load(reader: StateReader): void {
    const count = reader.take();
    if (!(count >= 0 && count <= SEASONS_MAX)) throw new SyntaxError("Series state is damaged");
    const seasons = Array.from({ length: count }, () => reader.take());
    const longest = this.history.limit;
    const given = this.#stations.seasons;
    const known = (period: number): boolean =>
      given.includes(period) || (Number.isInteger(period) && period > 1 && period < longest);
    if (!seasons.every(known)) throw new SyntaxError("Series state is damaged");
    this.#stations = this.#kinds.of(seasons);
    this.#memory = this.#stations.makeMemory();
    reader.takeAll(this.#memory);
    this.history.load(reader);
    for (const covariate of this.covariates) covariate.load(reader);
  }

  /** Goes on with other stations where other seasons are found. */
  #lookForSeasons(step: number): void {
    const { clock, seasons, watch } = this.#stations;
    const memory = this.#memory;
    const found = watch!.look(memory, this.history, clock.stepMs(memory), seasons);
    if (found === undefined) return;
    this.#stations = this.#kinds.of(found);
    this.#memory = this.#stations.makeMemory(memory);
    this.#stations.calibrator.discount(this.#memory);
    // New experts catch up on all that is kept, in order, as if they had been there.
    for (let past = this.history.first; past < step; past++) {
      for (const expert of this.#stations.experts) expert.observe(this, past);
    }
  }

  /** Scores what was said of this step at the origins before it. */
  #learn(step: number, value: number, before: number): void {
    const { horizon } = this.#kinds.options;
    const { calibrator, guards, mixtures, points, pValue, size, sizes } = this.#stations;
    const memory = this.#memory;
    memory[pValue] = 1;
    calibrator.observe(memory, step, value, value - before);
    if (Number.isNaN(value)) return;
    for (let ahead = 1; ahead <= Math.min(horizon, step); ahead++) {
      const origin = step - ahead;
      const row = this.#row(origin);
      const mixture = memory[mixtures + row + ahead - 1];
      if (!Number.isFinite(mixture)) continue;
      const unit = memory[sizes + row + ahead - 1];
      const probability = calibrator.probability(memory, ahead, mixture, unit, value);
      if (ahead === 1) {
        memory[pValue] = Math.max(Number.EPSILON, 2 * Math.min(probability, 1 - probability));
      }
      // The derivative of the continuous ranked probability score when the whole forecast moves.
      const gradient = 1 - 2 * probability;
      const said = points + row * size + ahead - 1;
      guards[ahead - 1].learn(memory, memory, said, horizon, mixture, gradient, unit);
      calibrator.learn(memory, origin, ahead, mixture, unit, value);
    }
  }

  /** Where the forecasts of an origin start in the rings `[horizon + 1, horizon]`. */
  #row(origin: number): number {
    const { horizon } = this.#kinds.options;
    return (origin % (horizon + 1)) * horizon;
  }

  /** Where the points of the guests at the last step lie. */
  #guestPoints(): number {
    const { experts, points, size } = this.#stations;
    const { horizon } = this.#kinds.options;
    return points + this.#row(this.history.length - 1) * size + experts.length * horizon;
  }
}
