// Is the error back near its old level within a week of ticks, after the series has changed for good?
// deno run -A bench/regime_change.ts DATA_FOLDER
import { csvSource, TARGET_FEATURE } from "../streams/mod.ts";
import { evaluate, type EvaluationRow } from "../mod.ts";

/** How a series changes for good. */
export type Change = "level" | "amplitude" | "phase";

/** Every change tried. */
export const CHANGES: readonly Change[] = ["level", "amplitude", "phase"];

const AMPLITUDE = 1.5;

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
  /** In the first and in the second week after the change; the amplitude counts. */
  readonly firstWeek: number;
  readonly secondWeek: number;
}

/**
 * Changes a series and measures the errors after it, beside those of the same rows left alone.
 *
 * @param rows The series.
 * @param change What changes.
 * @param at The first row changed.
 * @param period Its short season in steps.
 * @param week A week in steps.
 * @param horizon Steps ahead.
 */
export async function recovery(
  rows: readonly EvaluationRow[],
  change: Change,
  at: number,
  period: number,
  week: number,
  horizon: number,
): Promise<Recovery> {
  const copy = perturbed(rows, change, at, period);
  const shares: number[] = [];
  for (const start of [at, at + week]) {
    // The origins whose labels fall into the week.
    const span = { scoreFrom: start - horizon, scoreTo: start + week - 1 - horizon };
    const until = start + week + horizon;
    const options = { horizon, ...span, baselines: [] };
    const after = await evaluate(copy.slice(0, until), options);
    const alone = await evaluate(rows.slice(0, until), options);
    const scale = change === "amplitude" ? AMPLITUDE : 1;
    shares.push(after.models.tickcast.mae / (scale * alone.models.tickcast.mae));
  }
  return { change, firstWeek: shares[0], secondWeek: shares[1] };
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
  const [folder] = Deno.args;
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
  console.log("| series | change | first week | second week |\n| --- | --- | --- | --- |");
  for (const { name, rows, at, period, horizon } of series) {
    for (const change of CHANGES) {
      const weeks = [0, 0];
      for (const row of at) {
        const { firstWeek, secondWeek } = await recovery(
          ...[rows, change, row, period, 7 * period, horizon] as const,
        );
        weeks[0] += firstWeek / at.length;
        weeks[1] += secondWeek / at.length;
      }
      console.log(`| ${name} | ${change} | ${weeks.map((w) => w.toFixed(2)).join(" | ")} |`);
    }
  }
}
