import type { Frame } from "../../streams/mod.ts";
import type { Forecast } from "../forecast/forecast.ts";
import type { Forecaster, Snapshot } from "../forecast/forecaster.ts";
import { OnlineForecaster, type OnlineForecasterOptions } from "../forecast/online_forecaster.ts";

/** Weight of the past in the running variance (RiskMetrics 1996 takes .94 for days, .97 for months). */
const VARIANCE_MEMORY = 0.97;

/** The name of a simple method. */
export type BaselineName = "naive" | "seasonal_naive" | "seasonal_median" | "ewma_gaussian";

/** The simple methods that Tickcast is set against. */
export const BASELINES: readonly BaselineName[] = [
  "naive",
  "seasonal_naive",
  "seasonal_median",
  "ewma_gaussian",
];

/**
 * Makes a simple method. The naive ones get the same calibrated bands as Tickcast itself, so that
 * what is compared is the points, not the bands; `ewma_gaussian` brings its own.
 *
 * @param name Which.
 * @param options The configuration shared with Tickcast; its experts are not used.
 * @returns A fresh forecaster.
 */
export function makeBaseline(name: BaselineName, options: OnlineForecasterOptions): Forecaster {
  switch (name) {
    case "naive":
      return new OnlineForecaster({ ...options, experts: ["last_value"] });
    case "ewma_gaussian":
      return new EwmaGaussian(options.horizon ?? 1, options.levels ?? [0.05, 0.5, 0.95]);
    default:
      return new OnlineForecaster({ ...options, experts: [name] });
  }
}

/**
 * The last value with Gaussian bands whose variance is the exponentially weighted mean of the squared
 * changes, grown with the square root of the steps ahead; relative changes while values are positive.
 */
class EwmaGaussian implements Forecaster {
  readonly horizon: number;
  readonly levels: readonly number[];
  readonly #normal: Float64Array;
  #last = NaN;
  #value = NaN;
  #time = NaN;
  #stepMs = 0;
  #step = -1;
  #positive = true;
  #variance = 0;
  #relativeVariance = 0;

  constructor(horizon: number, levels: readonly number[]) {
    this.horizon = horizon;
    this.levels = levels;
    this.#normal = Float64Array.from(levels, normalQuantile);
  }

  step(frames: readonly Frame[]): void {
    for (const { time, values: [value] } of frames) {
      this.#step++;
      if (time > this.#time) this.#stepMs = time - this.#time;
      this.#time = time;
      this.#value = value;
      if (Number.isNaN(value)) continue;
      const change = value - this.#last;
      if (value <= 0) this.#positive = false;
      if (!Number.isNaN(change)) {
        const fresh = Math.max(1 - VARIANCE_MEMORY, 1 / this.#step);
        this.#variance += fresh * (change ** 2 - this.#variance);
        const relative = this.#positive ? change / this.#last : 0;
        this.#relativeVariance += fresh * (relative ** 2 - this.#relativeVariance);
      }
      this.#last = value;
    }
  }

  forecast(series: string): Forecast {
    const deviation = this.#positive
      ? this.#last * Math.sqrt(this.#relativeVariance)
      : Math.sqrt(this.#variance);
    const { horizon, levels } = this;
    const quantiles = new Float64Array(horizon * levels.length);
    for (let h = 0; h < horizon; h++) {
      const spread = deviation * Math.sqrt(h + 1);
      for (let j = 0; j < levels.length; j++) {
        quantiles[h * levels.length + j] = this.#last + spread * this.#normal[j];
      }
    }
    return {
      series,
      time: this.#time,
      step: this.#step,
      value: this.#value,
      times: Float64Array.from({ length: horizon }, (_, h) => this.#time + (h + 1) * this.#stepMs),
      mean: new Float64Array(horizon).fill(this.#last),
      levels,
      quantiles,
      parametersVersion: 0,
      flags: [],
      pValue: 1,
    };
  }

  framesUntilLearning(): number {
    return Infinity;
  }

  learn(): Promise<void> {
    return Promise.resolve();
  }

  snapshot(): Snapshot {
    return { manifest: {}, arrays: { state: this.#state() } };
  }

  restore(snapshot: Snapshot): void {
    const state = snapshot.arrays.state;
    if (state?.length !== this.#state().length) {
      throw new SyntaxError("Cannot restore baseline: its state is damaged");
    }
    [
      this.#last,
      this.#time,
      this.#stepMs,
      this.#step,
      this.#variance,
      this.#relativeVariance,
    ] = state;
    this.#positive = state[6] === 1;
    this.#value = state[7];
  }

  dispose(): void {}

  #state(): Float64Array {
    return Float64Array.of(
      this.#last,
      this.#time,
      this.#stepMs,
      this.#step,
      this.#variance,
      this.#relativeVariance,
      this.#positive ? 1 : 0,
      this.#value,
    );
  }
}

/** The standard normal quantile by bisection on its distribution function; exact to 1e-9. */
function normalQuantile(level: number): number {
  let low = -9;
  let high = 9;
  while (high - low > 1e-10) {
    const middle = (low + high) / 2;
    if (normalProbability(middle) < level) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** Φ(x) by its Taylor series at 0 in the stable form of Marsaglia (2004). */
function normalProbability(x: number): number {
  let sum = x;
  let term = x;
  for (let k = 3; Math.abs(term) > 1e-17 * Math.abs(sum) && k < 600; k += 2) {
    term *= x * x / k;
    sum += term;
  }
  return 0.5 + sum * Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
}
