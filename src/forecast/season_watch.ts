import type { History } from "./history.ts";
import { findSeasons, type Seasons } from "./seasonality.ts";
import type { Stateful, StateReader, StateWriter } from "./state_buffer.ts";

/** First look, and the growth of the history from one look to the next. */
const FIRST_LOOK = 16;
const GROWTH = 1.3;

/**
 * Looks for the seasonal periods now and then: as the history grows by a third, later every half of its
 * limit. Periods once found are kept until others are found: a season that pauses does no harm, since
 * the guard weighs its experts.
 */
export class SeasonWatch implements Stateful {
  readonly #fixed: boolean;
  #seasons: Seasons;
  #next = FIRST_LOOK;

  /** @param season A period in steps to use instead of looking; 0 for none. */
  constructor(season?: number) {
    this.#fixed = season !== undefined;
    this.#seasons = season !== undefined && season > 1 ? [season] : [];
  }

  /** The periods in steps, shortest first. */
  get seasons(): Seasons {
    return this.#seasons;
  }

  /** Looks where it is time. @returns Whether the periods have changed. */
  observe(history: History, stepMs: number): boolean {
    if (this.#fixed || history.length < this.#next) return false;
    const pause = Math.min(history.length * (GROWTH - 1), history.limit / 2);
    this.#next = history.length + Math.ceil(pause);
    const found = findSeasons(history, stepMs);
    if (found.every((period) => this.#seasons.includes(period))) return false;
    this.#seasons = found;
    return true;
  }

  /** Appends the state. */
  save(writer: StateWriter): void {
    writer.put(this.#next, this.#seasons.length, ...this.#seasons);
  }

  /** Takes the state back. */
  load(reader: StateReader): void {
    this.#next = reader.take();
    this.#seasons = Array.from({ length: reader.take() }, () => reader.take());
  }
}
