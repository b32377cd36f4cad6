import type { Contribution } from "../explanation.ts";
import { LeastSquares } from "../least_squares.ts";
import { RunningScale } from "../scaler.ts";
import type { Seasons } from "../seasonality.ts";
import type { SeriesState } from "../series_layout.ts";
import { Waves } from "../waves.ts";
import { CovariateFeatures } from "./covariate_features.ts";
import type { Expert, ExpertContext } from "./expert.ts";

/** How a {@linkcode LagLinear} looks back. */
export interface LagLinearOptions {
  /** Changes looked back at. */
  readonly lags: number;
  /** Sine and cosine pairs a season. */
  readonly harmonics: number;
  /** Weight of the past after one more step. */
  readonly forgetting: number;
  /** Penalty on squared coefficients, in squared typical changes. */
  readonly ridge: number;
  /** Changes of every covariate looked back at; covariates are left aside where left out. */
  readonly covariateLags?: number;
}

/** A sample further off than this many typical errors counts as if it were at that distance (Huber 1964). */
const HUBER = 3;
const SCALE_RATE = 0.01;
/** In quiet stretches the unit stays above this share of the long-run change. */
const SLOW_RATE = 0.0005;
const SLOW_SHARE = 0.25;
/** Features are cut off here, in units, so that one outlier cannot swing the forecast for a day. */
const FEATURE_MAX = 10;
const LEVEL_MAX = 100;
const LEVEL_RATE = 0.002;

/**
 * Regresses the change over the next steps on the latest changes, the distance from the slow mean, the
 * phase of the seasons and, where asked, the same of covariates: recursive least squares, one set of features for all horizons. A sample is
 * learnt when its last label has arrived, `horizon` steps later. Everything is in units of the running
 * change, so volatile stretches do not drown the others. Without evidence it is the last value.
 */
export class LagLinear implements Expert {
  readonly #horizon: number;
  readonly #seasons: Seasons;
  readonly #options: LagLinearOptions;
  readonly #regression: LeastSquares;
  readonly #scale: RunningScale;
  readonly #slow: RunningScale;
  readonly #error: RunningScale;
  readonly #covariates: CovariateFeatures;
  readonly #waves: readonly Waves[];
  /** Where the slow mean lies, and what it was at the latest origins, `[horizon + 1]`. */
  readonly #level: number;
  readonly #levels: number;
  readonly #x: Float64Array;
  readonly #errors: Float64Array;

  /**
   * @param context Its series.
   * @param options How far to look back, and for how long to remember.
   */
  constructor(context: ExpertContext, options: LagLinearOptions) {
    const { layout, horizon, seasons } = context;
    const { lags, harmonics, covariateLags } = options;
    this.#horizon = horizon;
    this.#seasons = seasons;
    this.#options = options;
    this.#scale = new RunningScale(layout, SCALE_RATE);
    this.#slow = new RunningScale(layout, SLOW_RATE);
    this.#error = new RunningScale(layout, SCALE_RATE);
    this.#level = layout.reserve(1, NaN);
    this.#levels = layout.reserve(horizon + 1);
    const covariates = covariateLags === undefined ? 0 : context.covariates ?? 0;
    this.#covariates = new CovariateFeatures(layout, covariates, covariateLags ?? 0, horizon);
    this.#waves = seasons.map((period) => new Waves(period, harmonics));
    const size = 2 + lags + 2 * harmonics * seasons.length + this.#covariates.size;
    this.#regression = new LeastSquares(layout, size, horizon, options);
    this.#x = new Float64Array(size);
    this.#errors = new Float64Array(horizon);
  }

  /** Learns the sample whose last label this step brings. */
  observe(series: SeriesState, step: number): void {
    const { memory, history } = series;
    const horizon = this.#horizon;
    this.#covariates.observe(series, step);
    if (!history.has(step - 1)) return;
    const value = history.at(step);
    const change = value - history.at(step - 1);
    this.#scale.observe(memory, change);
    this.#slow.observe(memory, change);
    const before = memory[this.#level];
    const level = Number.isNaN(before) ? value : before + LEVEL_RATE * (value - before);
    memory[this.#level] = level;
    memory[this.#levels + step % (horizon + 1)] = level;
    const origin = step - horizon;
    if (!this.#fill(series, origin)) return;
    const unit = 1 / this.#unit(memory);
    const last = history.at(origin);
    let size = 0;
    let known = 0;
    for (let ahead = 1; ahead <= horizon; ahead++) {
      const target = (history.observed(origin + ahead) - last) * unit;
      const error = target - this.#regression.predict(memory, this.#x, ahead - 1);
      this.#errors[ahead - 1] = error;
      if (Number.isNaN(target)) continue;
      size += Math.abs(error);
      known++;
    }
    if (known === 0) return;
    size /= known;
    const typical = this.#error.value(memory);
    const weight = typical > 0 && size > HUBER * typical ? HUBER * typical / size : 1;
    this.#error.observe(memory, size);
    this.#regression.correct(memory, this.#x, this.#errors, weight);
  }

  /** Writes the last value plus the changes expected. */
  predict(series: SeriesState, step: number, points: Float64Array, at: number): void {
    const { memory, history } = series;
    if (!this.#fill(series, step)) {
      points.fill(NaN, at, at + this.#horizon);
      return;
    }
    const last = history.at(step);
    const unit = this.#unit(memory);
    for (let h = 0; h < this.#horizon; h++) {
      points[at + h] = last + unit * this.#regression.predict(memory, this.#x, h);
    }
  }

  /** Every feature times its coefficient: linear, so exact. */
  explain(series: SeriesState, step: number, ahead: number): Contribution[] {
    if (!this.#fill(series, step)) return [];
    const { memory } = series;
    const { size, coefficients } = this.#regression;
    const { lags, harmonics } = this.#options;
    const unit = this.#unit(memory);
    const row = coefficients + (ahead - 1) * size;
    const part = (from: number, to: number): number => {
      let sum = 0;
      for (let j = from; j < to; j++) sum += memory[row + j] * this.#x[j];
      return unit * sum;
    };
    const parts = [
      { input: "drift", value: part(0, 1) },
      { input: "distance from the slow mean", value: part(1, 2) },
    ];
    for (let lag = 0; lag < lags; lag++) {
      parts.push({ input: changeName(lag), value: part(2 + lag, 3 + lag) });
    }
    this.#seasons.forEach((period, s) => {
      const at = 2 + lags + 2 * harmonics * s;
      parts.push({ input: `phase of ${period} steps`, value: part(at, at + 2 * harmonics) });
    });
    const { count } = this.#covariates;
    const each = this.#covariates.size / count;
    for (let k = 0, at = size - this.#covariates.size; k < count; k++, at += each) {
      parts.push({ input: `covariate ${k + 1}`, value: part(at, at + each) });
    }
    return parts;
  }

  /** The typical change: what everything is measured in. */
  #unit(memory: Float64Array): number {
    return Math.max(this.#scale.value(memory), SLOW_SHARE * this.#slow.value(memory));
  }

  /** The features at `origin`; false where the history does not reach back far enough. */
  #fill(series: SeriesState, origin: number): boolean {
    const { memory, history } = series;
    const { lags } = this.#options;
    const typical = this.#unit(memory);
    if (!history.has(origin - 2) || !(typical > 0)) return false;
    const unit = 1 / typical;
    const x = this.#x;
    const known = Math.min(lags, origin - history.first);
    const level = memory[this.#levels + origin % (this.#horizon + 1)];
    let later = history.at(origin);
    x[0] = 1;
    x[1] = 0.1 * clip((later - level) * unit, LEVEL_MAX);
    for (let lag = 0; lag < known; lag++) {
      const earlier = history.at(origin - lag - 1);
      x[2 + lag] = clip((later - earlier) * unit, FEATURE_MAX);
      later = earlier;
    }
    for (let lag = known; lag < lags; lag++) x[2 + lag] = 0;
    let at = 2 + lags;
    for (let s = 0; s < this.#waves.length; s++) at = this.#waves[s].fill(origin, x, at);
    this.#covariates.fill(series, origin, x, at);
    return true;
  }
}

function changeName(lag: number): string {
  return lag === 0 ? "latest change" : `change ${lag} step${lag > 1 ? "s" : ""} ago`;
}

function clip(x: number, limit: number): number {
  return Math.max(-limit, Math.min(limit, x));
}
