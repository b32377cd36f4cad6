import type { History } from "../history.ts";
import { RunningScale } from "../scaler.ts";
import type { Stateful, StateReader, StateWriter } from "../state_buffer.ts";

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
export class CovariateFeatures implements Stateful {
  /** Features written. */
  readonly size: number;
  readonly #covariates: readonly History[];
  readonly #lags: number;
  readonly #units: readonly RunningScale[];
  readonly #means: Float64Array;
  /** The slow means at the latest origins, `[horizon + 1, covariates]`. */
  readonly #pastMeans: Float64Array;
  readonly #origins: number;

  /**
   * @param covariates The covariates so far, step by step beside the target.
   * @param lags Changes looked back at.
   * @param horizon How many steps back origins are still asked for.
   */
  constructor(covariates: readonly History[], lags: number, horizon: number) {
    this.#covariates = covariates.slice(0, COVARIATES_MAX);
    const count = this.#covariates.length;
    this.#lags = lags;
    this.#origins = horizon + 1;
    this.#units = this.#covariates.map(() => new RunningScale(UNIT_RATE));
    this.#means = new Float64Array(count).fill(NaN);
    this.#pastMeans = new Float64Array(this.#origins * count).fill(NaN);
    this.size = count * (1 + lags);
  }

  /** Covariates looked at. */
  get count(): number {
    return this.#covariates.length;
  }

  /** Takes in the values at `step`, the last one that it may look at. */
  observe(step: number): void {
    const means = this.#means;
    this.#covariates.forEach((covariate, k) => {
      const value = covariate.observed(step);
      if (covariate.has(step - 1)) this.#units[k].observe(value - covariate.at(step - 1));
      if (Number.isNaN(means[k])) means[k] = value;
      else if (!Number.isNaN(value)) means[k] += LEVEL_RATE * (value - means[k]);
    });
    this.#pastMeans.set(means, (step % this.#origins) * means.length);
  }

  /** Writes the features at `origin`, no more than `horizon` steps ago, into `x` from `at` on. */
  fill(origin: number, x: Float64Array, at: number): void {
    const means = (origin % this.#origins) * this.count;
    this.#covariates.forEach((covariate, k) => {
      const unit = this.#units[k].value;
      const value = (change: number, limit: number): number => {
        const size = change / unit;
        // Before the first value, and while nothing has changed, there is nothing to tell.
        return Number.isFinite(size) ? Math.max(-limit, Math.min(limit, size)) : 0;
      };
      x[at++] = 0.1 * value(covariate.at(origin) - this.#pastMeans[means + k], DISTANCE_MAX);
      for (let lag = 0; lag < this.#lags; lag++) {
        const past = origin - lag;
        x[at++] = covariate.has(past - 1)
          ? value(covariate.at(past) - covariate.at(past - 1), CHANGE_MAX)
          : 0;
      }
    });
  }

  /** Appends the state. */
  save(writer: StateWriter): void {
    for (const unit of this.#units) unit.save(writer);
    writer.putAll(this.#means);
    writer.putAll(this.#pastMeans);
  }

  /** Takes the state back. */
  load(reader: StateReader): void {
    for (const unit of this.#units) unit.load(reader);
    reader.takeAll(this.#means);
    reader.takeAll(this.#pastMeans);
  }
}
