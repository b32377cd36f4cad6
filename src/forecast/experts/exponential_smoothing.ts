import type { StateReader, StateWriter } from "../state_buffer.ts";
import type { Expert, ExpertContext } from "./expert.ts";

/** Smoothing of level, trend and season, damping of the trend, and whether the season multiplies. */
interface Method {
  readonly level: number;
  readonly trend: number;
  readonly season: number;
  readonly damping: number;
  readonly multiplies: boolean;
}

const METHODS: readonly Method[] = grid();
const NUMBERS_PER_METHOD = 3;
/** A method's error is remembered for about as many steps. */
const ERROR_RATE = 0.02;
/** Longer seasons have too little data a slot to smooth. */
const PERIOD_MAX = 4096;

/**
 * Damped exponential smoothing with trend and season, additive and multiplicative (Holt 1957, Winters
 * 1960; damping after Gardner and McKenzie 1985): a grid of methods runs side by side, and the one whose
 * forecasts for the farthest step were best of late speaks.
 *
 * `l = α (y / s) + (1 − α)(l + φ b)`, `b = β (l − l') + (1 − β) φ b`, `s = γ (y / l) + (1 − γ) s`,
 * `ŷ(h) = (l + (φ + … + φʰ) b) s`; differences for quotients where the season adds.
 */
export class ExponentialSmoothing implements Expert {
  readonly #context: ExpertContext;
  readonly #period: number;
  /** Level, trend and recent error of every method. */
  readonly #state = new Float64Array(METHODS.length * NUMBERS_PER_METHOD);
  /** Seasonal figures `[methods, period]`. */
  readonly #seasons: Float64Array;
  /** What each method said of the farthest step, `[horizon, methods]`. */
  readonly #pending: Float64Array;
  #started = -1;

  /** @param context The series. The shortest season is smoothed. */
  constructor(context: ExpertContext) {
    this.#context = context;
    const period = context.seasons[0] ?? 1;
    this.#period = period <= PERIOD_MAX ? period : 1;
    this.#seasons = new Float64Array(METHODS.length * this.#period);
    this.#pending = new Float64Array(context.horizon * METHODS.length).fill(NaN);
  }

  /** Smooths the value in, by every method. */
  observe(step: number): void {
    const { history, horizon } = this.#context;
    if (this.#started < 0) {
      if (step + 1 - history.first >= 2 * this.#period) this.#start(step);
      return;
    }
    const value = history.at(step);
    const state = this.#state;
    const slot = step % this.#period;
    const ring = (step % horizon) * METHODS.length;
    for (let m = 0, at = 0; m < METHODS.length; m++, at += NUMBERS_PER_METHOD) {
      const method = METHODS[m];
      const error = Math.abs(history.observed(step) - this.#pending[ring + m]);
      if (!Number.isNaN(error)) state[at + 2] += ERROR_RATE * (error - state[at + 2]);
      const season = this.#seasons[m * this.#period + slot];
      const before = state[at];
      const ahead = before + method.damping * state[at + 1];
      const plain = method.multiplies ? value / season : value - season;
      const level = ahead + method.level * (plain - ahead);
      const trend = method.damping * state[at + 1];
      state[at] = level;
      state[at + 1] = trend + method.trend * (level - before - trend);
      if (this.#period > 1) {
        const fresh = method.multiplies ? value / level : value - level;
        this.#seasons[m * this.#period + slot] = season + method.season * (fresh - season);
      }
      this.#pending[ring + m] = this.#point(m, step, horizon);
    }
  }

  /** Writes the points of the method that was best of late. */
  predict(step: number, points: Float64Array): void {
    if (this.#started < 0) {
      points.fill(NaN);
      return;
    }
    let best = 0;
    for (let m = 1; m < METHODS.length; m++) {
      if (this.#error(m) < this.#error(best)) best = m;
    }
    for (let ahead = 1; ahead <= points.length; ahead++) {
      points[ahead - 1] = this.#point(best, step, ahead);
    }
  }

  /** Appends the state. */
  save(writer: StateWriter): void {
    writer.put(this.#started);
    writer.putAll(this.#state);
    writer.putAll(this.#seasons);
    writer.putAll(this.#pending);
  }

  /** Takes the state back. */
  load(reader: StateReader): void {
    this.#started = reader.take();
    reader.takeAll(this.#state);
    reader.takeAll(this.#seasons);
    reader.takeAll(this.#pending);
  }

  /** Level, trend and season from the last two seasons. */
  #start(step: number): void {
    const { history } = this.#context;
    const period = this.#period;
    let older = 0;
    let newer = 0;
    let lowest = Infinity;
    for (let k = 0; k < period; k++) {
      newer += history.at(step - k) / period;
      older += history.at(step - period - k) / period;
    }
    for (let k = 0; k < 2 * period; k++) lowest = Math.min(lowest, history.at(step - k));
    // The trend of one season is kept out where there is none to speak of.
    const trend = period > 1 ? (newer - older) / period : 0;
    const level = newer + trend * (period - 1) / 2;
    for (let m = 0; m < METHODS.length; m++) {
      // Quotients need positive values, well away from 0.
      const usable = !METHODS[m].multiplies || (lowest > 0.05 * newer && period > 1);
      this.#state.set([level, trend, usable ? 0 : Infinity], m * NUMBERS_PER_METHOD);
      for (let k = 0; k < period; k++) {
        const a = history.at(step - k);
        const b = history.at(step - period - k);
        const centre = (period - 1) / 2 - k;
        const slot = (step - k) % period;
        this.#seasons[m * period + slot] = METHODS[m].multiplies
          ? (a / (newer + trend * centre) + b / (older + trend * centre)) / 2
          : (a - newer - trend * centre + b - older - trend * centre) / 2;
      }
    }
    this.#started = step;
  }

  #error(method: number): number {
    const error = this.#state[method * NUMBERS_PER_METHOD + 2];
    return Number.isNaN(error) ? Infinity : error;
  }

  #point(m: number, step: number, ahead: number): number {
    const { damping, multiplies } = METHODS[m];
    const at = m * NUMBERS_PER_METHOD;
    const sum = damping === 1 ? ahead : damping * (1 - damping ** ahead) / (1 - damping);
    const plain = this.#state[at] + sum * this.#state[at + 1];
    const season = this.#seasons[m * this.#period + (step + ahead) % this.#period];
    return multiplies ? plain * season : plain + season;
  }
}

function grid(): Method[] {
  const methods: Method[] = [];
  for (const multiplies of [false, true]) {
    for (const level of [0.1, 0.3, 0.6, 0.9]) {
      for (const [trend, damping] of [[0, 0], [0.1, 0.9], [0.05, 0.98]]) {
        methods.push({ level, trend, season: 0.3, damping, multiplies });
      }
    }
  }
  return methods;
}
