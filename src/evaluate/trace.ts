import type { Forecast } from "../forecast/forecast.ts";
import type { Forecaster } from "../forecast/forecaster.ts";
import { OnlineForecaster } from "../forecast/online_forecaster.ts";
import type { EvaluationRow } from "./prequential.ts";

/** Rows drawn at the end, and points kept over the whole run. */
const TAIL_ROWS = 400;
const POINTS = 200;

/** One forecast drawn beside its truth. */
export interface TracePoint {
  /** Time of the truth, epoch milliseconds. */
  readonly time: number;
  /** What came. */
  readonly truth: number;
  /** The expected value. */
  readonly mean: number;
  /** The bounds of the 90 % band. */
  readonly low: number;
  /** See `low`. */
  readonly high: number;
}

/** What the report draws. */
export interface TraceResult {
  /** The last forecasts at the last horizon. */
  readonly tail: readonly TracePoint[];
  /** The experts by name, and their weights at the last horizon over time. */
  readonly experts: readonly string[];
  /** See `experts`. */
  readonly weights: readonly { readonly row: number; readonly weights: readonly number[] }[];
  /** Share of truths in the 90 % band, stretch by stretch of the scored rows. */
  readonly coverage: readonly { readonly row: number; readonly share: number }[];
}

/** Keeps of a run what is worth drawing, in bounded memory. */
export class Trace {
  readonly #rows: readonly EvaluationRow[];
  readonly #horizon: number;
  readonly #lastOrigin: number;
  readonly #every: number;
  readonly #tail: TracePoint[] = [];
  readonly #weights: { row: number; weights: number[] }[] = [];
  readonly #coverage: { row: number; share: number }[] = [];
  #experts: readonly string[] = [];
  #inside = 0;
  #seen = 0;

  /**
   * @param rows The history.
   * @param horizon Steps ahead.
   * @param lastOrigin The last origin scored.
   */
  constructor(rows: readonly EvaluationRow[], horizon: number, lastOrigin: number) {
    this.#rows = rows;
    this.#horizon = horizon;
    this.#lastOrigin = Math.min(lastOrigin, rows.length - 1 - horizon);
    this.#every = Math.max(1, Math.floor(rows.length / POINTS));
  }

  /** Takes in what was forecast after a row. */
  take(row: number, forecaster: Forecaster, forecast: Forecast | undefined): void {
    if (forecaster instanceof OnlineForecaster && row % this.#every === 0) {
      this.#experts = forecaster.experts;
      this.#weights.push({ row, weights: [...forecaster.weights("value")] });
    }
    if (forecast === undefined) return;
    const { time, values: [truth] } = this.#rows[row + this.#horizon];
    if (Number.isNaN(truth)) return;
    const { levels, quantiles, mean } = forecast;
    const start = (this.#horizon - 1) * levels.length;
    const at = (wanted: number): number =>
      quantiles[start + levels.findIndex((level) => Math.abs(level - wanted) < 1e-9)];
    const low = at(0.05);
    const high = at(0.95);
    this.#seen++;
    if (low <= truth && truth <= high) this.#inside++;
    if (this.#seen === this.#every) {
      this.#coverage.push({ row, share: this.#inside / this.#seen });
      this.#seen = 0;
      this.#inside = 0;
    }
    if (row > this.#lastOrigin - TAIL_ROWS) {
      this.#tail.push({ time, truth, mean: mean[this.#horizon - 1], low, high });
    }
  }

  /** What was kept. */
  finish(): TraceResult {
    return {
      tail: this.#tail,
      experts: this.#experts,
      weights: this.#weights,
      coverage: this.#coverage,
    };
  }
}
