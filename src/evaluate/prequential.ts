import { Advance } from "./advance.ts";
import type { Forecast } from "../forecast/forecast.ts";
import type { Forecaster } from "../forecast/forecaster.ts";
import { ScoreSum } from "./metrics.ts";

/** One row of history: the frame of one step. */
export interface EvaluationRow {
  /** Epoch milliseconds. */
  readonly time: number;
  /** The values in feature order, target first; `NaN` where missing. */
  readonly values: Float64Array;
}

/** Which forecasts are scored. */
export interface PrequentialOptions {
  /** Rows of the first and the last origin scored. */
  readonly firstOrigin: number;
  /** The last origin scored; origins whose label lies beyond the end are left out. */
  readonly lastOrigin: number;
  /** Called after every row. */
  readonly onRow?: (row: number, forecast: Forecast | undefined) => void;
}

/** What a run gives. */
export interface PrequentialResult {
  /** Scores by steps ahead, `[horizon]`. */
  readonly sums: readonly ScoreSum[];
  /** The mean pinball loss at the last horizon, one an origin scored; for paired comparisons. */
  readonly losses: Float64Array;
  /** Squared errors at the last horizon, one an origin scored. */
  readonly squares: Float64Array;
  /** Wall time of the forecaster in seconds. */
  readonly seconds: number;
}

const SERIES = "value";

/**
 * Test, then train (Gama, Sebastião and Rodrigues 2013): every row is first forecast, then learnt.
 * The forecaster sees row i only after every forecast up to origin i − 1 was made, and a forecast is
 * scored when its label comes; there is no other way for a label to reach the forecaster.
 *
 * @param forecaster A fresh forecaster.
 * @param rows The history, in order.
 * @param options What is scored.
 * @returns The scores.
 */
export async function prequential(
  forecaster: Forecaster,
  rows: readonly EvaluationRow[],
  options: PrequentialOptions,
): Promise<PrequentialResult> {
  const { horizon, levels } = forecaster;
  const sums = Array.from({ length: horizon }, () => new ScoreSum(levels));
  const pending: (Forecast | undefined)[] = new Array(horizon);
  const losses: number[] = [];
  const squares: number[] = [];
  const advance = new Advance(forecaster);
  const start = performance.now();
  for (let row = 0; row < rows.length; row++) {
    const { time, values } = rows[row];
    const truth = values[0];
    for (let ahead = 1; ahead <= Math.min(horizon, row); ahead++) {
      const forecast = pending[(row - ahead) % horizon];
      if (forecast === undefined || Number.isNaN(truth)) continue;
      const h = ahead - 1;
      const point = forecast.mean[h];
      const loss = sums[h].add(truth, point, forecast.quantiles, h * levels.length);
      if (ahead === horizon) {
        losses.push(loss);
        squares.push((truth - point) ** 2);
      }
    }
    await advance.step([{ series: SERIES, time, step: row, values }]);
    const scored = row >= options.firstOrigin && row <= options.lastOrigin &&
      row + horizon < rows.length;
    pending[row % horizon] = scored ? forecaster.forecast(SERIES) : undefined;
    options.onRow?.(row, pending[row % horizon]);
  }
  const seconds = (performance.now() - start) / 1000;
  return {
    sums,
    losses: Float64Array.from(losses),
    squares: Float64Array.from(squares),
    seconds,
  };
}
