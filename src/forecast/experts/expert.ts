import type { Contribution } from "../explanation.ts";
import type { History } from "../history.ts";
import type { Seasons } from "../seasonality.ts";
import type { Stateful } from "../state_buffer.ts";

/** What the experts of one series look at. */
export interface ExpertContext {
  /** The values so far. */
  readonly history: History;
  /** The features beside it, step by step; none where left out. */
  readonly covariates?: readonly History[];
  /** Steps ahead. */
  readonly horizon: number;
  /** The seasonal periods in steps, shortest first. Experts are built anew when they change. */
  readonly seasons: Seasons;
}

/**
 * One way to forecast one series: a point for each step ahead. What the points are worth is the guard's
 * to learn, their spread the calibrator's.
 */
export interface Expert extends Stateful {
  /**
   * Takes in the value at `step`, the last one of the history that it may look at. Steps come in order.
   */
  observe(step: number): void;
  /** Writes the points for 1 … horizon steps after `step`; `NaN` where it has no opinion yet. */
  predict(step: number, points: Float64Array): void;
  /**
   * What moved its point for `ahead` steps after `step`, the last one observed, away from the last
   * value. The contributions add up to that difference.
   */
  explain?(step: number, ahead: number): readonly Contribution[];
}
