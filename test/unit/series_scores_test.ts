import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { scoresAsJson, scoresAsText, scoreSeries } from "../../src/cli/series_scores.ts";
import { evaluate, type EvaluationResult, type EvaluationRow } from "../../mod.ts";

const series = (length: number): EvaluationRow[] =>
  Array.from({ length }, (_, row) => ({ time: row, values: Float64Array.of(row % 3) }));
const score = (rows: readonly EvaluationRow[]): Promise<EvaluationResult> =>
  evaluate(rows, { horizon: 1, baselines: ["naive"] });

Deno.test("each series of a file is scored on its own; too short ones and too many are told", async () => {
  const notes: string[] = [];
  const rows = new Map(Array.from({ length: 102 }, (_, k) => [`s${k}`, series(k === 1 ? 1 : 20)]));
  const scores = await scoreSeries(rows, score, (line) => notes.push(line));
  equal(scores.name, "s0");
  equal(scores.all.size, 99);
  match(notes[0], /^s1: Nothing to score: 1 rows/);
  deepEqual(notes.slice(1), ["scored are the first 100 of 102 series"]);
  const { series: told } = scoresAsJson(scores) as { series: Record<string, { scored: number }> };
  deepEqual(Object.keys(told).slice(0, 2), ["s0", "s2"]);
  equal(told.s2.scored, 15);
  const [, head, ...lines] = scoresAsText(scores).split("\n");
  match(head, /scored .*mae .*crps .*CRPS skill over naive/);
  equal(lines.length, 99);
  match(lines[1], /^s2 +15 +\d/);
});

Deno.test("a file of one series has a line a model; one that is too short is refused", async () => {
  const scores = await scoreSeries(new Map([["only", series(20)]]), score, () => {});
  match(scoresAsText(scores), /^15 forecasts scored, 1 steps ahead\n.*\ntickcast .*\nnaive /);
  equal(scoresAsJson(scores).scored, 15);
  const none = scoreSeries(new Map([["only", series(1)]]), score, () => {});
  await rejects(none, { name: "RangeError", message: /Nothing to score/ });
});
