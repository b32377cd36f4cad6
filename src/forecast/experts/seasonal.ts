import type { History } from "../history.ts";
import { latestInSlot, seasonalMedian } from "../seasonal_base.ts";
import type { SeriesState } from "../series_layout.ts";
import type { Expert, ExpertContext } from "./expert.ts";

/** Growth over a season by more than this factor is taken as a difference instead. */
const RATIO_MAX = 2;

/** What a seasonal expert makes of the slot of a step ahead. */
export type SeasonalRule = "naive" | "median" | "growth";

/**
 * Repeats the longest season: its last value in the slot (`naive`), the median of its last four
 * (`median`), or the last value times the growth since then, `v[t−S] · v[i] / v[i−S]` (`growth`, with
 * differences instead of ratios where those make no sense).
 */
export class Seasonal implements Expert {
  readonly #context: ExpertContext;
  readonly #rule: SeasonalRule;
  readonly #period: number;

  /**
   * @param context Its series.
   * @param rule What to make of the slot.
   */
  constructor(context: ExpertContext, rule: SeasonalRule) {
    this.#context = context;
    this.#rule = rule;
    this.#period = context.seasons.at(-1) ?? 0;
  }

  /** Nothing to learn: the history holds all. */
  observe(): void {}

  /** Writes the season's values; `NaN` before the first season is over. */
  predict({ history }: SeriesState, step: number, points: Float64Array, at: number): void {
    const { horizon, seasons } = this.#context;
    // Before the longest season is known once, a shorter one stands in.
    const period = history.has(step - this.#period) ? this.#period : seasons[0] ?? 0;
    for (let ahead = 1; ahead <= horizon; ahead++) {
      points[at + ahead - 1] = period === 0
        ? NaN
        : this.#point(history, step, step + ahead, period);
    }
  }

  #point(history: History, origin: number, target: number, period: number): number {
    if (this.#rule === "median") return seasonalMedian(history, target, origin, [period]);
    const step = latestInSlot(target, origin, period);
    if (!history.has(step)) return NaN;
    const value = history.at(step);
    if (this.#rule === "naive") return value;
    const before = origin - (target - step);
    if (!history.has(before)) return NaN;
    const now = history.at(origin);
    const then = history.at(before);
    const ratio = now / then;
    // A ratio far from 1 is the noise of small values, not growth.
    const grows = value > 0 && ratio > 1 / RATIO_MAX && ratio < RATIO_MAX;
    return grows ? value * ratio : value + now - then;
  }
}
