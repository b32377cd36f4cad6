import { RecursiveLeastSquares } from "./recursive_least_squares.ts";
import { RunningScale } from "./scaler.ts";
import type { Seasons } from "./seasonality.ts";
import type { Stateful, StateReader, StateWriter } from "./state_buffer.ts";

/** Rates of the running one-step errors: days, weeks and months for a daily price, as in HAR models. */
const RATES = [0.15, 0.04, 0.008];
/** Overlapping errors of h steps tell little more than one: their running size moves the slower. */
const OWN_STEPS = 100;
const OWN_STEPS_PER_AHEAD = 100;
/** Growth as of a random walk counts for so many errors that do not overlap. */
const GROWTH_ERRORS = 5;
const MEMORY_STEPS = 2000;
const MEMORY_STEPS_PER_AHEAD = 300;
const RIDGE = 20;
/** The ridge holds the regression to these, until it knows better: how volatility persists. */
const PRIOR = [0, 0.1, 0.3, 0.8];
/** What the errors of experts that are gone count for, as so many of those of the new ones. */
const FORMER_ERRORS = 3;
/** An error counts as at most this many expected ones. */
const RATIO_MAX = 6;
/** The model may move the size of errors by at most this factor, as a logarithm. */
const LOG_RANGE = 3;
/** Sine and cosine pairs of the short and the long season. */
const HARMONICS = [3, 2];

/**
 * The expected absolute error at each horizon, conditional on what drives it: the recent volatility at
 * three speeds, the slot of the season, and the level.
 *
 * `log s = log e_h + θᵀz`, a gamma regression with log link for |error| (its scores are those of the
 * multiplicative error model, Engle 2002; the three speeds follow Corsi's HAR model, 2009), learnt by
 * recursive least squares on the working response `log s + (|error|/s − 1)`.
 */
export class ErrorScale implements Stateful {
  readonly #horizon: number;
  #seasons: Seasons = [];
  readonly #speeds = RATES.map((rate) => new RunningScale(rate));
  readonly #own: RunningScale[];
  /** The running one-step errors, with the memory of each horizon. */
  readonly #reference: RunningScale[];
  readonly #level = new RunningScale(0.002);
  #regressions: RecursiveLeastSquares[] = [];
  /** Logarithms of the running errors at the latest origins, `[horizon + 1, speeds]`. */
  readonly #origins: Float64Array;
  /** The running errors of each horizon as forecasts used them, `[horizon + 1, horizon]`. */
  readonly #typicals: Float64Array;
  #z = new Float64Array(0);
  readonly #target = new Float64Array(1);

  /**
   * @param horizon Steps ahead.
   * @param seasons The seasonal periods.
   */
  constructor(horizon: number, seasons: Seasons) {
    this.#horizon = horizon;
    const running = (_: unknown, h: number): RunningScale =>
      new RunningScale(1 / (OWN_STEPS + OWN_STEPS_PER_AHEAD * h));
    this.#own = Array.from({ length: horizon }, running);
    this.#reference = Array.from({ length: horizon }, running);
    this.#typicals = new Float64Array((horizon + 1) * horizon);
    this.#origins = new Float64Array((horizon + 1) * RATES.length);
    this.setSeasons(seasons);
  }

  /**
   * Goes on with other seasons, and hence other experts: the regressions start anew with their waves, and
   * the running errors soon give way to those of the new experts, which are often far smaller.
   */
  setSeasons(seasons: Seasons): void {
    for (const running of [...this.#speeds, ...this.#own, ...this.#reference]) {
      running.discount(FORMER_ERRORS);
    }
    this.#seasons = seasons;
    const waves = seasons.reduce((sum, _, k) => sum + 2 * HARMONICS[k], 0);
    const size = 2 + RATES.length + waves;
    this.#regressions = Array.from({ length: this.#horizon }, (_, h) => {
      const forgetting = 1 - 1 / (MEMORY_STEPS + MEMORY_STEPS_PER_AHEAD * h);
      const regression = new RecursiveLeastSquares(size, 1, { forgetting, ridge: RIDGE });
      regression.coefficients.set(PRIOR);
      return regression;
    });
    this.#z = new Float64Array(size);
  }

  /** Takes in the latest value and the error of the forecast made one step before it. */
  observe(step: number, value: number, error: number): void {
    this.#level.observe(value);
    for (const reference of this.#reference) reference.observe(error);
    const row = (step % (this.#horizon + 1)) * RATES.length;
    for (let k = 0; k < RATES.length; k++) {
      this.#speeds[k].observe(error);
      this.#origins[row + k] = Math.log(Math.max(this.#speeds[k].value, this.#floor()));
    }
  }

  /**
   * The expected size of the error of `point`, forecast at `origin` for `ahead` steps later.
   * @returns Above 0.
   */
  expected(origin: number, ahead: number, point: number): number {
    const own = this.#typical(ahead);
    this.#typicals[(origin % (this.#horizon + 1)) * this.#horizon + ahead - 1] = own;
    this.#fill(origin, ahead, point);
    const shift = this.#regressions[ahead - 1].predict(this.#z);
    return own * Math.exp(Math.max(-LOG_RANGE, Math.min(LOG_RANGE, shift)));
  }

  /** Learns from an error that has become known, and from the size that was expected of it. */
  learn(origin: number, ahead: number, point: number, error: number, expected: number): void {
    this.#own[ahead - 1].observe(error);
    const own = this.#typicals[(origin % (this.#horizon + 1)) * this.#horizon + ahead - 1];
    this.#fill(origin, ahead, point);
    const ratio = Math.min(RATIO_MAX, Math.abs(error) / expected);
    this.#target[0] = Math.log(expected / own) + ratio - 1;
    // Errors of h steps overlap: h of them tell about as much as one.
    this.#regressions[ahead - 1].update(this.#z, this.#target, 1 / ahead);
  }

  /** Appends the state. */
  save(writer: StateWriter): void {
    for (const scale of [...this.#speeds, ...this.#own, ...this.#reference, this.#level]) {
      scale.save(writer);
    }
    writer.putAll(this.#origins);
    writer.putAll(this.#typicals);
    for (const regression of this.#regressions) regression.save(writer);
  }

  /** Takes the state back. */
  load(reader: StateReader): void {
    for (const scale of [...this.#speeds, ...this.#own, ...this.#reference, this.#level]) {
      scale.load(reader);
    }
    reader.takeAll(this.#origins);
    reader.takeAll(this.#typicals);
    for (const regression of this.#regressions) regression.load(reader);
  }

  /** Keeps logarithms finite where nothing ever changes; far below any error that matters. */
  #floor(): number {
    return Math.max(1e-9 * this.#level.value, 1e-300);
  }

  /** The running error of a horizon; before its first label, that of one step grown as a random walk. */
  #typical(ahead: number): number {
    const { value, count } = this.#own[ahead - 1];
    const walk = this.#reference[ahead - 1].value * Math.sqrt(ahead);
    const steps = Math.min(count, OWN_STEPS + OWN_STEPS_PER_AHEAD * (ahead - 1));
    const trust = steps / (steps + GROWTH_ERRORS * ahead);
    return Math.max(walk + trust * (value - walk), this.#floor());
  }

  #fill(origin: number, ahead: number, point: number): void {
    const z = this.#z;
    const row = (origin % (this.#horizon + 1)) * RATES.length;
    const slow = this.#origins[row + RATES.length - 1];
    z[0] = 1;
    for (let k = 0; k < RATES.length - 1; k++) z[1 + k] = this.#origins[row + k] - slow;
    z[RATES.length] = slow - Math.log(Math.max(this.#reference[ahead - 1].value, this.#floor()));
    const level = this.#level.value;
    z[1 + RATES.length] = level > 0 ? Math.log(0.1 + Math.min(10, Math.abs(point) / level)) : 0;
    let at = 2 + RATES.length;
    for (let s = 0; s < this.#seasons.length; s++) {
      const phase = 2 * Math.PI * ((origin + ahead) % this.#seasons[s]) / this.#seasons[s];
      for (let k = 1; k <= HARMONICS[s]; k++) {
        z[at++] = Math.sin(k * phase);
        z[at++] = Math.cos(k * phase);
      }
    }
  }
}
