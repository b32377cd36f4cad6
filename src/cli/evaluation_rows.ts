import { basename } from "node:path";
import type { Tick } from "../../streams/mod.ts";
import type { EvaluationRow } from "../evaluate/prequential.ts";

/** The rows of a file, by series. */
export type RowsBySeries = Map<string, EvaluationRow[]>;

/** A tick as a row, its features in order. */
export function toRow(tick: Tick, features: readonly string[]): EvaluationRow {
  return {
    time: tick.time,
    values: Float64Array.from(features, (feature) => tick.values[feature] ?? NaN),
  };
}

/** Adds a tick to the rows of its series. */
export function addRow(rows: RowsBySeries, tick: Tick, features: readonly string[]): void {
  const known = rows.get(tick.series) ?? [];
  if (known.length === 0) rows.set(tick.series, known);
  known.push(toRow(tick, features));
}

/** What a page on one series of a file is called: the file, and which where there are several. */
export function titleOf(file: string, rows: RowsBySeries, series: string): string {
  return rows.size > 1 ? `${basename(file)}, ${series}` : basename(file);
}
