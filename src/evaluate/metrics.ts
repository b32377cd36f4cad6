/** The 99 levels 0.01 … 0.99 over which the continuous ranked probability score is taken. */
export const CRPS_LEVELS: readonly number[] = Array.from({ length: 99 }, (_, k) => (k + 1) / 100);

/** The scores of one forecaster at one horizon. */
export interface Scores {
  /** Forecasts scored. */
  readonly count: number;
  /** Mean absolute error of the point forecast. */
  readonly mae: number;
  /** Root of the mean squared error. */
  readonly rmse: number;
  /** `rmse` over the standard deviation of the whole series. */
  readonly nrmse: number;
  /** Σ|error| / Σ|value|, the form of Cui et al. 2016; a share, not per cent. */
  readonly mape: number;
  /** `mae` over the mean absolute change of one step before the scored rows (Hyndman and Koehler 2006). */
  readonly mase: number;
  /** Mean pinball loss over the levels. */
  readonly pinball: number;
  /** Continuous ranked probability score, as twice the mean pinball loss over the levels. */
  readonly crps: number;
  /** Share of truths inside the central 80 % band; `NaN` where its levels were not forecast. */
  readonly coverage80: number;
  /** Share of truths inside the central 90 % band. */
  readonly coverage90: number;
  /** Mean Winkler score of the 90 % band: its width plus 20 times the distance of truths outside. */
  readonly winkler90: number;
}

/** What the scores are set against: figures of the series, not of a forecaster. */
export interface ScoreContext {
  /** Standard deviation of the whole series. */
  readonly deviation: number;
  /** Mean absolute change of one step before the scored rows. */
  readonly stepChange: number;
}

/**
 * The pinball loss of one quantile: `max(τ (y − q), (τ − 1)(y − q))`.
 *
 * @param value What came.
 * @param quantile What was forecast.
 * @param level τ.
 * @returns The loss, 0 or more.
 */
export function pinballLoss(value: number, quantile: number, level: number): number {
  const error = value - quantile;
  return error >= 0 ? level * error : (level - 1) * error;
}

/**
 * The mean pinball loss of a row of quantiles.
 *
 * @param value What came.
 * @param levels The levels, ascending.
 * @param quantiles The quantiles, from `offset` on.
 * @param offset Where the row starts.
 * @returns The mean loss; twice that approximates the continuous ranked probability score.
 */
export function meanPinball(
  value: number,
  levels: readonly number[],
  quantiles: Float64Array,
  offset = 0,
): number {
  let sum = 0;
  for (let j = 0; j < levels.length; j++) {
    sum += pinballLoss(value, quantiles[offset + j], levels[j]);
  }
  return sum / levels.length;
}

/** Where a level stands among others; −1 where it is missing. */
export function levelIndex(levels: readonly number[], wanted: number): number {
  return levels.findIndex((level) => Math.abs(level - wanted) < 1e-9);
}

/** Adds up the scores of one forecaster at one horizon. */
export class ScoreSum {
  readonly #levels: readonly number[];
  readonly #bands: readonly (readonly [number, number])[];
  #count = 0;
  #absolute = 0;
  #squared = 0;
  #size = 0;
  #pinball = 0;
  #inside80 = 0;
  #inside90 = 0;
  #winkler = 0;

  /** @param levels The levels of the quantiles to come. */
  constructor(levels: readonly number[]) {
    this.#levels = levels;
    this.#bands = [[0.1, 0.9], [0.05, 0.95]].map(([low, high]) => [
      levelIndex(levels, low),
      levelIndex(levels, high),
    ]);
  }

  /** Forecasts scored so far. */
  get count(): number {
    return this.#count;
  }

  /**
   * Scores one forecast.
   * @param value What came.
   * @param point The point forecast.
   * @param quantiles The quantiles, from `offset` on.
   * @returns Its mean pinball loss.
   */
  add(value: number, point: number, quantiles: Float64Array, offset: number): number {
    const error = value - point;
    const pinball = meanPinball(value, this.#levels, quantiles, offset);
    this.#count++;
    this.#absolute += Math.abs(error);
    this.#squared += error * error;
    this.#size += Math.abs(value);
    this.#pinball += pinball;
    const [[low80, high80], [low90, high90]] = this.#bands;
    if (quantiles[offset + low80] <= value && value <= quantiles[offset + high80]) this.#inside80++;
    const low = quantiles[offset + low90];
    const high = quantiles[offset + high90];
    if (low <= value && value <= high) this.#inside90++;
    this.#winkler += high - low + 20 * Math.max(0, low - value, value - high);
    return pinball;
  }

  /** The scores so far. */
  scores(context: ScoreContext): Scores {
    const count = this.#count;
    const rmse = Math.sqrt(this.#squared / count);
    const mae = this.#absolute / count;
    const [band80, band90] = this.#bands.map((band) => band[0] >= 0 && band[1] >= 0);
    return {
      count,
      mae,
      rmse,
      nrmse: rmse / context.deviation,
      mape: this.#absolute / this.#size,
      mase: mae / context.stepChange,
      pinball: this.#pinball / count,
      crps: 2 * this.#pinball / count,
      coverage80: band80 ? this.#inside80 / count : NaN,
      coverage90: band90 ? this.#inside90 / count : NaN,
      winkler90: band90 ? this.#winkler / count : NaN,
    };
  }
}
