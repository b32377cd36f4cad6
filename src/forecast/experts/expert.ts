import type { Contribution } from "../explanation.ts";
import type { Seasons } from "../seasonality.ts";
import type { SeriesLayout, SeriesState } from "../series_layout.ts";

/** What the series of an expert have in common. */
export interface ExpertContext {
  /** Where what the expert keeps of a series lies. */
  readonly layout: SeriesLayout;
  /** Features beside the target; 0 where left out. */
  readonly covariates?: number;
  /** Steps ahead. */
  readonly horizon: number;
  /** The seasonal periods in steps, shortest first. Experts are built anew when they change. */
  readonly seasons: Seasons;
}

/**
 * One way to forecast a series: a point for each step ahead. What the points are worth is the guard's
 * to learn, their spread the calibrator's. An expert serves all series that are alike, and keeps what it
 * learns of each in its memory.
 */
export interface Expert {
  /**
   * Takes in the value at `step`, the last one of the history that it may look at. Steps come in order.
   */
  observe(series: SeriesState, step: number): void;
  /**
   * Writes the points for 1 … horizon steps after `step` into `points` from `at` on; `NaN` where it has
   * no opinion yet.
   */
  predict(series: SeriesState, step: number, points: Float64Array, at: number): void;
  /**
   * What moved its point for `ahead` steps after `step`, the last one observed, away from the last
   * value. The contributions add up to that difference.
   */
  explain?(series: SeriesState, step: number, ahead: number): readonly Contribution[];
}
