import type { PastValues, SeriesView } from "./guest.ts";
import { RunningScale } from "./scaler.ts";
import { latestInSlot, seasonalMedian } from "./seasonal_base.ts";
import type { Stateful, StateReader, StateWriter } from "./state_buffer.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** The epoch began on a Thursday: days since then, counted from a Monday. */
const MONDAY_DAYS = 3;
const YEAR_MS = 365.2425 * DAY_MS;

/** Inputs and targets count as at most this many typical ones, so that one outlier cannot saturate a gate. */
const INPUT_MAX = 6;
const TARGET_MAX = 10;
/** Rates of the typical errors of the anchors, of the fast volatility and of the level. */
const SCALE_RATE = 0.01;
const FAST_RATE = 0.1;
const LEVEL_RATE = 0.002;
/** Weight of the past in the persistence of deviations after one more step. */
const PERSISTENCE_MEMORY = 0.999;
/** Pairs, of typical size, that speak for full persistence before any were seen. */
const PERSISTENCE_PRIOR = 10;
/** Sine and cosine pairs of each of the two seasons. */
const HARMONICS = 2;
/** Inputs that every series has: of the target 6, of the seasons 8 and their waves, of the calendar 9. */
const INPUTS_FIXED = 6 + 8 + 4 * HARMONICS + 9;
/** Inputs of a covariate: its value, its change, whether it is missing. */
const INPUTS_PER_COVARIATE = 3;

/**
 * How many numbers enter the network at each step.
 *
 * @param covariates Features beside the target.
 */
export function networkInputSize(covariates: number): number {
  return INPUTS_FIXED + INPUTS_PER_COVARIATE * covariates;
}

/**
 * What the numbers that enter the network are called, in their order.
 *
 * @param covariates Features beside the target.
 */
export function networkInputNames(covariates: number): string[] {
  const waves = [1, 2].flatMap((season) =>
    Array.from(
      { length: HARMONICS },
      (_, k) => [`season${season}_sin${k + 1}`, `season${season}_cos${k + 1}`],
    )
  ).flat();
  return [
    ...["change", "anchor_error", "level", "volatility", "gap", "missing"],
    ...["deviation", "anchor_first", "anchor_middle", "anchor_last"],
    ...["slot_first_season1", "slot_first_season2", "slot_last_season1", "slot_last_season2"],
    ...waves,
    ...["day_sin", "day_cos", "halfday_sin", "halfday_cos", "week_sin", "week_cos"],
    ...["year_sin", "year_cos", "weekend"],
    ...Array.from(
      { length: covariates },
      (_, k) => ["value", "change", "missing"].map((part) => `covariate${k + 1}_${part}`),
    ).flat(),
  ];
}

/**
 * What kind of thing an input of the network tells, in words, by its place.
 *
 * @param index Its place among the inputs.
 */
export function networkInputGroup(index: number): string {
  const named = [
    ...["change", "last error", "level", "volatility", "gap in time", "missing value"],
    ...["deviation from the usual", "usual course", "usual course", "usual course"],
    ...new Array<string>(4).fill("slot of earlier seasons"),
    ...new Array<string>(4 * HARMONICS).fill("phase of the season"),
    ...new Array<string>(9).fill("calendar"),
  ];
  if (index < INPUTS_FIXED) return named[index];
  return `covariate ${Math.floor((index - INPUTS_FIXED) / INPUTS_PER_COVARIATE) + 1}`;
}

/**
 * What the network sees of one series, and what it is to say: differences from an anchor in typical
 * sizes, so that one network serves series of any unit and level, and one that says nothing but zeros
 * is a sound forecast.
 *
 * The anchor at `i` for `i + h` is the last value where the series has no season, and
 * `b(i + h) + ρ_h (v(i) − b(i))` where it has one: the seasonal base, and the share of the present
 * deviation from it that has persisted over `h` steps so far. The target is `(v(i + h) − anchor) / s_h`
 * with `s_h` the running mean of `|v(i + h) − anchor|`.
 *
 * Inputs are the change, the anchor's last error, the level, the volatility, the gap in time and whether
 * the value is missing; the anchors ahead and how the slots of the seasons differed from their base; the
 * phase of the seasons, of the day, the week and the year (in UTC); and each covariate standardised.
 */
export class NetworkInputs implements Stateful {
  /** What enters the network `[networkInputSize]`, after `observe`. */
  readonly x: Float32Array;
  /** The anchors of the steps ahead `[horizon]`, after `observe`. */
  readonly anchors: Float64Array;
  /** The typical errors of the anchors `[horizon]`, after `observe`. */
  readonly scales: Float64Array;
  /** Targets that the latest value settles: entry h − 1 is that of h steps ago; NaN where there is none. */
  readonly targets: Float32Array;
  readonly #horizon: number;
  readonly #typical: RunningScale[];
  readonly #fast = new RunningScale(FAST_RATE);
  readonly #changes = new RunningScale(SCALE_RATE);
  readonly #deviations = new RunningScale(SCALE_RATE);
  /** Σ d(i) e(i + h) and Σ d(i)² of the deviations, and their horizon's persistence. */
  readonly #products: Float64Array;
  readonly #squares: Float64Array;
  /** Anchors, scales, bases `[horizon + 1, horizon]` and deviations `[horizon + 1]` of the latest origins. */
  readonly #pendingAnchors: Float64Array;
  readonly #pendingScales: Float64Array;
  readonly #pendingBases: Float64Array;
  readonly #pendingDeviations: Float64Array;
  /** Mean and mean square deviation of the target and of every covariate, and each one's last value. */
  readonly #levels: Float64Array;
  readonly #covariates: number;
  #steps = 0;
  #time = NaN;
  #long = 0;

  /**
   * @param horizon Steps ahead.
   * @param covariates Features beside the target.
   */
  constructor(horizon: number, covariates: number) {
    this.#horizon = horizon;
    this.#covariates = covariates;
    this.x = new Float32Array(networkInputSize(covariates));
    this.anchors = new Float64Array(horizon);
    this.scales = new Float64Array(horizon);
    this.targets = new Float32Array(horizon);
    this.#typical = Array.from({ length: horizon }, () => new RunningScale(SCALE_RATE));
    this.#products = new Float64Array(horizon);
    this.#squares = new Float64Array(horizon);
    this.#pendingAnchors = new Float64Array((horizon + 1) * horizon).fill(NaN);
    this.#pendingScales = new Float64Array((horizon + 1) * horizon);
    this.#pendingBases = new Float64Array((horizon + 1) * horizon).fill(NaN);
    this.#pendingDeviations = new Float64Array(horizon + 1);
    this.#levels = new Float64Array(3 * (covariates + 1));
  }

  /**
   * Takes the latest frame in.
   *
   * @param view The series, whose last step the frame is.
   * @param time The frame's time.
   * @param values Its features, the target first.
   */
  observe(view: SeriesView, time: number, values: ArrayLike<number>): void {
    const { history, seasons } = view;
    const step = history.length - 1;
    const long = seasons.length > 0 ? seasons[seasons.length - 1] : 0;
    if (long !== this.#long) {
      this.#products.fill(0);
      this.#squares.fill(0);
      this.#pendingBases.fill(NaN);
      this.#long = long;
    }
    this.#settle(step, history.observed(step));
    this.#setAnchors(view, step);
    this.#encode(view, step, time, values);
    this.#time = time;
    this.#steps++;
  }

  /** Appends the state. */
  save(writer: StateWriter): void {
    writer.put(this.#steps, this.#time, this.#long);
    for (const scale of this.#scalesKept()) scale.save(writer);
    for (const array of this.#arrays()) writer.putAll(array);
  }

  /** Takes the state back. */
  load(reader: StateReader): void {
    this.#steps = reader.take();
    this.#time = reader.take();
    this.#long = reader.take();
    for (const scale of this.#scalesKept()) scale.load(reader);
    for (const array of this.#arrays()) reader.takeAll(array);
  }

  #scalesKept(): RunningScale[] {
    return [...this.#typical, this.#fast, this.#changes, this.#deviations];
  }

  #arrays(): Float64Array[] {
    return [
      this.#products,
      this.#squares,
      this.#pendingAnchors,
      this.#pendingScales,
      this.#pendingBases,
      this.#pendingDeviations,
      this.#levels,
      this.anchors,
      this.scales,
    ];
  }

  /** Holds the latest value against the anchors that were set for it. */
  #settle(step: number, value: number): void {
    const horizon = this.#horizon;
    this.targets.fill(NaN);
    if (Number.isNaN(value)) return;
    for (let ahead = 1; ahead <= Math.min(horizon, this.#steps); ahead++) {
      const row = (step - ahead) % (horizon + 1);
      const at = row * horizon + ahead - 1;
      const error = value - this.#pendingAnchors[at];
      if (Number.isNaN(error)) continue;
      this.targets[ahead - 1] = clip(error / this.#pendingScales[at], TARGET_MAX);
      this.#typical[ahead - 1].observe(error);
      if (ahead === 1) this.#fast.observe(error);
      const base = this.#pendingBases[at];
      if (Number.isNaN(base)) continue;
      const deviation = this.#pendingDeviations[row];
      const bound = INPUT_MAX * this.#deviations.value;
      this.#products[ahead - 1] = PERSISTENCE_MEMORY * this.#products[ahead - 1] +
        clip(deviation, bound) * clip(value - base, bound);
      this.#squares[ahead - 1] = PERSISTENCE_MEMORY * this.#squares[ahead - 1] +
        clip(deviation, bound) ** 2;
    }
  }

  #setAnchors({ history, seasons }: SeriesView, step: number): void {
    const horizon = this.#horizon;
    const row = step % (horizon + 1);
    const value = history.at(step);
    const here = seasons.length > 0 && step > 0
      ? seasonalMedian(history, step, step - 1, seasons)
      : NaN;
    const deviation = value - here;
    this.#deviations.observe(deviation);
    this.#pendingDeviations[row] = deviation;
    const floor = Math.max(1e-9 * Math.abs(value), 1e-300);
    const prior = PERSISTENCE_PRIOR * this.#deviations.value ** 2;
    for (let h = 0; h < horizon; h++) {
      let base = NaN;
      let anchor = value;
      if (!Number.isNaN(deviation)) {
        base = seasonalMedian(history, step + h + 1, step, seasons);
        const weight = this.#squares[h] + prior;
        const share = weight > 0 ? (this.#products[h] + prior) / weight : 1;
        anchor = base + Math.max(0, Math.min(1, share)) * deviation;
      }
      const typical = this.#typical[h];
      const size = typical.count > 0 ? typical.value : this.#fast.value * Math.sqrt(h + 1);
      this.anchors[h] = this.#pendingAnchors[row * horizon + h] = anchor;
      this.scales[h] = this.#pendingScales[row * horizon + h] = Math.max(size, floor);
      this.#pendingBases[row * horizon + h] = base;
    }
  }

  #encode(view: SeriesView, step: number, time: number, values: ArrayLike<number>): void {
    const { history, seasons, stepMs } = view;
    const { x } = this;
    const last = this.#horizon - 1;
    const value = history.at(step);
    const change = step > 0 ? value - history.at(step - 1) : 0;
    this.#changes.observe(change);
    const { anchors, scales } = this;
    const short = seasons.length > 0 ? seasons[0] : 0;
    const long = seasons.length > 0 ? seasons[seasons.length - 1] : 0;
    x[0] = input(change / this.#changes.value);
    x[1] = input(this.targets[0]);
    x[2] = input(this.#standardise(0, value));
    x[3] = input(Math.log(this.#fast.value / this.#typical[0].value));
    x[4] = input(stepMs > 0 ? Math.log(Math.max(1, (time - this.#time) / stepMs)) : 0);
    x[5] = Number.isNaN(history.observed(step)) ? 1 : 0;

    const deviation = this.#pendingDeviations[step % (this.#horizon + 1)];
    x[6] = input(deviation / this.#deviations.value);
    x[7] = input((anchors[0] - value) / scales[0]);
    x[8] = input((anchors[last >> 1] - value) / scales[last >> 1]);
    x[9] = input((anchors[last] - value) / scales[last]);
    x[10] = this.#slotInput(history, step, 0, short);
    x[11] = this.#slotInput(history, step, 0, long);
    x[12] = this.#slotInput(history, step, last, short);
    x[13] = this.#slotInput(history, step, last, long);
    let at = this.#putWaves(step, short, 14);
    at = this.#putWaves(step, long, at);
    at = this.#putCalendar(time, at);
    for (let k = 1; k <= this.#covariates; k++) {
      const before = this.#levels[3 * k + 2];
      const known = values[k];
      x[at++] = input(this.#standardise(k, known));
      x[at++] = input((this.#levels[3 * k + 2] - before) / Math.sqrt(this.#levels[3 * k + 1]));
      x[at++] = Number.isNaN(known) ? 1 : 0;
    }
  }

  /** How the latest value in the slot of a step ahead differs from its anchor; 0 without a season. */
  #slotInput(history: PastValues, step: number, h: number, period: number): number {
    if (period === 0) return 0;
    const slot = latestInSlot(step + h + 1, step, period);
    return history.has(slot) ? input((history.at(slot) - this.anchors[h]) / this.scales[h]) : 0;
  }

  /** The phase of a season as waves; zeros without one. */
  #putWaves(step: number, period: number, from: number): number {
    const { x } = this;
    let at = from;
    const share = period > 0 ? (step % period) / period : 0;
    for (let k = 1; k <= HARMONICS; k++) {
      const phase = 2 * Math.PI * k * share;
      x[at++] = period > 0 ? Math.sin(phase) : 0;
      x[at++] = period > 0 ? Math.cos(phase) : 0;
    }
    return at;
  }

  /** Day, week and year as waves; a weekend also as such. */
  #putCalendar(time: number, from: number): number {
    const { x } = this;
    let at = from;
    const day = 2 * Math.PI * (time % DAY_MS) / DAY_MS;
    const weekday = (Math.floor(time / DAY_MS) + MONDAY_DAYS) % 7;
    const week = 2 * Math.PI * weekday / 7;
    const year = 2 * Math.PI * (time % YEAR_MS) / YEAR_MS;
    x[at++] = Math.sin(day);
    x[at++] = Math.cos(day);
    x[at++] = Math.sin(2 * day);
    x[at++] = Math.cos(2 * day);
    x[at++] = Math.sin(week);
    x[at++] = Math.cos(week);
    x[at++] = Math.sin(year);
    x[at++] = Math.cos(year);
    x[at++] = weekday >= 5 ? 1 : 0;
    return at;
  }

  /** A feature in running deviations from its running mean; one that is missing keeps its last value. */
  #standardise(feature: number, value: number): number {
    const levels = this.#levels;
    const at = 3 * feature;
    if (Number.isFinite(value)) {
      const rate = Math.max(LEVEL_RATE, 1 / (this.#steps + 1));
      const before = value - levels[at];
      levels[at] += rate * before;
      levels[at + 1] += rate * (before * (value - levels[at]) - levels[at + 1]);
      levels[at + 2] = value;
    }
    return (levels[at + 2] - levels[at]) / Math.sqrt(levels[at + 1]);
  }
}

/** What a number counts as among the inputs: within bounds, and 0 where it says nothing. */
function input(number: number): number {
  return Number.isFinite(number) ? clip(number, INPUT_MAX) : 0;
}

function clip(value: number, bound: number): number {
  return Math.max(-bound, Math.min(bound, value));
}
