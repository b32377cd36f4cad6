import { TARGET_FEATURE } from "../../streams/mod.ts";
import { evaluate as scoreModels, type EvaluationResult } from "../evaluate/evaluate.ts";
import { type BaselineName, BASELINES } from "../evaluate/baselines.ts";
import { evaluateChannels } from "../evaluate/channels.ts";
import { evaluationReport, forecastPlot } from "../evaluate/report.ts";
import { svgFile } from "../evaluate/svg_plot.ts";
import { OnlineForecaster } from "../forecast/online_forecaster.ts";
import type { EvaluationRow } from "../evaluate/prequential.ts";
import type { Command, CommandContext } from "./command.ts";
import { CSV_OPTIONS, openCsv } from "./csv_options.ts";
import { addRow, type RowsBySeries, titleOf, toRow } from "./evaluation_rows.ts";
import {
  FORECASTER_OPTIONS,
  forecasterOptions,
  NETWORK_OPTIONS,
  openGuests,
} from "./forecaster_options.ts";
import { describeOptions, type OptionValues, parseOptions, UsageError } from "./options.ts";
import { makeFoldersOf } from "./output_file.ts";
import { drawOnTerminal, Progress } from "./progress.ts";
import { RowNotes } from "./row_notes.ts";
import { scoresAsJson, scoresAsText, scoreSeries, type SeriesScores } from "./series_scores.ts";

const OPTIONS = {
  ...CSV_OPTIONS,
  ...FORECASTER_OPTIONS,
  ...NETWORK_OPTIONS,
  "score-from": {
    kind: "integer",
    min: 0,
    placeholder: "ROW",
    description: "The first origin scored, counted from 0; a fifth of the rows where left out",
  },
  "score-to": {
    kind: "integer",
    min: 0,
    placeholder: "ROW",
    description: "The last origin scored; the last one with a label where left out",
  },
  holdback: {
    kind: "number",
    min: 0.001,
    max: 1,
    placeholder: "SHARE",
    description: "Score the last share of the rows, as train does with its test rows: 0.2",
  },
  order: {
    kind: "string",
    default: "learn-first",
    choices: ["learn-first", "forecast-first"],
    description: "Learn the current value before forecasting, or after it (as river does)",
  },
  baselines: {
    kind: "list",
    placeholder: "NAME",
    choices: [...BASELINES, "none"],
    description: "Simple methods scored beside it; all of them where left out",
  },
  rows: { kind: "integer", min: 1, placeholder: "N", description: "Rows used at most" },
  "target-columns": {
    kind: "list",
    placeholder: "COLUMN",
    description: "Score these columns together, each a series of its own; all for every one",
  },
  "standardise-on": {
    kind: "integer",
    min: 2,
    placeholder: "ROWS",
    description:
      "With --target-columns: the first rows, which give each column's mean and deviation",
  },
  report: { kind: "string", placeholder: "OUT.html", description: "Write a page with plots" },
  plot: {
    kind: "string",
    placeholder: "OUT.svg",
    description: "Draw the last forecasts with their band",
  },
  json: { kind: "boolean", description: "Print nothing but the JSON object" },
} as const;

/** Scores Tickcast and the simple methods on a CSV, test-then-train. */
export const evaluate: Command = {
  help: [
    "Usage: tickcast evaluate FILE.csv[.gz] --time COLUMN --value COLUMN --horizon STEPS [OPTIONS]",
    "",
    "Every row is first forecast, then learnt; a label is used only once it has arrived. Prints a table",
    "and, as its last line, one JSON object with the scores at the last horizon. Of a file with several",
    "series each is scored on its own, and the first is drawn. With --target-columns the errors are means",
    "over all windows, steps and standardised columns, as in the ETT protocol.",
    "",
    describeOptions(OPTIONS, {
      "The file": CSV_OPTIONS,
      "Forecasts": FORECASTER_OPTIONS,
      "The network": NETWORK_OPTIONS,
    }),
    "",
    "Example: tickcast evaluate taxi.csv --time timestamp --value count --horizon 5 --score-from 10000",
  ].join("\n"),
  run: runEvaluate,
};

async function runEvaluate(args: readonly string[], context: CommandContext): Promise<number> {
  const { options, operands } = parseOptions(args, OPTIONS);
  if (options.holdback !== undefined && options["score-from"] !== undefined) {
    throw new UsageError("--holdback and --score-from exclude each other");
  }
  await makeFoldersOf(options.report, options.plot);
  if (options["target-columns"].length > 0) return await runChannels(options, operands, context);
  const refused = new RowNotes(context.note);
  const { onStatus } = refused;
  const features = [TARGET_FEATURE, ...options.value.slice(1)];
  const rows: RowsBySeries = new Map();
  const ticks = openCsv(operands, options, { signal: context.signal, onStatus });
  let count = 0;
  reading: for await (const batch of ticks) {
    for (const tick of batch) {
      addRow(rows, tick, features);
      if (++count === options.rows) break reading;
    }
  }
  refused.end();
  context.signal.throwIfAborted();
  if (rows.size === 0) throw new Error(`${operands[0]} has no row that could be used`);
  const unordered = [...rows.values()].reduce((sum, own) => sum + countUnordered(own), 0);
  if (unordered > 0) {
    context.note(
      `${unordered} rows are not later than the row before; they are taken as they stand`,
    );
  }

  const progress = new Progress("evaluate", context.interactive ? drawOnTerminal : undefined);
  // Scored in river's order the forecasts reach one step further.
  const horizon = options.horizon + (options.order === "forecast-first" ? 1 : 0);
  const score = (own: readonly EvaluationRow[]): Promise<EvaluationResult> =>
    scoreModels(own, {
      horizon: options.horizon,
      makeForecaster: async (all) => {
        const guests = await openGuests({ ...options, horizon }, features.length - 1, onStatus);
        return new OnlineForecaster({ ...all, guests });
      },
      scoreFrom: firstOrigin(options, own.length),
      scoreTo: options["score-to"],
      order: options.order as "learn-first" | "forecast-first",
      forecaster: forecasterOptions(options, features.length - 1),
      baselines: baselines(options.baselines),
      onProgress: (model, done) => {
        context.signal.throwIfAborted();
        progress.update(Math.round(done * own.length), own.length, model);
      },
    });
  let scores: SeriesScores;
  try {
    scores = await scoreSeries(rows, score, context.note);
  } finally {
    progress.end();
  }
  const { first: result, name } = scores;
  if (options.report !== undefined) {
    const title = titleOf(operands[0], rows, name);
    await Deno.writeTextFile(options.report, evaluationReport(result, title));
  }
  if (options.plot !== undefined) {
    await Deno.writeTextFile(options.plot, svgFile(forecastPlot(result)));
  }
  if (!options.json) await context.out(scoresAsText(scores));
  await context.out(JSON.stringify(scoresAsJson(scores)));
  return 0;
}

/** The first origin scored, where the command line says one. */
function firstOrigin(options: OptionValues<typeof OPTIONS>, rows: number): number | undefined {
  const { holdback, "score-from": from } = options;
  return holdback === undefined ? from : rows - Math.round(holdback * rows);
}

/** Scores many columns at once. */
async function runChannels(
  options: OptionValues<typeof OPTIONS>,
  operands: readonly string[],
  context: CommandContext,
): Promise<number> {
  const columns = options["target-columns"];
  const standardiseOn = options["standardise-on"];
  if (standardiseOn === undefined) throw new UsageError("--standardise-on ROWS is missing");
  const refused = new RowNotes(context.note);
  const { onStatus } = refused;
  const ticks = openCsv(
    operands,
    { ...options, value: columns[0] === "all" ? ["*"] : columns },
    { signal: context.signal, onStatus },
  );
  const rows: EvaluationRow[] = [];
  let features: readonly string[] = [];
  for await (const batch of ticks) {
    for (const tick of batch) {
      if (rows.length === 0) features = Object.keys(tick.values);
      rows.push(toRow(tick, features));
    }
  }
  refused.end();
  const progress = new Progress("evaluate", context.interactive ? drawOnTerminal : undefined);
  const guests = await openGuests(options, 0, onStatus);
  try {
    const result = await evaluateChannels(rows, {
      horizon: options.horizon,
      standardiseOn,
      // The published protocols leave a quarter of that again between the two.
      firstTarget: (firstOrigin(options, rows.length) ?? Math.ceil(1.25 * standardiseOn) - 1) + 1,
      end: options.rows,
      forecaster: { ...forecasterOptions(options, 0), guests },
      onProgress: (done) => {
        context.signal.throwIfAborted();
        progress.update(Math.round(done * rows.length), rows.length, "tickcast");
      },
    });
    await context.out(
      JSON.stringify({ columns: features.length, horizon: options.horizon, ...result }),
    );
  } finally {
    progress.end();
  }
  return 0;
}

/** Rows that are not later than the one before. */
function countUnordered(rows: readonly EvaluationRow[]): number {
  return rows.filter(({ time }, row) => row > 0 && time <= rows[row - 1].time).length;
}

function baselines(named: readonly string[]): readonly BaselineName[] | undefined {
  if (named.length === 0) return undefined;
  return BASELINES.filter((name) => named.includes(name));
}
