import type { Forecaster } from "../forecast/forecaster.ts";
import { OnlineForecaster, type OnlineForecasterOptions } from "../forecast/online_forecaster.ts";
import { type BaselineName, BASELINES, makeBaseline } from "./baselines.ts";
import { pairedSkill, type Skill } from "./bootstrap.ts";
import { CRPS_LEVELS, type ScoreContext, type Scores } from "./metrics.ts";
import { type EvaluationRow, prequential, type PrequentialResult } from "./prequential.ts";
import { Trace, type TraceResult } from "./trace.ts";

/** What is scored, and against what. */
export interface EvaluateOptions {
  /** Steps ahead. */
  readonly horizon: number;
  /** The first origin scored: the row after which its forecast is made. A fifth of the rows where left out. */
  readonly scoreFrom?: number;
  /** The last origin scored; the last row with a label where left out. */
  readonly scoreTo?: number;
  /**
   * `learn-first` forecasts after the current value was learnt. `forecast-first` forecasts before, as
   * river's `time_series.evaluate` does: steps 2 … horizon + 1 after the last value learnt, averaged.
   */
  readonly order?: "learn-first" | "forecast-first";
  /** Configuration of Tickcast and the baselines, except the horizon. */
  readonly forecaster?: Omit<OnlineForecasterOptions, "horizon" | "levels">;
  /** Makes the forecaster called `tickcast`; the online forecaster where left out. */
  readonly makeForecaster?: (options: OnlineForecasterOptions) => Forecaster | Promise<Forecaster>;
  /** The simple methods to score beside it; all where left out. */
  readonly baselines?: readonly BaselineName[];
  /** Called now and then with the share done, 0 to 1. */
  readonly onProgress?: (model: string, done: number) => void;
}

/** How one model did. */
export interface ModelResult extends Scores {
  /** Scores at every step ahead, `[horizon]`. */
  readonly perHorizon: readonly Scores[];
  /** Wall time in seconds, of forecasting and learning alone. */
  readonly seconds: number;
  /** Continuous ranked probability skill of Tickcast over this model; absent for Tickcast itself. */
  readonly skill?: Skill;
}

/** What {@linkcode evaluate} gives. */
export interface EvaluationResult {
  /** Rows read. */
  readonly rows: number;
  /** Forecasts scored at the last horizon. */
  readonly scored: number;
  /** Steps ahead. */
  readonly horizon: number;
  /** Wall time in seconds, over all models. */
  readonly seconds: number;
  /** Scores at the last horizon, by model; `tickcast` first. */
  readonly models: Readonly<Record<string, ModelResult>>;
  /** Forecasts, weights and coverage over time of Tickcast, for the report. */
  readonly trace: TraceResult;
}

/**
 * Scores Tickcast and the simple methods on one series, test-then-train.
 *
 * @param rows The history, in order.
 * @param options What is scored.
 * @returns The scores of every model.
 * @throws {RangeError} when nothing is left to score.
 *
 * @example
 * ```ts
 * import { evaluate } from "@tickcast/tickcast";
 * import { ok } from "node:assert/strict";
 *
 * const rows = Array.from({ length: 300 }, (_, i) => ({
 *   time: i * 3_600_000,
 *   values: Float64Array.of(10 + Math.sin(2 * Math.PI * i / 24)),
 * }));
 * const { models } = await evaluate(rows, { horizon: 2 });
 * ok(models.tickcast.mae < models.naive.mae);
 * ```
 */
export async function evaluate(
  rows: readonly EvaluationRow[],
  options: EvaluateOptions,
): Promise<EvaluationResult> {
  const stale = options.order === "forecast-first" ? 1 : 0;
  const horizon = options.horizon + stale;
  const firstOrigin = Math.max(0, (options.scoreFrom ?? Math.floor(rows.length / 5)) - stale);
  const lastOrigin = (options.scoreTo ?? rows.length) - stale;
  if (firstOrigin + horizon >= rows.length || lastOrigin < firstOrigin) {
    throw new RangeError(
      `Nothing to score: ${rows.length} rows, first origin ${firstOrigin}, horizon ${horizon}`,
    );
  }
  const configuration: OnlineForecasterOptions = {
    ...options.forecaster,
    horizon,
    levels: CRPS_LEVELS,
  };
  const make = options.makeForecaster ?? ((all) => new OnlineForecaster(all));
  const context = scoreContext(rows, firstOrigin);
  const every = Math.max(1, Math.floor(rows.length / 100));
  const trace = new Trace(rows, horizon, firstOrigin, lastOrigin);
  const runs: Record<string, PrequentialResult> = {};
  const names: ("tickcast" | BaselineName)[] = ["tickcast", ...options.baselines ?? BASELINES];
  for (const name of names) {
    const forecaster = name === "tickcast"
      ? await make(configuration)
      : makeBaseline(name, configuration);
    try {
      runs[name] = await prequential(forecaster, rows, {
        firstOrigin,
        lastOrigin,
        onRow: (row, forecast): void => {
          if (name === "tickcast") trace.take(row, forecaster, forecast);
          if (row % every === 0) options.onProgress?.(name, row / rows.length);
        },
      });
      if (name === "tickcast") trace.end(forecaster);
    } finally {
      forecaster.dispose();
    }
    options.onProgress?.(name, 1);
  }
  const models: Record<string, ModelResult> = {};
  for (const [name, run] of Object.entries(runs)) {
    const perHorizon = run.sums.slice(stale).map((sum) => sum.scores(context));
    models[name] = {
      ...(stale ? average(perHorizon) : perHorizon.at(-1)!),
      perHorizon,
      seconds: run.seconds,
      ...(name === "tickcast" ? {} : { skill: pairedSkill(runs.tickcast.losses, run.losses) }),
    };
  }
  return {
    rows: rows.length,
    scored: models.tickcast.count,
    horizon: options.horizon,
    seconds: Object.values(runs).reduce((sum, run) => sum + run.seconds, 0),
    models,
    trace: trace.finish(),
  };
}

/** Spread of the whole series, and its mean change over a step before the scored rows. */
function scoreContext(rows: readonly EvaluationRow[], firstOrigin: number): ScoreContext {
  let count = 0;
  let mean = 0;
  let squares = 0;
  let change = 0;
  let changes = 0;
  for (let row = 0; row < rows.length; row++) {
    const value = rows[row].values[0];
    if (Number.isNaN(value)) continue;
    // Welford's update keeps its digits where the mean is large.
    const before = value - mean;
    mean += before / ++count;
    squares += before * (value - mean);
    const step = row > 0 ? Math.abs(value - rows[row - 1].values[0]) : NaN;
    if (row <= firstOrigin && !Number.isNaN(step)) {
      change += step;
      changes++;
    }
  }
  return { deviation: Math.sqrt(squares / count), stepChange: change / changes };
}

function average(scores: readonly Scores[]): Scores {
  const mean: { -readonly [K in keyof Scores]: number } = { ...scores[0] };
  for (const key of Object.keys(mean) as (keyof Scores)[]) {
    mean[key] = scores.reduce((sum, score) => sum + score[key] / scores.length, 0);
  }
  mean.count = scores.at(-1)!.count;
  return mean;
}
