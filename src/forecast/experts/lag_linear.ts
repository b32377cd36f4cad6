import type { Contribution } from "../explanation.ts";
import { RecursiveLeastSquares } from "../recursive_least_squares.ts";
import { RunningScale } from "../scaler.ts";
import type { StateReader, StateWriter } from "../state_buffer.ts";
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
const LEVEL_RATE = 0.002;

/**
 * Regresses the change over the next steps on the latest changes, the distance from the slow mean, the
 * phase of the seasons and, where asked, the same of covariates: recursive least squares, one set of features for all horizons. A sample is
 * learnt when its last label has arrived, `horizon` steps later. Everything is in units of the running
 * change, so volatile stretches do not drown the others. Without evidence it is the last value.
 */
export class LagLinear implements Expert {
  readonly #context: ExpertContext;
  readonly #options: LagLinearOptions;
  readonly #regression: RecursiveLeastSquares;
  readonly #scale = new RunningScale(SCALE_RATE);
  readonly #slow = new RunningScale(SLOW_RATE);
  readonly #error = new RunningScale(SCALE_RATE);
  readonly #covariates: CovariateFeatures;
  readonly #x: Float64Array;
  readonly #targets: Float64Array;
  #level = NaN;
  #levels: Float64Array;

  /**
   * @param context The series.
   * @param options How far to look back, and for how long to remember.
   */
  constructor(context: ExpertContext, options: LagLinearOptions) {
    this.#context = context;
    this.#options = options;
    const { covariateLags } = options;
    const covariates = covariateLags === undefined ? [] : context.covariates ?? [];
    this.#covariates = new CovariateFeatures(covariates, covariateLags ?? 0, context.horizon);
    const size = 2 + options.lags + 2 * options.harmonics * context.seasons.length +
      this.#covariates.size;
    this.#regression = new RecursiveLeastSquares(size, context.horizon, options);
    this.#x = new Float64Array(size);
    this.#targets = new Float64Array(context.horizon);
    this.#levels = new Float64Array(context.horizon + 1);
  }

  /** Learns the sample whose last label this step brings. */
  observe(step: number): void {
    const { history, horizon } = this.#context;
    this.#covariates.observe(step);
    if (!history.has(step - 1)) return;
    const change = history.at(step) - history.at(step - 1);
    this.#scale.observe(change);
    this.#slow.observe(change);
    const value = history.at(step);
    this.#level = Number.isNaN(this.#level)
      ? value
      : this.#level + LEVEL_RATE * (value - this.#level);
    this.#levels[step % (horizon + 1)] = this.#level;
    const origin = step - horizon;
    if (!this.#fill(origin)) return;
    const unit = 1 / this.#unit();
    const last = history.at(origin);
    let error = 0;
    let known = 0;
    for (let ahead = 1; ahead <= horizon; ahead++) {
      const target = (history.observed(origin + ahead) - last) * unit;
      this.#targets[ahead - 1] = target;
      if (Number.isNaN(target)) continue;
      error += Math.abs(target - this.#regression.predict(this.#x, ahead - 1));
      known++;
    }
    if (known === 0) return;
    error /= known;
    const typical = this.#error.value;
    const weight = typical > 0 && error > HUBER * typical ? HUBER * typical / error : 1;
    this.#error.observe(error);
    this.#regression.update(this.#x, this.#targets, weight);
  }

  /** Writes the last value plus the changes expected. */
  predict(step: number, points: Float64Array): void {
    const last = this.#context.history.at(step);
    if (!this.#fill(step)) {
      points.fill(NaN);
      return;
    }
    const unit = this.#unit();
    for (let ahead = 0; ahead < points.length; ahead++) {
      points[ahead] = last + unit * this.#regression.predict(this.#x, ahead);
    }
  }

  /** Every feature times its coefficient: linear, so exact. */
  explain(step: number, ahead: number): Contribution[] {
    if (!this.#fill(step)) return [];
    const { size, coefficients } = this.#regression;
    const { lags, harmonics } = this.#options;
    const unit = this.#unit();
    const part = (from: number, to: number): number => {
      let sum = 0;
      for (let j = from; j < to; j++) sum += coefficients[(ahead - 1) * size + j] * this.#x[j];
      return unit * sum;
    };
    const parts = [
      { input: "drift", value: part(0, 1) },
      { input: "distance from the slow mean", value: part(1, 2) },
    ];
    for (let lag = 0; lag < lags; lag++) {
      parts.push({ input: changeName(lag), value: part(2 + lag, 3 + lag) });
    }
    this.#context.seasons.forEach((period, s) => {
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

  /** Appends the state. */
  save(writer: StateWriter): void {
    this.#scale.save(writer);
    this.#slow.save(writer);
    this.#error.save(writer);
    writer.put(this.#level);
    writer.putAll(this.#levels);
    this.#covariates.save(writer);
    this.#regression.save(writer);
  }

  /** Takes the state back. */
  load(reader: StateReader): void {
    this.#scale.load(reader);
    this.#slow.load(reader);
    this.#error.load(reader);
    this.#level = reader.take();
    reader.takeAll(this.#levels);
    this.#covariates.load(reader);
    this.#regression.load(reader);
  }

  /** The typical change: what everything is measured in. */
  #unit(): number {
    return Math.max(this.#scale.value, SLOW_SHARE * this.#slow.value);
  }

  /** The features at `origin`; false where the history does not reach back far enough. */
  #fill(origin: number): boolean {
    const { history, horizon, seasons } = this.#context;
    const { lags, harmonics } = this.#options;
    if (!history.has(origin - 2) || !(this.#unit() > 0)) return false;
    const unit = 1 / this.#unit();
    const x = this.#x;
    const oldest = history.first + 1;
    x[0] = 1;
    x[1] = 0.1 * clip((history.at(origin) - this.#levels[origin % (horizon + 1)]) * unit, 100);
    for (let lag = 0; lag < lags; lag++) {
      const at = origin - lag;
      x[2 + lag] = at < oldest
        ? 0
        : clip((history.at(at) - history.at(at - 1)) * unit, FEATURE_MAX);
    }
    let at = 2 + lags;
    for (const period of seasons) {
      for (let k = 1; k <= harmonics; k++) {
        const angle = 2 * Math.PI * k * (origin % period) / period;
        x[at++] = Math.sin(angle);
        x[at++] = Math.cos(angle);
      }
    }
    this.#covariates.fill(origin, x, at);
    return true;
  }
}

function changeName(lag: number): string {
  return lag === 0 ? "latest change" : `change ${lag} step${lag > 1 ? "s" : ""} ago`;
}

function clip(x: number, limit: number): number {
  return Math.max(-limit, Math.min(limit, x));
}
