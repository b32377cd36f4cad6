import type { Contribution } from "../explanation.ts";
import { RecursiveLeastSquares } from "../recursive_least_squares.ts";
import { RunningScale } from "../scaler.ts";
import { latestInSlot, seasonalMedian } from "../seasonal_base.ts";
import type { StateReader, StateWriter } from "../state_buffer.ts";
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
  readonly #regressions: RecursiveLeastSquares[] = [];
  readonly #errors: RunningScale[] = [];
  readonly #scale = new RunningScale(SCALE_RATE);
  readonly #level = new RunningScale(SCALE_RATE);
  readonly #x: Float64Array;
  readonly #target = new Float64Array(1);
  readonly #short: number;
  readonly #long: number;
  readonly #waves: Float64Array;

  /**
   * @param context The series; without seasons the expert has no opinion.
   * @param options What to look at, and for how long to remember.
   */
  constructor(context: ExpertContext, options: SeasonalLinearOptions) {
    this.#context = context;
    this.#options = options;
    this.#short = context.seasons[0] ?? 0;
    this.#long = context.seasons.at(-1) ?? 0;
    const size = (FEATURES_FIXED + options.lags) * (1 + 2 * options.harmonics);
    this.#x = new Float64Array(size);
    this.#waves = waves(this.#short, options.harmonics);
    if (this.#short === 0) return;
    for (let ahead = 1; ahead <= context.horizon; ahead++) {
      this.#regressions.push(new RecursiveLeastSquares(size, 1, options));
      this.#errors.push(new RunningScale(0.01));
    }
  }

  /** Learns the label that this step brings, for every horizon. */
  observe(step: number): void {
    const { history, horizon } = this.#context;
    if (!this.#ready(step)) return;
    const base = seasonalMedian(history, step, step - 1, this.#context.seasons);
    const value = history.observed(step);
    this.#scale.observe(value - base);
    this.#level.observe(value);
    if (Number.isNaN(value) || !(this.#scale.value > 0)) return;
    for (let ahead = 1; ahead <= horizon; ahead++) {
      if (!this.#ready(step - ahead)) break;
      const regression = this.#regressions[ahead - 1];
      const error = this.#errors[ahead - 1];
      const expected = this.#fill(step - ahead, ahead);
      this.#target[0] = (value - expected) / this.#scale.value;
      const size = Math.abs(this.#target[0] - regression.predict(this.#x));
      const typical = error.value;
      const weight = typical > 0 && size > HUBER * typical ? HUBER * typical / size : 1;
      error.observe(size);
      regression.update(this.#x, this.#target, weight);
    }
  }

  /** Writes the base plus the deviations expected. */
  predict(step: number, points: Float64Array): void {
    if (!this.#ready(step) || !(this.#scale.value > 0)) {
      points.fill(NaN);
      return;
    }
    for (let ahead = 1; ahead <= points.length; ahead++) {
      const expected = this.#fill(step, ahead);
      const deviation = this.#regressions[ahead - 1].predict(this.#x);
      points[ahead - 1] = expected + this.#scale.value * deviation;
    }
  }

  /** The base, and every feature times its coefficient, whatever its wave: linear, so exact. */
  explain(step: number, ahead: number): Contribution[] {
    if (!this.#ready(step) || !(this.#scale.value > 0)) return [];
    const { history } = this.#context;
    const base = this.#fill(step, ahead);
    const { size, coefficients } = this.#regressions[ahead - 1];
    const count = FEATURES_FIXED + this.#options.lags;
    const parts = [{ input: "usual value of the slot", value: base - history.at(step) }];
    for (let j = 0; j < count; j++) {
      let sum = 0;
      for (let k = j; k < size; k += count) sum += coefficients[k] * this.#x[k];
      parts.push({
        input: featureName(j, this.#short, this.#long),
        value: this.#scale.value * sum,
      });
    }
    return parts;
  }

  /** Appends the state. */
  save(writer: StateWriter): void {
    this.#scale.save(writer);
    this.#level.save(writer);
    for (const error of this.#errors) error.save(writer);
    for (const regression of this.#regressions) regression.save(writer);
  }

  /** Takes the state back. */
  load(reader: StateReader): void {
    this.#scale.load(reader);
    this.#level.load(reader);
    for (const error of this.#errors) error.load(reader);
    for (const regression of this.#regressions) regression.load(reader);
  }

  #ready(origin: number): boolean {
    const { history } = this.#context;
    return this.#short > 0 && history.has(origin - this.#long - this.#options.lags);
  }

  /** Writes the features of a horizon at `origin`; returns the base there. */
  #fill(origin: number, ahead: number): number {
    const { history } = this.#context;
    const { lags, harmonics } = this.#options;
    const short = this.#short;
    const long = this.#long;
    const unit = 1 / this.#scale.value;
    const target = origin + ahead;
    const base = seasonalMedian(history, target, origin, this.#context.seasons);
    const here = seasonalMedian(history, origin, origin - 1, this.#context.seasons);
    const deviation = history.at(origin) - here;
    const floor = 0.05 * this.#level.value;
    const ratio = here > floor && base > 0 ? Math.min(base / here, 10) : 1;
    const slotShort = latestInSlot(target, origin, short);
    const x = this.#x;
    x[0] = 1;
    x[1] = base * unit;
    x[2] = deviation * ratio * unit;
    x[3] = this.#deviation(slotShort) * unit;
    x[4] = (history.at(slotShort) - base) * unit;
    x[5] = (history.at(latestInSlot(target, origin, long)) - base) * unit;
    x[6] = deviation * unit;
    for (let lag = 1; lag < lags; lag++) x[6 + lag] = this.#deviation(origin - lag) * unit;
    const count = FEATURES_FIXED + lags;
    const wave = (target % short) * 2 * harmonics;
    for (let k = 0, at = count; k < 2 * harmonics; k++) {
      const factor = this.#waves[wave + k];
      for (let j = 0; j < count; j++) x[at++] = factor * x[j];
    }
    return base;
  }

  #deviation(step: number): number {
    const { history } = this.#context;
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
