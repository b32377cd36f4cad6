import { Pipeline } from "../pipeline.ts";
import { encodeForecast } from "../serve/wire.ts";
import type { Command, CommandContext } from "./command.ts";
import type { Config } from "./config_schema.ts";
import { CSV_OPTIONS } from "./csv_options.ts";
import { FORECASTER_OPTIONS, NETWORK_OPTIONS, openForecaster } from "./forecaster_options.ts";
import { openHistory } from "./open_history.ts";
import { describeOptions, parseOptions } from "./options.ts";
import { drawOnTerminal, Progress } from "./progress.ts";
import { RowNotes } from "./row_notes.ts";
import { featuresOf, openStages, STAGE_OPTIONS, stageConfig } from "./stage_options.ts";

const OPTIONS = {
  ...CSV_OPTIONS,
  speed: {
    kind: "number",
    default: 0,
    min: 0,
    placeholder: "N",
    description: "How many times faster than recorded: 1 as it was; 0 as fast as it goes",
  },
  config: {
    kind: "string",
    placeholder: "FILE.json",
    description: "Take order, grid, covariates and the forecaster from a file, as serve does",
  },
  ...STAGE_OPTIONS,
  ...FORECASTER_OPTIONS,
  ...NETWORK_OPTIONS,
  json: { kind: "boolean", description: "Print only a summary, as one JSON object" },
} as const;

/** Plays a file back as if it were live and prints a forecast for every row. */
export const replay: Command = {
  help: [
    "Usage: tickcast replay FILE.csv[.gz] --time COLUMN --value COLUMN [OPTIONS]",
    "       tickcast replay FILE.ndjson[.gz] [OPTIONS]",
    "",
    "Plays the file back as if it were live, with --speed 1 also at its own pace, and prints a forecast",
    "after every row, one JSON object a line. Rows that cannot be used are told and counted on stderr.",
    "A recording and lines of JSON are recognised by their first line; - is standard input.",
    "",
    describeOptions(OPTIONS, {
      "The file": CSV_OPTIONS,
      "On the way": STAGE_OPTIONS,
      "Forecasts": FORECASTER_OPTIONS,
      "The network": NETWORK_OPTIONS,
    }),
    "",
    "Example: tickcast replay weather.csv --time date --value temp_max --horizon 7",
  ].join("\n"),
  run: runReplay,
};

async function runReplay(args: readonly string[], context: CommandContext): Promise<number> {
  const { config: path } = parseOptions(args, OPTIONS).options;
  const { config, values } = await fromFile(path);
  const { options, operands } = parseOptions(args, OPTIONS, values);
  const refused = new RowNotes(context.note);
  const { onStatus } = refused;
  const stages = stageConfig(options, {
    ...config,
    features: [...options.value.slice(1), ...config.features ?? []],
  });
  const features = featuresOf(stages);
  const forecaster = await openForecaster(options, features.length - 1, onStatus);
  const pipeline = new Pipeline({
    forecaster,
    features,
    stages: openStages(stages, onStatus),
    onStatus,
  });
  const progress = new Progress("replay", context.interactive ? drawOnTerminal : undefined);
  const startedMs = performance.now();
  try {
    const ticks = await openHistory(operands, options, {
      speed: options.speed,
      signal: context.signal,
      onStatus,
    });
    for await (const forecasts of ticks.pipeThrough(pipeline.stream())) {
      if (!options.json && forecasts.length > 0) {
        await context.out(forecasts.map(encodeForecast).join("\n"));
      }
      progress.update(pipeline.sequence);
    }
  } finally {
    progress.end();
    refused.end();
    forecaster.dispose();
  }
  const seconds = (performance.now() - startedMs) / 1000;
  const rows = pipeline.sequence;
  if (options.json) {
    const series = [...pipeline.series()].length;
    const rowsPerSecond = Math.round(rows / seconds);
    await context.out(
      JSON.stringify({ rows, rejected: refused.count, series, seconds, rowsPerSecond }),
    );
  }
  return 0;
}

/** What a configuration file says. Reading one knows of servers and feeds, so it is loaded where needed. */
async function fromFile(
  path: string | undefined,
): Promise<{ config: Config; values: Record<string, unknown> }> {
  if (path === undefined) return { config: {}, values: {} };
  const { optionValues, readConfig } = await import("./config.ts");
  // Variables are for addresses and secrets of feeds and sinks, which a replay does not use.
  const config = await readConfig(path, (name) => name);
  return { config, values: optionValues(config) };
}
