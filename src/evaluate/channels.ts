import { Advance } from "./advance.ts";
import type { Forecaster } from "../forecast/forecaster.ts";
import { OnlineForecaster, type OnlineForecasterOptions } from "../forecast/online_forecaster.ts";
import { CRPS_LEVELS, ScoreSum } from "./metrics.ts";
import type { EvaluationRow } from "./prequential.ts";

/** The multichannel protocol of the online-forecasting literature (ETT, weather). */
export interface ChannelsOptions {
  /** Steps ahead. */
  readonly horizon: number;
  /** Rows, from the first, whose mean and deviation standardise every channel. */
  readonly standardiseOn: number;
  /** The first row forecast. */
  readonly firstTarget: number;
  /** The row after the last one used. */
  readonly end?: number;
  /** Configuration of the forecaster, except the horizon. */
  readonly forecaster?: Omit<OnlineForecasterOptions, "horizon" | "levels">;
  /** Makes the forecaster; the online forecaster where left out. */
  readonly makeForecaster?: (options: OnlineForecasterOptions) => Forecaster;
  /** Called now and then with the share done, 0 to 1. */
  readonly onProgress?: (done: number) => void;
}

/** What {@linkcode evaluateChannels} gives. */
export interface ChannelsResult {
  /** Windows scored. */
  readonly windows: number;
  /** Mean squared error over windows, steps and channels, in standardised units. */
  readonly mse: number;
  /** Mean absolute error, likewise. */
  readonly mae: number;
  /** The same two for the last value. */
  readonly naiveMse: number;
  /** See `naiveMse`. */
  readonly naiveMae: number;
  /** Continuous ranked probability score, likewise, as twice the mean pinball loss over 99 levels. */
  readonly crps: number;
  /** Shares of truths inside the central 80 and 90 % bands. */
  readonly coverage80: number;
  /** See `coverage80`. */
  readonly coverage90: number;
  /** Mean squared error of every channel. */
  readonly mseByChannel: readonly number[];
  /** Wall time in seconds. */
  readonly seconds: number;
}

/**
 * Scores all columns of a table at once, as FSNet (Pham et al. 2023) and DSOF (Lau et al. 2025) do:
 * channels standardised on the first rows, and the mean error over all windows of `horizon` steps and
 * all channels. Every channel is a series of its own. No label is seen before its time.
 *
 * @param rows The table; every value a channel.
 * @param options The protocol.
 * @returns The mean errors.
 *
 * @example
 * ```ts
 * import { evaluateChannels } from "@tickcast/tickcast";
 * import { equal } from "node:assert/strict";
 *
 * const rows = Array.from({ length: 60 }, (_, i) => ({
 *   time: i * 60_000,
 *   values: Float64Array.of(i % 5, i % 3),
 * }));
 * const protocol = { horizon: 2, standardiseOn: 20, firstTarget: 30 };
 * const { windows } = await evaluateChannels(rows, protocol);
 * equal(windows, 29);
 * ```
 */
export async function evaluateChannels(
  rows: readonly EvaluationRow[],
  options: ChannelsOptions,
): Promise<ChannelsResult> {
  const { horizon, standardiseOn, firstTarget } = options;
  const end = Math.min(options.end ?? rows.length, rows.length);
  const channels = rows[0].values.length;
  const tables = Array.from({ length: channels }, (_, c) => standardised(rows, c, standardiseOn));
  const names = tables.map((_, c) => `channel ${c}`);
  const make = options.makeForecaster ?? ((all): Forecaster => new OnlineForecaster(all));
  const forecaster = make({ ...options.forecaster, horizon, levels: CRPS_LEVELS });
  const start = performance.now();
  const sums = tables.map(() => new ScoreSum(CRPS_LEVELS));
  const naive = new ScoreSum([]);
  const nothing = new Float64Array(0);
  const advance = new Advance(forecaster);
  let windows = 0;
  try {
    for (let row = 0; row + horizon < end; row++) {
      const frames = names.map((series, c) => ({
        series,
        time: rows[row].time,
        step: row,
        values: tables[c].subarray(row, row + 1),
      }));
      await advance.step(frames);
      if (row + 1 < firstTarget) continue;
      windows++;
      for (let c = 0; c < channels; c++) {
        const { mean, quantiles } = forecaster.forecast(names[c]);
        for (let h = 0; h < horizon; h++) {
          const truth = tables[c][row + 1 + h];
          if (Number.isNaN(truth)) continue;
          sums[c].add(truth, mean[h], quantiles, h * CRPS_LEVELS.length);
          naive.add(truth, tables[c][row], nothing, 0);
        }
      }
      if (windows % 100 === 0) options.onProgress?.(row / end);
    }
  } finally {
    forecaster.dispose();
  }
  const context = { deviation: 1, stepChange: 1 };
  const byChannel = sums.map((sum) => sum.scores(context));
  const mean = (key: "mae" | "crps" | "coverage80" | "coverage90"): number =>
    byChannel.reduce((sum, scores) => sum + scores[key], 0) / channels;
  const mseByChannel = byChannel.map(({ rmse }) => rmse ** 2);
  const { rmse: naiveRmse, mae: naiveMae } = naive.scores(context);
  return {
    windows,
    mse: mseByChannel.reduce((sum, mse) => sum + mse, 0) / channels,
    mae: mean("mae"),
    naiveMse: naiveRmse ** 2,
    naiveMae,
    crps: mean("crps"),
    coverage80: mean("coverage80"),
    coverage90: mean("coverage90"),
    mseByChannel,
    seconds: (performance.now() - start) / 1000,
  };
}

function standardised(
  rows: readonly EvaluationRow[],
  channel: number,
  count: number,
): Float64Array {
  const column = Float64Array.from(rows, (row) => row.values[channel]);
  const head = column.subarray(0, count).filter((value) => !Number.isNaN(value));
  const mean = head.reduce((sum, value) => sum + value, 0) / head.length;
  const variance = head.reduce((sum, value) => sum + (value - mean) ** 2, 0) / head.length;
  // A channel that did not move in those rows stays in its own unit.
  const deviation = Math.sqrt(variance) || 1;
  return column.map((value) => (value - mean) / deviation);
}
