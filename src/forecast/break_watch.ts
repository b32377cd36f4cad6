import type { History } from "./history.ts";
import { ProfileWatch } from "./profile_watch.ts";
import { RunningScale } from "./scaler.ts";
import { seasonalMedian } from "./seasonal_base.ts";
import type { Seasons } from "./seasonality.ts";
import type { SeriesLayout } from "./series_layout.ts";

/** Deviations from the base must be so much larger than usual … */
const EXCESS = 3.5;
/** … and repeating the season before must leave at most so much of them. */
const REMAINS = 0.35;
/** Long seasons over which the usual deviation is remembered. */
const MEMORY_SEASONS = 4;
/** A deviation counts as at most so many usual ones, so that a new regime does not pass for usual. */
const USUAL_MAX = 4;

/**
 * Notices that the seasonal profile has changed for good: over a whole short season the values are far
 * from their base, and yet the season before says well what they are. One odd day does not do that, a
 * new regime does from its second day on. The base is then taken from the new regime alone. Where the
 * profile has only moved, {@linkcode ProfileWatch} sees it sooner, and the past can still be used.
 */
export class BreakWatch {
  readonly #seasons: Seasons;
  readonly #long: number;
  readonly #now: RunningScale;
  readonly #usual: RunningScale;
  readonly #repeat: RunningScale;
  readonly #profile: ProfileWatch;
  /** Where the last step lies at which a regime was found to have ended. */
  readonly #last: number;

  /**
   * @param layout Where its numbers lie.
   * @param seasons The seasonal periods; not empty.
   */
  constructor(layout: SeriesLayout, seasons: Seasons) {
    this.#seasons = seasons;
    this.#long = seasons.at(-1)!;
    this.#profile = new ProfileWatch(layout, seasons);
    this.#now = new RunningScale(layout, 1 / seasons[0]);
    this.#repeat = new RunningScale(layout, 1 / seasons[0]);
    this.#usual = new RunningScale(layout, 1 / (MEMORY_SEASONS * this.#long));
    this.#last = layout.reserve(1, -Infinity);
  }

  /** Looks at the latest value, and tells the history where a new regime has started. */
  observe(memory: Float64Array, history: History): void {
    const step = history.length - 1;
    const short = this.#seasons[0];
    const long = this.#long;
    const value = history.observed(step);
    if (!history.has(step - long - short)) return;
    const deviation = value - seasonalMedian(history, step, step - 1, this.#seasons);
    this.#now.observe(memory, deviation);
    this.#repeat.observe(memory, value - history.at(step - short));
    const usual = this.#usual.value(memory);
    const bound = this.#usual.count(memory) > 2 * long ? USUAL_MAX * usual : Infinity;
    this.#usual.observe(memory, Math.max(-bound, Math.min(bound, deviation)));
    if (bound === Infinity) return;
    const now = this.#now.value(memory);
    if (this.#profile.observe(memory, history, now, usual)) {
      memory[this.#last] = step;
      return;
    }
    const broken = step - memory[this.#last] > long && now > EXCESS * usual &&
      this.#repeat.value(memory) < REMAINS * now;
    if (broken) {
      memory[this.#last] = step;
      history.breakAt(step - short);
    }
  }
}
