import type { Forecast } from "../forecast/forecast.ts";
import type { Forecaster } from "../forecast/forecaster.ts";
import type { LearningRun } from "../learn/learning_run.ts";
import { OnlineForecaster } from "../forecast/online_forecaster.ts";
import { levelIndex } from "./metrics.ts";
import type { EvaluationRow } from "./prequential.ts";

/** Rows drawn at the end, and points kept over the whole run. */
const TAIL_ROWS = 400;
const POINTS = 200;
/** Whole forecasts kept, one after the other without overlap. */
const FANS = 8;
/** The bounds of the bands kept of a forecast: 90, 80 and 50 %. */
const BAND_LEVELS: readonly number[] = [0.05, 0.1, 0.25, 0.75, 0.9, 0.95];
/** A share of fewer truths would say more of chance than of the bands. */
const SHARE_OF_LEAST = 50;

/** One forecast drawn beside its truth. */
export interface TracePoint {
  /** Time of the truth, epoch milliseconds. */
  readonly time: number;
  /** What came; `NaN` where it is missing. */
  readonly truth: number;
  /** The expected value. */
  readonly mean: number;
  /** The bounds of the bands, by {@linkcode TraceResult.levels}. */
  readonly quantiles: readonly number[];
}

/** What the report draws. */
export interface TraceResult {
  /** The levels of the quantiles kept, ascending: from outside in the bounds of the bands. */
  readonly levels: readonly number[];
  /** The last forecasts at the last horizon. */
  readonly tail: readonly TracePoint[];
  /** The last forecasts that do not overlap, each with all its steps ahead. */
  readonly fans: readonly (readonly TracePoint[])[];
  /** The experts by name, and their weights at the last horizon over time. */
  readonly experts: readonly string[];
  /** See `experts`. */
  readonly weights: readonly { readonly row: number; readonly weights: readonly number[] }[];
  /** Share of the last truths that lay in the 80 % and the 90 % band, over time, and of how many. */
  readonly coverage: readonly {
    readonly row: number;
    readonly share80: number;
    readonly share90: number;
  }[];
  /** See `coverage`. */
  readonly coverageOf: number;
  /** The latest retrainings of the network, where there is one. */
  readonly runs: readonly LearningRun[];
}

/** Keeps of a run what is worth drawing, in bounded memory. */
export class Trace {
  readonly #rows: readonly EvaluationRow[];
  readonly #horizon: number;
  readonly #lastOrigin: number;
  readonly #every: number;
  readonly #tail: TracePoint[] = [];
  readonly #fans: TracePoint[][] = [];
  readonly #weights: { row: number; weights: number[] }[] = [];
  readonly #coverage: { row: number; share80: number; share90: number }[] = [];
  readonly #coverageOf: number;
  /** Whether the last truths lay in the 80 % and the 90 % band. */
  readonly #inside80: Uint8Array;
  readonly #inside90: Uint8Array;
  #experts: readonly string[] = [];
  #runs: readonly LearningRun[] = [];
  #seen = 0;

  /**
   * @param rows The history.
   * @param horizon Steps ahead.
   * @param firstOrigin The first origin scored.
   * @param lastOrigin The last origin scored.
   */
  constructor(
    rows: readonly EvaluationRow[],
    horizon: number,
    firstOrigin: number,
    lastOrigin: number,
  ) {
    this.#rows = rows;
    this.#horizon = horizon;
    this.#lastOrigin = Math.min(lastOrigin, rows.length - 1 - horizon);
    this.#every = Math.max(1, Math.floor(rows.length / POINTS));
    const scored = this.#lastOrigin - firstOrigin + 1;
    this.#coverageOf = Math.max(SHARE_OF_LEAST, Math.floor(scored / 10));
    this.#inside80 = new Uint8Array(this.#coverageOf);
    this.#inside90 = new Uint8Array(this.#coverageOf);
  }

  /** Takes in what was forecast after a row. */
  take(row: number, forecaster: Forecaster, forecast: Forecast | undefined): void {
    if (forecaster instanceof OnlineForecaster && row % this.#every === 0) {
      this.#experts = forecaster.experts;
      this.#weights.push({ row, weights: [...forecaster.weights("value")] });
    }
    if (forecast === undefined) return;
    if (row > this.#lastOrigin - FANS * this.#horizon) {
      if ((this.#lastOrigin - row) % this.#horizon === 0) {
        const steps = Array.from({ length: this.#horizon }, (_, h) => h + 1);
        this.#fans.push(steps.map((ahead) => this.#point(row, ahead, forecast)));
      }
    }
    const point = this.#point(row, this.#horizon, forecast);
    if (Number.isNaN(point.truth)) return;
    this.#count(row, point);
    if (row > this.#lastOrigin - TAIL_ROWS) this.#tail.push(point);
  }

  /** Takes in what the forecaster learnt on the way. */
  end(forecaster: Forecaster): void {
    if (forecaster instanceof OnlineForecaster) {
      this.#runs = forecaster.learner?.learning.runs ?? [];
    }
  }

  /** What was kept. */
  finish(): TraceResult {
    return {
      levels: BAND_LEVELS,
      tail: this.#tail,
      fans: this.#fans,
      experts: this.#experts,
      weights: this.#weights,
      coverage: this.#coverage,
      coverageOf: this.#coverageOf,
      runs: this.#runs,
    };
  }

  #point(row: number, ahead: number, { levels, quantiles, mean }: Forecast): TracePoint {
    const { time, values: [truth] } = this.#rows[row + ahead];
    const start = (ahead - 1) * levels.length;
    return {
      time,
      truth,
      mean: mean[ahead - 1],
      quantiles: BAND_LEVELS.map((level) => quantiles[start + levelIndex(levels, level)]),
    };
  }

  #count(row: number, { truth, quantiles }: TracePoint): void {
    const [low90, low80, , , high80, high90] = quantiles;
    const at = this.#seen++ % this.#coverageOf;
    this.#inside80[at] = low80 <= truth && truth <= high80 ? 1 : 0;
    this.#inside90[at] = low90 <= truth && truth <= high90 ? 1 : 0;
    if (this.#seen < this.#coverageOf || this.#seen % this.#every > 0) return;
    this.#coverage.push({ row, share80: mean(this.#inside80), share90: mean(this.#inside90) });
  }
}

function mean(flags: Uint8Array): number {
  return flags.reduce((sum, flag) => sum + flag, 0) / flags.length;
}
