import type { Forecaster } from "../forecast/forecaster.ts";
import { OnlineForecaster, type OnlineForecasterOptions } from "../forecast/online_forecaster.ts";
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
  readonly forecaster?: Omit<OnlineForecasterOptions, "horizon">;
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
  const forecaster: Forecaster = new OnlineForecaster({ ...options.forecaster, horizon });
  let untilLearning = forecaster.framesUntilLearning();
  const start = performance.now();
  const squares = new Float64Array(channels);
  const sum = { absolute: 0, naiveSquares: 0, naiveAbsolute: 0 };
  let windows = 0;
  try {
    for (let row = 0; row + horizon < end; row++) {
      const frames = names.map((series, c) => ({
        series,
        time: rows[row].time,
        step: row,
        values: tables[c].subarray(row, row + 1),
      }));
      for (let at = 0; at < channels;) {
        const part = frames.slice(at, at + untilLearning);
        const stepped = forecaster.step(part);
        if (stepped !== undefined) await stepped;
        at += part.length;
        untilLearning -= part.length;
        if (untilLearning > 0) continue;
        await forecaster.learn();
        untilLearning = forecaster.framesUntilLearning();
      }
      if (row + 1 < firstTarget) continue;
      windows++;
      for (let c = 0; c < channels; c++) {
        const { mean } = forecaster.forecast(names[c]);
        for (let ahead = 1; ahead <= horizon; ahead++) {
          const truth = tables[c][row + ahead];
          const error = truth - mean[ahead - 1];
          const naive = truth - tables[c][row];
          squares[c] += error * error;
          sum.absolute += Math.abs(error);
          sum.naiveSquares += naive * naive;
          sum.naiveAbsolute += Math.abs(naive);
        }
      }
      if (windows % 100 === 0) options.onProgress?.(row / end);
    }
  } finally {
    forecaster.dispose();
  }
  const perChannel = windows * horizon;
  const count = perChannel * channels;
  return {
    windows,
    mse: squares.reduce((total, square) => total + square, 0) / count,
    mae: sum.absolute / count,
    naiveMse: sum.naiveSquares / count,
    naiveMae: sum.naiveAbsolute / count,
    mseByChannel: Array.from(squares, (square) => square / perChannel),
    seconds: (performance.now() - start) / 1000,
  };
}

function standardised(
  rows: readonly EvaluationRow[],
  channel: number,
  count: number,
): Float64Array {
  const column = Float64Array.from(rows, (row) => row.values[channel]);
  const head = column.subarray(0, count);
  const mean = head.reduce((sum, value) => sum + value, 0) / count;
  const variance = head.reduce((sum, value) => sum + (value - mean) ** 2, 0) / count;
  return column.map((value) => (value - mean) / Math.sqrt(variance));
}
