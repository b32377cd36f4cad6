import { CALENDAR_SIZE, CalendarWaves } from "./calendar_waves.ts";
import type { PastValues, SeriesView } from "./guest.ts";
import { RunningScale } from "./scaler.ts";
import { latestInSlot, seasonalMedian } from "./seasonal_base.ts";
import type { SeriesLayout } from "./series_layout.ts";
import type { StateReader, StateWriter } from "./state_buffer.ts";
import { putWave } from "./wave_table.ts";

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
/** Inputs that every series has: of the target 6, of the seasons 8 and their waves, of the calendar. */
const INPUTS_FIXED = 6 + 8 + 4 * HARMONICS + CALENDAR_SIZE;
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
    ...new Array<string>(CALENDAR_SIZE).fill("calendar"),
  ];
  if (index < INPUTS_FIXED) return named[index];
  return `covariate ${Math.floor((index - INPUTS_FIXED) / INPUTS_PER_COVARIATE) + 1}`;
}

/**
 * What the network sees of a series, and what it is to say: differences from an anchor in typical
 * sizes, so that one network serves series of any unit and level, and one that says nothing but zeros
 * is a sound forecast. One object serves all series, and keeps what it knows of each in its memory.
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
export class NetworkInputs {
  /**
   * Targets that the value observed last settles: entry h − 1 is that of h steps ago; NaN where there is
   * none.
   */
  readonly targets: Float32Array;
  readonly #horizon: number;
  readonly #covariates: number;
  readonly #calendar = new CalendarWaves();
  /** Where the numbers of a series start and end in its memory; steps, time of the last one, long season. */
  readonly #start: number;
  readonly #end: number;
  readonly #steps: number;
  readonly #time: number;
  readonly #long: number;
  readonly #typical: readonly RunningScale[];
  readonly #fast: RunningScale;
  readonly #changes: RunningScale;
  readonly #deviations: RunningScale;
  /** Σ d(i) e(i + h) and Σ d(i)² of the deviations, and their horizon's persistence. */
  readonly #products: number;
  readonly #squares: number;
  /** Anchors, scales, bases `[horizon + 1, horizon]` and deviations `[horizon + 1]` of the latest origins. */
  readonly #pendingAnchors: number;
  readonly #pendingScales: number;
  readonly #pendingBases: number;
  readonly #pendingDeviations: number;
  /** Mean and mean square deviation of the target and of every covariate, and each one's last value. */
  readonly #levels: number;
  readonly #anchors: number;
  readonly #scales: number;

  /**
   * @param layout Where the numbers of a series lie.
   * @param horizon Steps ahead.
   * @param covariates Features beside the target.
   */
  constructor(layout: SeriesLayout, horizon: number, covariates: number) {
    this.#horizon = horizon;
    this.#covariates = covariates;
    this.targets = new Float32Array(horizon);
    this.#start = this.#steps = layout.reserve(1);
    this.#time = layout.reserve(1, NaN);
    this.#long = layout.reserve(1);
    this.#typical = Array.from({ length: horizon }, () => new RunningScale(layout, SCALE_RATE));
    this.#fast = new RunningScale(layout, FAST_RATE);
    this.#changes = new RunningScale(layout, SCALE_RATE);
    this.#deviations = new RunningScale(layout, SCALE_RATE);
    this.#products = layout.reserve(horizon);
    this.#squares = layout.reserve(horizon);
    this.#pendingAnchors = layout.reserve((horizon + 1) * horizon, NaN);
    this.#pendingScales = layout.reserve((horizon + 1) * horizon);
    this.#pendingBases = layout.reserve((horizon + 1) * horizon, NaN);
    this.#pendingDeviations = layout.reserve(horizon + 1);
    this.#levels = layout.reserve(3 * (covariates + 1));
    this.#anchors = layout.reserve(horizon);
    this.#scales = layout.reserve(horizon);
    this.#end = layout.size;
  }

  /** The anchor of a step ahead after the last one observed. */
  anchor(memory: Float64Array, ahead: number): number {
    return memory[this.#anchors + ahead - 1];
  }

  /** The typical error of that anchor. */
  scale(memory: Float64Array, ahead: number): number {
    return memory[this.#scales + ahead - 1];
  }

  /**
   * Takes the latest frame in.
   *
   * @param memory The series.
   * @param view The same, whose last step the frame is.
   * @param time The frame's time.
   * @param values Its features, the target first.
   * @param x Where what enters the network goes `[networkInputSize]`.
   * @param at From where on.
   */
  observe(
    memory: Float64Array,
    view: SeriesView,
    time: number,
    values: ArrayLike<number>,
    x: Float32Array,
    at: number = 0,
  ): void {
    const { history, seasons } = view;
    const step = history.length - 1;
    const long = seasons.length > 0 ? seasons[seasons.length - 1] : 0;
    if (long !== memory[this.#long]) {
      // Products and squares lie side by side.
      memory.fill(0, this.#products, this.#pendingAnchors);
      memory.fill(NaN, this.#pendingBases, this.#pendingDeviations);
      memory[this.#long] = long;
    }
    this.#settle(memory, step, history.observed(step));
    this.#setAnchors(memory, view, step);
    this.#encode(memory, view, step, time, values, x, at);
    memory[this.#time] = time;
    memory[this.#steps]++;
  }

  /** Appends what is known of a series. */
  save(memory: Float64Array, writer: StateWriter): void {
    writer.putAll(memory.subarray(this.#start, this.#end));
  }

  /** Takes it back. */
  load(memory: Float64Array, reader: StateReader): void {
    reader.takeAll(memory.subarray(this.#start, this.#end));
  }

  /** Holds the latest value against the anchors that were set for it. */
  #settle(memory: Float64Array, step: number, value: number): void {
    const horizon = this.#horizon;
    const { targets } = this;
    for (let h = 0; h < horizon; h++) targets[h] = NaN;
    if (Number.isNaN(value)) return;
    for (let ahead = 1; ahead <= Math.min(horizon, memory[this.#steps]); ahead++) {
      const row = (step - ahead) % (horizon + 1);
      const at = row * horizon + ahead - 1;
      const error = value - memory[this.#pendingAnchors + at];
      if (Number.isNaN(error)) continue;
      targets[ahead - 1] = clip(error / memory[this.#pendingScales + at], TARGET_MAX);
      this.#typical[ahead - 1].observe(memory, error);
      if (ahead === 1) this.#fast.observe(memory, error);
      const base = memory[this.#pendingBases + at];
      if (Number.isNaN(base)) continue;
      const bound = INPUT_MAX * this.#deviations.value(memory);
      const deviation = clip(memory[this.#pendingDeviations + row], bound);
      const product = this.#products + ahead - 1;
      const square = this.#squares + ahead - 1;
      memory[product] = PERSISTENCE_MEMORY * memory[product] +
        deviation * clip(value - base, bound);
      memory[square] = PERSISTENCE_MEMORY * memory[square] + deviation ** 2;
    }
  }

  #setAnchors(memory: Float64Array, { history, seasons }: SeriesView, step: number): void {
    const horizon = this.#horizon;
    const row = step % (horizon + 1);
    const value = history.at(step);
    const here = seasons.length > 0 && step > 0
      ? seasonalMedian(history, step, step - 1, seasons)
      : NaN;
    const deviation = value - here;
    this.#deviations.observe(memory, deviation);
    memory[this.#pendingDeviations + row] = deviation;
    const floor = Math.max(1e-9 * Math.abs(value), 1e-300);
    const prior = PERSISTENCE_PRIOR * this.#deviations.value(memory) ** 2;
    for (let h = 0; h < horizon; h++) {
      let base = NaN;
      let anchor = value;
      if (!Number.isNaN(deviation)) {
        base = seasonalMedian(history, step + h + 1, step, seasons);
        const weight = memory[this.#squares + h] + prior;
        const share = weight > 0 ? (memory[this.#products + h] + prior) / weight : 1;
        anchor = base + Math.max(0, Math.min(1, share)) * deviation;
      }
      const typical = this.#typical[h];
      const size = typical.count(memory) > 0
        ? typical.value(memory)
        : this.#fast.value(memory) * Math.sqrt(h + 1);
      const scale = Math.max(size, floor);
      const at = row * horizon + h;
      memory[this.#anchors + h] = memory[this.#pendingAnchors + at] = anchor;
      memory[this.#scales + h] = memory[this.#pendingScales + at] = scale;
      memory[this.#pendingBases + at] = base;
    }
  }

  #encode(
    memory: Float64Array,
    view: SeriesView,
    step: number,
    time: number,
    values: ArrayLike<number>,
    x: Float32Array,
    at: number,
  ): void {
    const { history, seasons, stepMs } = view;
    const last = this.#horizon - 1;
    const value = history.at(step);
    const change = step > 0 ? value - history.at(step - 1) : 0;
    this.#changes.observe(memory, change);
    const short = seasons.length > 0 ? seasons[0] : 0;
    const long = seasons.length > 0 ? seasons[seasons.length - 1] : 0;
    const volatility = this.#fast.value(memory) / this.#typical[0].value(memory);
    const gap = (time - memory[this.#time]) / stepMs;
    x[at] = input(change / this.#changes.value(memory));
    x[at + 1] = input(this.targets[0]);
    x[at + 2] = input(this.#standardise(memory, 0, value));
    x[at + 3] = input(Math.log(volatility));
    x[at + 4] = stepMs > 0 && gap > 1 ? input(Math.log(gap)) : 0;
    x[at + 5] = Number.isNaN(history.observed(step)) ? 1 : 0;

    const deviation = memory[this.#pendingDeviations + step % (this.#horizon + 1)];
    x[at + 6] = input(deviation / this.#deviations.value(memory));
    for (let k = 0; k < 3; k++) {
      const h = (k * last) >> 1;
      x[at + 7 + k] = input((memory[this.#anchors + h] - value) / memory[this.#scales + h]);
    }
    x[at + 10] = this.#slotInput(memory, history, step, 0, short);
    x[at + 11] = this.#slotInput(memory, history, step, 0, long);
    x[at + 12] = this.#slotInput(memory, history, step, last, short);
    x[at + 13] = this.#slotInput(memory, history, step, last, long);
    let next = this.#putWaves(step, short, x, at + 14);
    next = this.#putWaves(step, long, x, next);
    next = this.#calendar.put(time, x, next);
    for (let k = 1; k <= this.#covariates; k++) {
      const level = this.#levels + 3 * k;
      const before = memory[level + 2];
      const known = values[k];
      x[next++] = input(this.#standardise(memory, k, known));
      x[next++] = input((memory[level + 2] - before) / Math.sqrt(memory[level + 1]));
      x[next++] = Number.isNaN(known) ? 1 : 0;
    }
  }

  /** How the latest value in the slot of a step ahead differs from its anchor; 0 without a season. */
  #slotInput(
    memory: Float64Array,
    history: PastValues,
    step: number,
    h: number,
    period: number,
  ): number {
    if (period === 0) return 0;
    const slot = latestInSlot(step + h + 1, step, period);
    if (!history.has(slot)) return 0;
    return input((history.at(slot) - memory[this.#anchors + h]) / memory[this.#scales + h]);
  }

  /** The phase of a season as waves; zeros without one. */
  #putWaves(step: number, period: number, x: Float32Array, at: number): number {
    if (period === 0) {
      for (let k = 0; k < 2 * HARMONICS; k++) x[at++] = 0;
      return at;
    }
    const share = (step % period) / period;
    for (let k = 1; k <= HARMONICS; k++) at = putWave(2 * Math.PI * k * share, x, at);
    return at;
  }

  /** A feature in running deviations from its running mean; one that is missing keeps its last value. */
  #standardise(memory: Float64Array, feature: number, value: number): number {
    const at = this.#levels + 3 * feature;
    if (Number.isFinite(value)) {
      const rate = Math.max(LEVEL_RATE, 1 / (memory[this.#steps] + 1));
      const before = value - memory[at];
      memory[at] += rate * before;
      memory[at + 1] += rate * (before * (value - memory[at]) - memory[at + 1]);
      memory[at + 2] = value;
    }
    return (memory[at + 2] - memory[at]) / Math.sqrt(memory[at + 1]);
  }
}

/** What a number counts as among the inputs: within bounds, and 0 where it says nothing. */
function input(number: number): number {
  return Number.isFinite(number) ? clip(number, INPUT_MAX) : 0;
}

function clip(value: number, bound: number): number {
  return Math.max(-bound, Math.min(bound, value));
}
