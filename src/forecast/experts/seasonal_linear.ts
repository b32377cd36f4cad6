import type { Contribution } from "../explanation.ts";
import type { History } from "../history.ts";
import { LeastSquares } from "../least_squares.ts";
import { RunningScale } from "../scaler.ts";
import { latestInSlot, seasonalMedian } from "../seasonal_base.ts";
import type { SeriesState } from "../series_layout.ts";
import type { Expert, ExpertContext } from "./expert.ts";

/** What a {@linkcode SeasonalLinear} looks at. */
export interface SeasonalLinearOptions {
  /** Latest deviations from the base. */
  readonly lags: number;
  /** Sine and cosine pairs of the short season by which the coefficients may vary; 0 for fixed ones. */
  readonly harmonics: number;
  /** Weight of the past after one more step. */
  readonly forgetting: number;
  /** Penalty on squared coefficients, in squared typical deviations. */
  readonly ridge: number;
}

/** A sample further off than this many typical errors counts as if it were at that distance (Huber 1964). */
const HUBER = 2;
const SCALE_RATE = 0.002;
/** Features that stand beside the lags: 1, base, ratio, and three looks at the slot in seasons past. */
const FEATURES_FIXED = 6;

/**
 * Regresses the deviation from the seasonal base at `t = i + h` on what is known at `i`, one recursive
 * least squares a horizon: the base there, the latest deviations, the base times the relative deviation
 * now, and how the slot differed from its base a day and a week (the short and the long season) ago.
 * With harmonics every coefficient may also vary over the short season. The base is the median of the
 * slot in the last four long seasons.
 */
export class SeasonalLinear implements Expert {
  readonly #context: ExpertContext;
  readonly #options: SeasonalLinearOptions;
  readonly #regressions: LeastSquares[] = [];
  readonly #errors: RunningScale[] = [];
  readonly #scale: RunningScale;
  readonly #level: RunningScale;
  readonly #x: Float64Array;
  readonly #error = new Float64Array(1);
  readonly #short: number;
  readonly #long: number;
  readonly #waves: Float64Array;

  /**
   * @param context Its series; without seasons the expert has no opinion.
   * @param options What to look at, and for how long to remember.
   */
  constructor(context: ExpertContext, options: SeasonalLinearOptions) {
    this.#context = context;
    this.#options = options;
    this.#short = context.seasons[0] ?? 0;
    this.#long = context.seasons.at(-1) ?? 0;
    const { layout, horizon } = context;
    this.#scale = new RunningScale(layout, SCALE_RATE);
    this.#level = new RunningScale(layout, SCALE_RATE);
    const size = (FEATURES_FIXED + options.lags) * (1 + 2 * options.harmonics);
    this.#x = new Float64Array(size);
    this.#waves = waves(this.#short, options.harmonics);
    if (this.#short === 0) return;
    for (let ahead = 1; ahead <= horizon; ahead++) {
      this.#errors.push(new RunningScale(layout, 0.01));
      this.#regressions.push(new LeastSquares(layout, size, 1, options));
    }
  }

  /** Learns the label that this step brings, for every horizon. */
  observe({ memory, history }: SeriesState, step: number): void {
    const { horizon, seasons } = this.#context;
    if (!this.#ready(history, step)) return;
    const base = seasonalMedian(history, step, step - 1, seasons);
    const value = history.observed(step);
    this.#scale.observe(memory, value - base);
    this.#level.observe(memory, value);
    const scale = this.#scale.value(memory);
    if (Number.isNaN(value) || !(scale > 0)) return;
    for (let ahead = 1; ahead <= horizon; ahead++) {
      if (!this.#ready(history, step - ahead)) break;
      const regression = this.#regressions[ahead - 1];
      const errors = this.#errors[ahead - 1];
      const expected = this.#fill(memory, history, step - ahead, ahead);
      const error = (value - expected) / scale - regression.predict(memory, this.#x);
      const size = Math.abs(error);
      const typical = errors.value(memory);
      const weight = typical > 0 && size > HUBER * typical ? HUBER * typical / size : 1;
      errors.observe(memory, size);
      this.#error[0] = error;
      regression.correct(memory, this.#x, this.#error, weight);
    }
  }

  /** Writes the base plus the deviations expected. */
  predict({ memory, history }: SeriesState, step: number, points: Float64Array, at: number): void {
    const { horizon } = this.#context;
    const scale = this.#scale.value(memory);
    if (!this.#ready(history, step) || !(scale > 0)) {
      points.fill(NaN, at, at + horizon);
      return;
    }
    for (let ahead = 1; ahead <= horizon; ahead++) {
      const expected = this.#fill(memory, history, step, ahead);
      const deviation = this.#regressions[ahead - 1].predict(memory, this.#x);
      points[at + ahead - 1] = expected + scale * deviation;
    }
  }

  /** The base, and every feature times its coefficient, whatever its wave: linear, so exact. */
  explain({ memory, history }: SeriesState, step: number, ahead: number): Contribution[] {
    const scale = this.#scale.value(memory);
    if (!this.#ready(history, step) || !(scale > 0)) return [];
    const base = this.#fill(memory, history, step, ahead);
    const { size, coefficients } = this.#regressions[ahead - 1];
    const count = FEATURES_FIXED + this.#options.lags;
    const parts = [{ input: "usual value of the slot", value: base - history.at(step) }];
    for (let j = 0; j < count; j++) {
      let sum = 0;
      for (let k = j; k < size; k += count) sum += memory[coefficients + k] * this.#x[k];
      parts.push({
        input: featureName(j, this.#short, this.#long),
        value: scale * sum,
      });
    }
    return parts;
  }

  #ready(history: History, origin: number): boolean {
    return this.#short > 0 && history.has(origin - this.#long - this.#options.lags);
  }

  /** Writes the features of a horizon at `origin`; returns the base there. */
  #fill(memory: Float64Array, history: History, origin: number, ahead: number): number {
    const { lags, harmonics } = this.#options;
    const short = this.#short;
    const long = this.#long;
    const unit = 1 / this.#scale.value(memory);
    const target = origin + ahead;
    const base = seasonalMedian(history, target, origin, this.#context.seasons);
    const here = seasonalMedian(history, origin, origin - 1, this.#context.seasons);
    const deviation = history.at(origin) - here;
    const floor = 0.05 * this.#level.value(memory);
    const ratio = here > floor && base > 0 ? Math.min(base / here, 10) : 1;
    const slotShort = latestInSlot(target, origin, short);
    const x = this.#x;
    x[0] = 1;
    x[1] = base * unit;
    x[2] = deviation * ratio * unit;
    x[3] = this.#deviation(history, slotShort) * unit;
    x[4] = (history.at(slotShort) - base) * unit;
    x[5] = (history.at(latestInSlot(target, origin, long)) - base) * unit;
    x[6] = deviation * unit;
    for (let lag = 1; lag < lags; lag++) x[6 + lag] = this.#deviation(history, origin - lag) * unit;
    const count = FEATURES_FIXED + lags;
    const wave = (target % short) * 2 * harmonics;
    for (let k = 0, at = count; k < 2 * harmonics; k++) {
      const factor = this.#waves[wave + k];
      for (let j = 0; j < count; j++) x[at++] = factor * x[j];
    }
    return base;
  }

  #deviation(history: History, step: number): number {
    const base = seasonalMedian(history, step, step - 1, this.#context.seasons);
    return Number.isNaN(base) ? 0 : history.at(step) - base;
  }
}

function featureName(index: number, short: number, long: number): string {
  switch (index) {
    case 0:
      return "drift";
    case 1:
      return "usual value of the slot";
    case 2:
    case 6:
      return "latest deviation from the usual";
    case 3:
    case 4:
      return `the slot ${short} steps ago`;
    case 5:
      return `the slot ${long} steps ago`;
    default: {
      const lag = index - FEATURES_FIXED;
      return `deviation ${lag} step${lag > 1 ? "s" : ""} ago`;
    }
  }
}

/** Sines and cosines of the phase, `[period, 2 · harmonics]`. */
function waves(period: number, harmonics: number): Float64Array {
  const table = new Float64Array(period * 2 * harmonics);
  for (let phase = 0, at = 0; phase < period; phase++) {
    for (let k = 1; k <= harmonics; k++) {
      const angle = 2 * Math.PI * k * phase / period;
      table[at++] = Math.sin(angle);
      table[at++] = Math.cos(angle);
    }
  }
  return table;
}
