import { latestInSlot, seasonalMedian } from "../seasonal_base.ts";
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
   * @param context The series.
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
  predict(step: number, points: Float64Array): void {
    const { history, seasons } = this.#context;
    // Before the longest season is known once, a shorter one stands in.
    const period = history.has(step - this.#period) ? this.#period : seasons[0] ?? 0;
    for (let ahead = 1; ahead <= points.length; ahead++) {
      points[ahead - 1] = period === 0 ? NaN : this.#point(step, step + ahead, period);
    }
  }

  /** Nothing to save. */
  save(): void {}

  /** Nothing to load. */
  load(): void {}

  #point(origin: number, target: number, period: number): number {
    const { history } = this.#context;
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
