import type { History } from "./history.ts";
import { ProfileWatch } from "./profile_watch.ts";
import { RunningScale } from "./scaler.ts";
import { seasonalMedian } from "./seasonal_base.ts";
import type { Seasons } from "./seasonality.ts";
import type { Stateful, StateReader, StateWriter } from "./state_buffer.ts";

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
export class BreakWatch implements Stateful {
  readonly #seasons: Seasons;
  readonly #now: RunningScale;
  readonly #usual: RunningScale;
  readonly #repeat: RunningScale;
  readonly #profile: ProfileWatch | undefined;
  #last = -Infinity;

  /** @param seasons The seasonal periods; without any nothing is watched. */
  constructor(seasons: Seasons) {
    this.#seasons = seasons;
    this.#profile = seasons.length > 0 ? new ProfileWatch(seasons) : undefined;
    const short = seasons[0] ?? 1;
    this.#now = new RunningScale(1 / short);
    this.#repeat = new RunningScale(1 / short);
    this.#usual = new RunningScale(1 / (MEMORY_SEASONS * (seasons.at(-1) ?? 1)));
  }

  /** Looks at the latest value, and tells the history where a new regime has started. */
  observe(history: History): void {
    if (this.#profile === undefined) return;
    const step = history.length - 1;
    const short = this.#seasons[0];
    const long = this.#seasons.at(-1)!;
    const value = history.observed(step);
    if (!history.has(step - long - short)) return;
    const deviation = value - seasonalMedian(history, step, step - 1, this.#seasons);
    this.#now.observe(deviation);
    this.#repeat.observe(value - history.at(step - short));
    const usual = this.#usual.value;
    const bound = this.#usual.count > 2 * long ? USUAL_MAX * usual : Infinity;
    this.#usual.observe(Math.max(-bound, Math.min(bound, deviation)));
    if (bound === Infinity) return;
    if (this.#profile.observe(history, this.#now.value, usual)) {
      this.#last = step;
      return;
    }
    const broken = step - this.#last > long && this.#now.value > EXCESS * usual &&
      this.#repeat.value < REMAINS * this.#now.value;
    if (broken) {
      this.#last = step;
      history.breakAt(step - short);
    }
  }

  /** Appends the state. */
  save(writer: StateWriter): void {
    for (const scale of [this.#now, this.#usual, this.#repeat]) scale.save(writer);
    writer.put(this.#last);
    this.#profile?.save(writer);
  }

  /** Takes the state back. */
  load(reader: StateReader): void {
    for (const scale of [this.#now, this.#usual, this.#repeat]) scale.load(reader);
    this.#last = reader.take();
    this.#profile?.load(reader);
  }
}
