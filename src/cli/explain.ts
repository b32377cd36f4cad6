import { TARGET_FEATURE } from "../../streams/mod.ts";
import { explanationChart } from "../evaluate/explanation_chart.ts";
import type { Explanation } from "../forecast/explanation.ts";
import { Pipeline } from "../pipeline.ts";
import type { Command, CommandContext } from "./command.ts";
import { CSV_OPTIONS } from "./csv_options.ts";
import { FORECASTER_OPTIONS, NETWORK_OPTIONS, openForecaster } from "./forecaster_options.ts";
import { openHistory } from "./open_history.ts";
import { describeOptions, parseOptions, UsageError } from "./options.ts";
import { makeFoldersOf } from "./output_file.ts";
import { drawOnTerminal, Progress } from "./progress.ts";
import { RowNotes } from "./row_notes.ts";

const OPTIONS = {
  ...CSV_OPTIONS,
  ...FORECASTER_OPTIONS,
  ...NETWORK_OPTIONS,
  ahead: {
    kind: "integer",
    min: 1,
    placeholder: "STEPS",
    description: "Which step ahead is explained; the horizon where left out",
  },
  top: { kind: "integer", default: 12, min: 1, description: "Inputs told one by one" },
  svg: {
    kind: "string",
    placeholder: "OUT.svg",
    description: "Draw them as a picture, of the first series where there are several",
  },
  json: { kind: "boolean", description: "Print nothing but one JSON object a series" },
} as const;

/** Tells which inputs and lags moved the last forecast of a history. */
export const explain: Command = {
  help: [
    "Usage: tickcast explain FILE.csv[.gz] --time COLUMN --value COLUMN --horizon STEPS [OPTIONS]",
    "",
    "Learns from the whole file, then tells what moved the forecast after its last row away from the",
    "last value: each input's share, in the unit of the series. The shares add up to the difference.",
    "",
    describeOptions(OPTIONS, {
      "The file": CSV_OPTIONS,
      "Forecasts": FORECASTER_OPTIONS,
      "The network": NETWORK_OPTIONS,
    }),
    "",
    "Example: tickcast explain weather.csv --time date --value temp_max --horizon 7",
  ].join("\n"),
  run: runExplain,
};

async function runExplain(args: readonly string[], context: CommandContext): Promise<number> {
  const { options, operands } = parseOptions(args, OPTIONS);
  await makeFoldersOf(options.svg);
  const refused = new RowNotes(context.note);
  const { onStatus } = refused;
  if ((options.ahead ?? 1) > options.horizon) {
    throw new UsageError(
      `--ahead: expected at most the horizon, ${options.horizon}, got ${options.ahead}`,
    );
  }
  const features = [TARGET_FEATURE, ...options.value.slice(1)];
  const forecaster = await openForecaster(options, features.length - 1, onStatus);
  const pipeline = new Pipeline({ forecaster, features, onStatus });
  const progress = new Progress("explain", context.interactive ? drawOnTerminal : undefined);
  const series = new Set<string>();
  try {
    const ticks = await openHistory(operands, options, {
      speed: 0,
      signal: context.signal,
      onStatus,
    });
    for await (const forecasts of ticks.pipeThrough(pipeline.stream())) {
      for (const forecast of forecasts) series.add(forecast.series);
      progress.update(pipeline.sequence);
    }
    context.signal.throwIfAborted();
    if (series.size === 0) throw new Error(`${operands[0]} has no row that could be used`);
    const [first] = series;
    for (const name of series) {
      const explanation = named(await forecaster.explain(name, options.ahead), options.value);
      if (!options.json) await context.out(table(explanation, options.top));
      else await context.out(JSON.stringify(explanation));
      if (options.svg === undefined || name !== first) continue;
      await Deno.writeTextFile(options.svg, explanationChart(explanation, options.top));
    }
  } finally {
    progress.end();
    refused.end();
    forecaster.dispose();
  }
  return 0;
}

/** Covariates by their columns instead of their numbers. */
function named(explanation: Explanation, columns: readonly string[]): Explanation {
  const contributions = explanation.contributions.map(({ input, value }) => ({
    input: input.replace(/\bcovariate (\d+)/, (words, index) => columns[Number(index)] ?? words),
    value,
  }));
  return { ...explanation, contributions };
}

/** The explanation for people: a line an input, the small ones together. */
function table(explanation: Explanation, top: number): string {
  const { series, ahead, forecast, baseline, contributions } = explanation;
  const told = contributions.slice(0, top);
  const rest = contributions.slice(top);
  const lines: [string, number][] = [
    ["last value", baseline],
    ...told.map(({ input, value }): [string, number] => [input, value]),
  ];
  if (rest.length > 0) {
    lines.push([`${rest.length} more`, rest.reduce((sum, { value }) => sum + value, 0)]);
  }
  lines.push(["forecast", forecast]);
  const width = Math.max(...lines.map(([name]) => name.length));
  const signed = (value: number, k: number): string => {
    const plain = k === 0 || k === lines.length - 1;
    return (!plain && value > 0 ? "+" : "") + value.toPrecision(5);
  };
  return [
    `${series}, ${ahead} step${ahead > 1 ? "s" : ""} ahead`,
    ...lines.map(([name, value], k) => `${name.padEnd(width)}  ${signed(value, k).padStart(12)}`),
  ].join("\n");
}
