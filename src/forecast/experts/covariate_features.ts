import { RunningScale } from "../scaler.ts";
import type { SeriesLayout, SeriesState } from "../series_layout.ts";

/** Covariates looked at: a regression over all features costs their square at every step. */
const COVARIATES_MAX = 16;
/** Slow, so that what a unit of a covariate is worth stays what it was when it was learnt. */
const UNIT_RATE = 0.0005;
const LEVEL_RATE = 0.002;
/** Features are cut off here, in units, as those of the target are. */
const CHANGE_MAX = 10;
const DISTANCE_MAX = 100;

/**
 * What a linear expert sees of the covariates at an origin: of each its distance from its slow mean and
 * its latest changes, in its own typical changes. Only values up to the origin are looked at. A missing
 * value stands where the one before stood, so it is no change.
 */
export class CovariateFeatures {
  /** Covariates looked at. */
  readonly count: number;
  /** Features written. */
  readonly size: number;
  readonly #lags: number;
  readonly #units: readonly RunningScale[];
  readonly #means: number;
  /** Where the slow means at the latest origins lie, `[horizon + 1, covariates]`. */
  readonly #pastMeans: number;
  readonly #origins: number;

  /**
   * @param layout Where its numbers lie.
   * @param covariates Covariates that there are.
   * @param lags Changes looked back at.
   * @param horizon How many steps back origins are still asked for.
   */
  constructor(layout: SeriesLayout, covariates: number, lags: number, horizon: number) {
    this.count = Math.min(COVARIATES_MAX, covariates);
    this.size = this.count * (1 + lags);
    this.#lags = lags;
    this.#origins = horizon + 1;
    this.#units = Array.from({ length: this.count }, () => new RunningScale(layout, UNIT_RATE));
    this.#means = layout.reserve(this.count, NaN);
    this.#pastMeans = layout.reserve(this.#origins * this.count, NaN);
  }

  /** Takes in the values at `step`, the last one that it may look at. */
  observe({ memory, covariates }: SeriesState, step: number): void {
    const past = this.#pastMeans + (step % this.#origins) * this.count;
    for (let k = 0; k < this.count; k++) {
      const covariate = covariates[k];
      const value = covariate.observed(step);
      if (covariate.has(step - 1)) this.#units[k].observe(memory, value - covariate.at(step - 1));
      const at = this.#means + k;
      if (Number.isNaN(memory[at])) memory[at] = value;
      else if (!Number.isNaN(value)) memory[at] += LEVEL_RATE * (value - memory[at]);
      memory[past + k] = memory[at];
    }
  }

  /** Writes the features at `origin`, no more than `horizon` steps ago, into `x` from `at` on. */
  fill({ memory, covariates }: SeriesState, origin: number, x: Float64Array, at: number): void {
    const means = this.#pastMeans + (origin % this.#origins) * this.count;
    for (let k = 0; k < this.count; k++) {
      const covariate = covariates[k];
      const unit = this.#units[k].value(memory);
      x[at++] = 0.1 * inUnits(covariate.at(origin) - memory[means + k], unit, DISTANCE_MAX);
      for (let lag = 0; lag < this.#lags; lag++) {
        const past = origin - lag;
        x[at++] = covariate.has(past - 1)
          ? inUnits(covariate.at(past) - covariate.at(past - 1), unit, CHANGE_MAX)
          : 0;
      }
    }
  }
}

/** Before the first value, and while nothing has changed, there is nothing to tell. */
function inUnits(change: number, unit: number, limit: number): number {
  const size = change / unit;
  return Number.isFinite(size) ? Math.max(-limit, Math.min(limit, size)) : 0;
}
