// Is the error back near its old level within a week of ticks, after the series has changed for good?
// deno run -A bench/regime_change.ts DATA_FOLDER [--no-network]
import { csvSource, TARGET_FEATURE } from "../streams/mod.ts";
import { type EvaluationRow, type Forecaster, OnlineForecaster, openNetwork } from "../mod.ts";
import { prequential } from "../src/evaluate/prequential.ts";

/** How a series changes for good. */
export type Change = "level" | "amplitude" | "phase";

/** Every change tried. */
export const CHANGES: readonly Change[] = ["level", "amplitude", "phase"];

const AMPLITUDE = 1.5;
const WEEKS = 3;

/**
 * A copy of a series that changes at a row: its level rises by two standard deviations, its deviations
 * from the mean grow by half, or its season comes a quarter of a period early.
 *
 * @param rows The series.
 * @param change What changes.
 * @param at The first row changed.
 * @param period Its season in steps.
 */
export function perturbed(
  rows: readonly EvaluationRow[],
  change: Change,
  at: number,
  period: number,
): EvaluationRow[] {
  const before = rows.slice(0, at).map(({ values }) => values[0]);
  const mean = before.reduce((sum, value) => sum + value, 0) / at;
  const deviation = Math.sqrt(before.reduce((sum, value) => sum + (value - mean) ** 2, 0) / at);
  const shift = Math.floor(period / 4);
  const changed = (row: number): number => {
    const value = rows[row].values[0];
    if (change === "level") return value + 2 * deviation;
    if (change === "amplitude") return mean + AMPLITUDE * (value - mean);
    return rows[row + shift].values[0];
  };
  return rows.slice(0, rows.length - shift).map(({ time, values }, row) => ({
    time,
    values: Float64Array.of(row < at ? values[0] : changed(row)),
  }));
}

/** Mean absolute errors of a changed series, as shares of those of the series left alone. */
export interface Recovery {
  readonly change: Change;
  /** In the first, the second and the third week after the change; the amplitude counts. */
  readonly weeks: readonly number[];
}

/** Makes a fresh forecaster. */
export type MakeForecaster = (horizon: number) => Forecaster | Promise<Forecaster>;

/** What everyone gets who says nothing: all experts and the network. */
async function defaultForecaster(horizon: number): Promise<Forecaster> {
  return new OnlineForecaster({ horizon, guests: [await openNetwork({ horizon })] });
}

/** The absolute error of the forecast for each row, made `horizon` rows before; NaN where there is none. */
async function errors(
  rows: readonly EvaluationRow[],
  horizon: number,
  make: MakeForecaster,
): Promise<Float64Array> {
  const forecaster = await make(horizon);
  const found = new Float64Array(rows.length).fill(NaN);
  await prequential(forecaster, rows, {
    firstOrigin: 0,
    lastOrigin: rows.length,
    onRow: (row, forecast) => {
      if (forecast === undefined) return;
      const target = row + horizon;
      found[target] = Math.abs(rows[target].values[0] - forecast.mean[horizon - 1]);
    },
  });
  forecaster.dispose();
  return found;
}

/**
 * Changes a series in each way and measures the errors after it, beside those of the same rows left alone.
 *
 * @param rows The series.
 * @param at The first row changed.
 * @param period Its short season in steps.
 * @param week A week in steps.
 * @param horizon Steps ahead.
 * @param make Makes the forecasters; the default ones where left out.
 */
export async function recoveries(
  rows: readonly EvaluationRow[],
  at: number,
  period: number,
  week: number,
  horizon: number,
  make: MakeForecaster = defaultForecaster,
): Promise<Recovery[]> {
  const until = at + WEEKS * week;
  const alone = await errors(rows.slice(0, until), horizon, make);
  const results: Recovery[] = [];
  for (const change of CHANGES) {
    const after = await errors(perturbed(rows, change, at, period).slice(0, until), horizon, make);
    const scale = change === "amplitude" ? AMPLITUDE : 1;
    const sum = (all: Float64Array, start: number): number =>
      all.subarray(start, start + week).reduce((total, error) => total + error, 0);
    const weeks = Array.from({ length: WEEKS }, (_, k) => {
      return sum(after, at + k * week) / (scale * sum(alone, at + k * week));
    });
    results.push({ change, weeks });
  }
  return results;
}

/** One column of a CSV. */
async function read(
  input: string,
  time: string,
  value: string,
  skipRows = 0,
): Promise<EvaluationRow[]> {
  const rows: EvaluationRow[] = [];
  for await (const ticks of csvSource({ input, time, value: [value], skipRows })) {
    for (const { time, values } of ticks) {
      rows.push({ time, values: Float64Array.of(values[TARGET_FEATURE]) });
    }
  }
  return rows;
}

if (import.meta.main) {
  const [folder, flag] = Deno.args;
  const make: MakeForecaster | undefined = flag === "--no-network"
    ? (horizon) => new OnlineForecaster({ horizon })
    : undefined;
  const series = [
    {
      name: "nyc_taxi, 5 ahead",
      rows: await read(`${folder}/nyc_taxi.csv`, "timestamp", "passenger_count", 2),
      at: [4000, 5500],
      period: 48,
      horizon: 5,
    },
    {
      name: "ETTh1 HUFL, 24 ahead",
      rows: await read(`${folder}/ETTh1.csv`, "date", "HUFL"),
      at: [4000, 6000],
      period: 24,
      horizon: 24,
    },
  ];
  console.log("| series | change | first week | second week | third week |");
  console.log("| --- | --- | --- | --- | --- |");
  for (const { name, rows, at, period, horizon } of series) {
    const runs: Recovery[][] = [];
    for (const row of at) {
      runs.push(await recoveries(rows, row, period, 7 * period, horizon, make));
    }
    CHANGES.forEach((change, c) => {
      const weeks = Array.from({ length: WEEKS }, (_, k) => {
        return runs.reduce((sum, run) => sum + run[c].weeks[k] / runs.length, 0).toFixed(2);
      });
      console.log(`| ${name} | ${change} | ${weeks.join(" | ")} |`);
    });
  }
}
