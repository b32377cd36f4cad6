import { type ByteInput, csvSource, type StatusListener, type Tick } from "../../streams/mod.ts";
import { type OptionValues, UsageError } from "./options.ts";

/** The options of every command that reads a CSV. */
export const CSV_OPTIONS = {
  time: { kind: "string", placeholder: "COLUMN", description: "The column of the time" },
  value: {
    kind: "list",
    placeholder: "COLUMN",
    description: "The column to forecast; further ones are covariates",
  },
  series: {
    kind: "string",
    placeholder: "COLUMN",
    description: "The column that names the series",
  },
  "skip-rows": {
    kind: "integer",
    default: 0,
    min: 0,
    placeholder: "N",
    description: "Rows to leave out after the header",
  },
  separator: { kind: "string", default: ",", placeholder: "C", description: "Between columns" },
} as const;

/** Opens the CSV that a command line names. */
export function openCsv(
  operands: readonly string[],
  options: OptionValues<typeof CSV_OPTIONS>,
  more: {
    input?: ByteInput;
    speed?: number;
    signal?: AbortSignal;
    onStatus?: StatusListener;
  } = {},
): ReadableStream<readonly Tick[]> {
  if (operands.length !== 1) {
    throw new UsageError(`expected one CSV file, got ${operands.length}`);
  }
  if (options.time === undefined) throw new UsageError("--time COLUMN is missing");
  if (options.value.length === 0) throw new UsageError("--value COLUMN is missing");
  return csvSource({
    input: operands[0],
    time: options.time,
    value: options.value,
    series: options.series,
    skipRows: options["skip-rows"],
    separator: options.separator,
    ...more,
  });
}
