import type { History } from "../history.ts";
import type { SeriesState } from "../series_layout.ts";
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
  readonly #horizon: number;
  readonly #period: number;
  /** Where the step lies at which it started, −1 before. */
  readonly #started: number;
  /** Where level, trend and recent error of every method lie. */
  readonly #state: number;
  /** Where the seasonal figures lie, `[methods, period]`. */
  readonly #seasons: number;
  /** Where lies what each method said of the farthest step, `[horizon, methods]`. */
  readonly #pending: number;

  /** @param context Its series. The shortest season is smoothed. */
  constructor({ layout, horizon, seasons }: ExpertContext) {
    const period = seasons[0] ?? 1;
    this.#horizon = horizon;
    this.#period = period <= PERIOD_MAX ? period : 1;
    this.#started = layout.reserve(1, -1);
    this.#state = layout.reserve(METHODS.length * NUMBERS_PER_METHOD);
    this.#pending = layout.reserve(horizon * METHODS.length, NaN);
    this.#seasons = layout.reserve(METHODS.length * this.#period);
  }

  /** Smooths the value in, by every method. */
  observe({ memory, history }: SeriesState, step: number): void {
    const horizon = this.#horizon;
    if (memory[this.#started] < 0) {
      if (step + 1 - history.first >= 2 * this.#period) this.#start(memory, history, step);
      return;
    }
    const value = history.at(step);
    const observed = history.observed(step);
    const slot = step % this.#period;
    const ring = this.#pending + (step % horizon) * METHODS.length;
    for (let m = 0, at = this.#state; m < METHODS.length; m++, at += NUMBERS_PER_METHOD) {
      const method = METHODS[m];
      const error = Math.abs(observed - memory[ring + m]);
      if (!Number.isNaN(error)) memory[at + 2] += ERROR_RATE * (error - memory[at + 2]);
      const figure = this.#seasons + m * this.#period + slot;
      const season = memory[figure];
      const before = memory[at];
      const ahead = before + method.damping * memory[at + 1];
      const plain = method.multiplies ? value / season : value - season;
      const level = ahead + method.level * (plain - ahead);
      const trend = method.damping * memory[at + 1];
      memory[at] = level;
      memory[at + 1] = trend + method.trend * (level - before - trend);
      if (this.#period > 1) {
        const fresh = method.multiplies ? value / level : value - level;
        memory[figure] = season + method.season * (fresh - season);
      }
      memory[ring + m] = this.#point(memory, m, step, horizon);
    }
  }

  /** Writes the points of the method that was best of late. */
  predict({ memory }: SeriesState, step: number, points: Float64Array, at: number): void {
    if (memory[this.#started] < 0) {
      points.fill(NaN, at, at + this.#horizon);
      return;
    }
    let best = 0;
    for (let m = 1; m < METHODS.length; m++) {
      if (this.#error(memory, m) < this.#error(memory, best)) best = m;
    }
    for (let ahead = 1; ahead <= this.#horizon; ahead++) {
      points[at + ahead - 1] = this.#point(memory, best, step, ahead);
    }
  }

  /** Level, trend and season from the last two seasons. */
  #start(memory: Float64Array, history: History, step: number): void {
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
      memory.set([level, trend, usable ? 0 : Infinity], this.#state + m * NUMBERS_PER_METHOD);
      for (let k = 0; k < period; k++) {
        const a = history.at(step - k);
        const b = history.at(step - period - k);
        const centre = (period - 1) / 2 - k;
        const slot = (step - k) % period;
        memory[this.#seasons + m * period + slot] = METHODS[m].multiplies
          ? (a / (newer + trend * centre) + b / (older + trend * centre)) / 2
          : (a - newer - trend * centre + b - older - trend * centre) / 2;
      }
    }
    memory[this.#started] = step;
  }

  #error(memory: Float64Array, method: number): number {
    const error = memory[this.#state + method * NUMBERS_PER_METHOD + 2];
    return Number.isNaN(error) ? Infinity : error;
  }

  #point(memory: Float64Array, m: number, step: number, ahead: number): number {
    const { damping, multiplies } = METHODS[m];
    const at = this.#state + m * NUMBERS_PER_METHOD;
    const sum = damping === 1 ? ahead : damping * (1 - damping ** ahead) / (1 - damping);
    const plain = memory[at] + sum * memory[at + 1];
    const season = memory[this.#seasons + m * this.#period + (step + ahead) % this.#period];
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
