import type { EvaluationResult, ModelResult } from "../evaluate/evaluate.ts";
import type { EvaluationRow } from "../evaluate/prequential.ts";

/** Series of one file that are scored: a page of lines; each takes as long as a whole evaluation. */
const SERIES_MAX = 100;

/** Scores of one model as printed, in this order. */
const SCORES = [
  "mae",
  "rmse",
  "nrmse",
  "mape",
  "mase",
  "pinball",
  "crps",
  "coverage80",
  "coverage90",
] as const;
/** Of these, what a line has where each series has one. */
const LINE_SCORES = ["mae", "crps", "coverage80", "coverage90"] as const;

/** What is told of one series; what is drawn of it is left aside. */
export type SeriesResult = Omit<EvaluationResult, "trace">;

/** The scores of the series of a file. */
export interface SeriesScores {
  /** Its first series that could be scored, with what is drawn of it, and its name. */
  readonly first: EvaluationResult;
  readonly name: string;
  /** All of them, in the order of the file. */
  readonly all: ReadonlyMap<string, SeriesResult>;
}

/**
 * Scores series on their own, one after another.
 *
 * @param rows Their rows.
 * @param score Scores one.
 * @param note Hears of series that are too short or too many.
 * @throws {RangeError} when none can be scored.
 */
export async function scoreSeries(
  rows: ReadonlyMap<string, readonly EvaluationRow[]>,
  score: (rows: readonly EvaluationRow[]) => Promise<EvaluationResult>,
  note: (line: string) => void,
): Promise<SeriesScores> {
  const all = new Map<string, SeriesResult>();
  let first: [string, EvaluationResult] | undefined;
  let failure: unknown;
  for (const [name, own] of [...rows].slice(0, SERIES_MAX)) {
    try {
      const result = await score(own);
      first ??= [name, result];
      const { trace: _, ...told } = result;
      all.set(name, told);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      failure ??= error;
      if (rows.size > 1) note(`${name}: ${error.message}`);
    }
  }
  if (first === undefined) throw failure;
  if (rows.size > SERIES_MAX) note(`scored are the first ${SERIES_MAX} of ${rows.size} series`);
  return { name: first[0], first: first[1], all };
}

/** What the last line says: of one series alone its scores, of several the same by their names. */
export function scoresAsJson({ all }: SeriesScores): Record<string, unknown> {
  const summaries = [...all].map(([name, result]) => [name, summary(result)] as const);
  return summaries.length === 1 ? summaries[0][1] : { series: Object.fromEntries(summaries) };
}

/** The scores at the last horizon for people: a line a model, or where there are several a line a series. */
export function scoresAsText({ first, all }: SeriesScores): string {
  return all.size === 1 ? modelTable(first) : seriesTable(all);
}

function summary(result: SeriesResult): Record<string, unknown> {
  const { rows, scored, horizon, seconds } = result;
  const models = Object.fromEntries(
    Object.entries(result.models).map(([name, model]) => [
      name,
      {
        ...Object.fromEntries([...SCORES, "seconds"].map((key) => [key, scoreOf(model, key)])),
        ...(model.skill && { skill: model.skill }),
      },
    ]),
  );
  return { rows, scored, horizon, seconds, models };
}

/** A line a model. */
function modelTable(result: SeriesResult): string {
  const width = Math.max(...Object.keys(result.models).map((name) => name.length));
  const lines = Object.entries(result.models).map(([name, model]) =>
    name.padEnd(width) + SCORES.map((key) => cell(scoreOf(model, key))).join("") +
    (model.skill === undefined ? "" : `  ${skillText(model.skill)}`)
  );
  const head = "".padEnd(width) + SCORES.map((key) => key.padStart(11)).join("");
  return [
    `${result.scored} forecasts scored, ${result.horizon} steps ahead`,
    `${head}  CRPS skill of ${Object.keys(result.models)[0]} over it (95 % interval)`,
    ...lines,
  ].join("\n");
}

/** A line a series: the first model, and how it compares with the next. */
function seriesTable(all: ReadonlyMap<string, SeriesResult>): string {
  const [{ horizon, models }] = all.values();
  const [own, other] = Object.keys(models);
  const width = Math.max(...[...all.keys()].map((name) => name.length));
  const head = ["scored", ...LINE_SCORES].map((key) => key.padStart(11)).join("");
  const skill = other === undefined ? "" : `  CRPS skill over ${other} (95 % interval)`;
  return [
    `${own}, ${horizon} steps ahead`,
    "".padEnd(width) + head + skill,
    ...[...all].map(([name, result]) => {
      const cells = LINE_SCORES.map((key) => cell(scoreOf(result.models[own], key))).join("");
      const over = result.models[other]?.skill;
      return name.padEnd(width) + String(result.scored).padStart(11) + cells +
        (over === undefined ? "" : `  ${skillText(over)}`);
    }),
  ].join("\n");
}

function scoreOf(model: ModelResult, key: string): number {
  return (model as unknown as Record<string, number>)[key];
}

function cell(value: number): string {
  return value.toPrecision(5).slice(0, 10).padStart(11);
}

function skillText(skill: NonNullable<ModelResult["skill"]>): string {
  const percent = (value: number): string => `${(100 * value).toFixed(1)} %`;
  return `${percent(skill.skill)} (${percent(skill.low)} to ${percent(skill.high)})`;
}
