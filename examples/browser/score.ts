import type { Forecast } from "@tickcast/tickcast";

/** How good the forecasts of one series were, at the last step ahead, once their truth is there. */
export class Score {
  /** Forecasts whose truth is there. */
  count = 0;
  readonly #horizon: number;
  readonly #pending: { mean: number; last: number; low: number; high: number }[] = [];
  #absolute = 0;
  #naive = 0;
  #inside = 0;

  /** @param horizon Steps ahead. */
  constructor(horizon: number) {
    this.#horizon = horizon;
  }

  /** Takes a value in, and the forecast made after it. */
  take(value: number, { mean, levels, quantiles }: Forecast): void {
    if (this.#pending.length === this.#horizon) {
      const { mean, last, low, high } = this.#pending.shift()!;
      this.count++;
      this.#absolute += Math.abs(value - mean);
      this.#naive += Math.abs(value - last);
      if (value >= low && value <= high) this.#inside++;
    }
    const at = (this.#horizon - 1) * levels.length;
    this.#pending.push({
      mean: mean[this.#horizon - 1],
      last: value,
      low: quantiles[at + levels.indexOf(0.05)],
      high: quantiles[at + levels.indexOf(0.95)],
    });
  }

  /** The mean absolute error. */
  get error(): number {
    return this.#absolute / this.count;
  }

  /** That of the last value. */
  get naiveError(): number {
    return this.#naive / this.count;
  }

  /** The share of values within their 90 % bands. */
  get covered(): number {
    return this.#inside / this.count;
  }
}
