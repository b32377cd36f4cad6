import { Random } from "../model/random.ts";
import type { History } from "./history.ts";
import { findSeasons, type Seasons } from "./seasonality.ts";
import type { SeriesLayout } from "./series_layout.ts";

/** First look, and the growth of the history from one look to the next. */
const FIRST_LOOK = 16;
const GROWTH = 1.3;
/** How unequal the pauses between looks are, as a share of them. */
const SPREAD = 0.2;

const numbers = new Float64Array(1);
const words = new Uint32Array(numbers.buffer);

/**
 * Looks for the seasonal periods now and then: as the history grows by about a third, later about every
 * half of its limit. The latest value decides on how long exactly, as a lot would: series that have started
 * together then do not all look at the same step, and what a series is told depends on itself alone. Periods once found are kept until others are found: a season that pauses does no harm, since
 * the guard weighs its experts.
 */
export class SeasonWatch {
  /** Where the number of steps lies at which to look next. */
  readonly #next: number;

  /** @param layout Where its numbers lie. */
  constructor(layout: SeriesLayout) {
    this.#next = layout.reserve(1, FIRST_LOOK);
  }

  /** Whether it is time to look. */
  isDue(memory: Float64Array, history: History): boolean {
    return history.length >= memory[this.#next];
  }

  /**
   * Looks.
   * @param memory The series.
   * @param history Its values.
   * @param stepMs The length of a step in milliseconds, 0 where unknown.
   * @param seasons The periods in use.
   * @returns The periods from now on, shortest first, where they have changed.
   */
  look(
    memory: Float64Array,
    history: History,
    stepMs: number,
    seasons: Seasons,
  ): Seasons | undefined {
    const { length } = history;
    const pause = Math.min(length * (GROWTH - 1), history.limit / 2);
    const lot = 1 + SPREAD * (lotOf(history.at(length - 1)) - 0.5);
    memory[this.#next] = length + Math.ceil(lot * pause);
    const found = findSeasons(history, stepMs);
    return found.every((period) => seasons.includes(period)) ? undefined : found;
  }
}

/** A number in [0, 1) that hangs on every bit of a value. */
function lotOf(value: number): number {
  numbers[0] = value;
  return new Random(words[0] ^ words[1]).uniform();
}
