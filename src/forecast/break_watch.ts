import type { History } from "./history.ts";
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

/**
 * Notices that the seasonal profile has changed for good: over a whole short season the values are far
 * from their base, and yet the season before says well what they are. One odd day does not do that, a
 * new regime does from its second day on. The base is then taken from the new regime alone.
 */
export class BreakWatch implements Stateful {
  readonly #seasons: Seasons;
  readonly #now: RunningScale;
  readonly #usual: RunningScale;
  readonly #repeat: RunningScale;
  #last = -Infinity;

  /** @param seasons The seasonal periods; without any nothing is watched. */
  constructor(seasons: Seasons) {
    this.#seasons = seasons;
    const short = seasons[0] ?? 1;
    this.#now = new RunningScale(1 / short);
    this.#repeat = new RunningScale(1 / short);
    this.#usual = new RunningScale(1 / (MEMORY_SEASONS * (seasons.at(-1) ?? 1)));
  }

  /** Looks at the latest value, and tells the history where a new regime has started. */
  observe(history: History): void {
    if (this.#seasons.length === 0) return;
    const step = history.length - 1;
    const short = this.#seasons[0];
    const long = this.#seasons.at(-1)!;
    const value = history.observed(step);
    if (!history.has(step - long - short)) return;
    const deviation = value - seasonalMedian(history, step, step - 1, this.#seasons);
    this.#now.observe(deviation);
    this.#usual.observe(deviation);
    this.#repeat.observe(value - history.at(step - short));
    const broken = step - this.#last > long && this.#usual.count > 2 * long &&
      this.#now.value > EXCESS * this.#usual.value &&
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
  }

  /** Takes the state back. */
  load(reader: StateReader): void {
    for (const scale of [this.#now, this.#usual, this.#repeat]) scale.load(reader);
    this.#last = reader.take();
  }
}
