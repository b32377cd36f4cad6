import type { History } from "./history.ts";
import { compose, fitRegime, inverse, type RegimeMap, UNMOVED } from "./regime_map.ts";
import { slotMedian } from "./seasonal_base.ts";
import type { Seasons } from "./seasonality.ts";
import type { SeriesLayout } from "./series_layout.ts";

/** Short seasons to which the moved profile must fit: one odd day does not do … */
const WINDOW_SEASONS = 1.5;
/** … and no fewer values either, since three numbers are fitted to them. */
const WINDOW_MIN = 24;
/** It is looked so often within a short season. */
const LOOKS = 8;
/** Deviations from the base must be so much larger than usual, … */
const EXCESS = 2.5;
/** … the moved profile must leave at most so much of them, … */
const REMAINS = 0.25;
/** … and of how far the values are from their mean: it is the profile that is found again. */
const UNEXPLAINED = 0.35;
/** A move is taken back where the former profile leaves at most so much of the deviations. */
const FORMER_REMAINS = 0.6;
/** Long seasons within which a move may be taken back: holidays are over by then. */
const RETURN_SEASONS = 2;

/**
 * Notices that the seasonal profile has moved: over one and a half short seasons the values are far from
 * their base, and yet close to what the base becomes when it is raised, stretched and shifted. The past
 * is then retold as the new regime would have had it ({@linkcode History.retell}), so that everything
 * that looks back goes on at once, with all the seasons there are. The fit is renewed every short season
 * for a long one, and taken back where the former profile returns, as it does after holidays.
 */
export class ProfileWatch {
  readonly #short: number;
  readonly #long: number;
  readonly #window: number;
  /** Where the first step of the present regime lies, the last step its map was fitted at, and the map. */
  readonly #start: number;
  readonly #fitted: number;
  readonly #map: number;

  /**
   * @param layout Where its numbers lie.
   * @param seasons The seasonal periods; not empty.
   */
  constructor(layout: SeriesLayout, seasons: Seasons) {
    this.#start = layout.reserve(1, -Infinity);
    this.#fitted = layout.reserve(1, -Infinity);
    this.#map = layout.reserve(3, [UNMOVED.offset, UNMOVED.factor, UNMOVED.shift]);
    this.#short = seasons[0];
    this.#long = seasons.at(-1)!;
    this.#window = Math.max(WINDOW_MIN, Math.round(WINDOW_SEASONS * this.#short));
  }

  /**
   * Looks at the latest values where it is time.
   *
   * @param memory The series.
   * @param history The values, retold where the profile has moved.
   * @param now The mean deviation from the base lately.
   * @param usual The usual one.
   * @returns Whether the profile has moved, or moved back.
   */
  observe(memory: Float64Array, history: History, now: number, usual: number): boolean {
    const step = history.length - 1;
    if (step % Math.ceil(this.#short / LOOKS) !== 0) return false;
    const age = step + 1 - memory[this.#start];
    if (age > this.#window && this.#returned(memory, history, step, age)) return true;
    if (age > this.#window && age <= this.#long && step >= memory[this.#fitted] + this.#short) {
      this.#refit(memory, history, step, age);
    }
    // A cheap look first: the running mean has seen most of the window.
    return now > EXCESS * usual / 2 && this.#moved(memory, history, step, usual);
  }

  #moved(memory: Float64Array, history: History, step: number, usual: number): boolean {
    const window = this.#window;
    // The window before is looked at too, since the regime may have started within it.
    const from = step + 1 - 2 * window;
    if (!history.has(from - 2 * this.#long)) return false;
    const before = this.#deviation(history, from + window, from - 1);
    if (!(before > EXCESS * usual)) return false;
    const reach = this.#short >> 1;
    const profile = this.#profile(history, from - reach, 2 * (window + reach), from - 1);
    const values = Float64Array.from({ length: 2 * window }, (_, k) => history.at(from + k));
    const latest = values.subarray(window);
    const mean = latest.reduce((sum, value) => sum + value, 0) / window;
    const spread = latest.reduce((sum, value) => sum + Math.abs(value - mean) / window, 0);
    const fit = fitRegime(latest, profile.subarray(window), reach);
    if (!(fit.error < Math.min(REMAINS * before, UNEXPLAINED * spread))) return false;
    const start = from + startOf(values, (k) => profile[reach + k], (k) => {
      return fit.offset + fit.factor * profile[reach + k + fit.shift];
    });
    history.retell(start, fit, this.#long);
    memory[this.#start] = start;
    memory[this.#fitted] = step;
    this.#setMap(memory, fit);
    return true;
  }

  /** The fit to all that is known of the new regime corrects the first one. */
  #refit(memory: Float64Array, history: History, step: number, age: number): void {
    memory[this.#fitted] = step;
    const start = memory[this.#start];
    const values = Float64Array.from({ length: age }, (_, k) => history.at(start + k));
    const fit = fitRegime(values, this.#profile(history, start, age, start - 1), 0);
    if (fit.error === Infinity) return;
    history.retell(start, fit, this.#long);
    this.#setMap(memory, compose(this.#mapOf(memory), fit));
  }

  /** Whether the former profile is back; the past is then as it was, and the days between as it would have had them. */
  #returned(memory: Float64Array, history: History, step: number, age: number): boolean {
    if (age > RETURN_SEASONS * this.#long) return false;
    const back = inverse(this.#mapOf(memory));
    const count = Math.min(age, 2 * this.#window);
    const from = step + 1 - count;
    const origin = memory[this.#start] - 1;
    const profile = this.#profile(history, from, count, origin);
    const former = this.#profile(history, from + back.shift, count, origin)
      .map((value) => back.offset + back.factor * value);
    const values = Float64Array.from({ length: count }, (_, k) => history.at(from + k));
    let now = 0;
    let then = 0;
    for (let k = Math.max(0, count - Math.max(this.#short, WINDOW_MIN)); k < count; k++) {
      now += Math.abs(values[k] - profile[k]);
      then += Math.abs(values[k] - former[k]);
    }
    if (!(then < FORMER_REMAINS * now)) return false;
    const start = from + startOf(values, (k) => profile[k], (k) => former[k]);
    history.retell(start, back, this.#long);
    memory[this.#start] = -Infinity;
    return true;
  }

  #mapOf(memory: Float64Array): RegimeMap {
    const at = this.#map;
    return { offset: memory[at], factor: memory[at + 1], shift: memory[at + 2] };
  }

  #setMap(memory: Float64Array, { offset, factor, shift }: RegimeMap): void {
    memory.set([offset, factor, shift], this.#map);
  }

  /** The mean distance of a window of values from their base. */
  #deviation(history: History, from: number, origin: number): number {
    const first = Math.max(history.first, history.regimeStart);
    let sum = 0;
    for (let step = from; step < from + this.#window; step++) {
      const base = slotMedian(history, step, origin, this.#long, first);
      sum += Math.abs(history.at(step) - base) / this.#window;
    }
    return sum;
  }

  /** The base of steps from `from` on, as the regime before had it. */
  #profile(history: History, from: number, count: number, origin: number): Float64Array {
    const first = Math.max(history.first, history.regimeStart);
    const profile = new Float64Array(count);
    for (let k = 0; k < count; k++) {
      profile[k] = slotMedian(history, from + k, origin, this.#long, first);
    }
    return profile;
  }
}

/** From where on the latter of two profiles fits the values better, in sum: the likeliest start of it. */
function startOf(
  values: Float64Array,
  former: (k: number) => number,
  latter: (k: number) => number,
): number {
  let gain = 0;
  let most = 0;
  let start = values.length - 1;
  for (let k = values.length - 1; k >= 0; k--) {
    gain += Math.abs(values[k] - former(k)) - Math.abs(values[k] - latter(k));
    if (gain > most) {
      most = gain;
      start = k;
    }
  }
  return start;
}
