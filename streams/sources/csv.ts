import { CsvParseStream } from "@std/csv/parse-stream";
import { type Clock, systemClock } from "../clock.ts";
import { InputError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { StatusListener } from "../status.ts";
import { TARGET_FEATURE, type Tick } from "../tick.ts";
import { parseTime, type TimeUnit } from "../time.ts";
import { asNumber, checkNumber, checkText, shown } from "../transforms/check.ts";
import { type ByteInput, openBytes } from "./bytes.ts";
import { paced } from "./pace.ts";
import { sourceOf } from "./source.ts";

/** What to read out of a CSV, and how fast. */
export interface CsvSourceOptions {
  /** The file, plain or gzipped. */
  readonly input: ByteInput;
  /** The column of the time; see {@linkcode parseTime} for the formats. */
  readonly time: string;
  /**
   * The column of the value, or several. The first becomes the feature `value`, the others keep their
   * columns' names. `"*"` stands for every column but those of the time and the series.
   */
  readonly value: string | readonly string[];
  /** The column that names the series. */
  readonly series?: string;
  /** The series where no column names it. Default: the name of the first value column. */
  readonly seriesName?: string;
  /** Rows to leave out after the header. */
  readonly skipRows?: number;
  /**
   * How many times faster than the time column the rows come: 1 as recorded, 0 as fast as they are
   * read. Default 0.
   */
  readonly speed?: number;
  /** What separates the columns. Default: a comma. */
  readonly separator?: string;
  /** The unit of a numeric time column; by magnitude where not given. */
  readonly timeUnit?: TimeUnit;
  /** Ticks of one chunk at most. Default: 64 of one series, 1,024 of several. */
  readonly batchTicks?: number;
  /** Time, for the pace. */
  readonly clock?: Clock;
  /** Ends the source. */
  readonly signal?: AbortSignal;
  /** Hears of rows that could not be used, and of the end. */
  readonly onStatus?: StatusListener;
}

/**
 * Plays a CSV back as a stream, as if it were live. The first record is the header.
 *
 * A bad row is counted as a {@linkcode Status} with its record (counted from 1, the header included)
 * and the reason, and left out.
 *
 * @param options What to read and how fast.
 * @returns The ticks in file order. The stream fails where the file cannot be opened or lacks a column.
 * @throws {RangeError} when the speed is negative.
 *
 * @example
 * ```ts
 * import { csvSource } from "@tickcast/tickcast/streams";
 * import { deepEqual } from "node:assert/strict";
 *
 * const input = new Blob(["day,high\n2026-01-01,5\n2026-01-02,?\n2026-01-03,7\n"]).stream();
 * const problems: string[] = [];
 * const ticks = csvSource({
 *   input,
 *   time: "day",
 *   value: "high",
 *   onStatus: (status) => status.kind === "rejected" && problems.push(status.detail),
 * });
 * const batches = await Array.fromAsync(ticks);
 * deepEqual(batches.flat().map((tick) => tick.values.value), [5, 7]);
 * deepEqual(problems, ['Line 3, field "high": expected a number, got "?"']);
 * ```
 */
export function csvSource(options: CsvSourceOptions): ReadableStream<readonly Tick[]> {
  const { series, speed = 0, clock = systemClock, signal } = options;
  const { batchTicks = series === undefined ? limits.oneSeriesTicks : limits.batchTicks } = options;
  if (!(speed >= 0)) throw new RangeError(`Speed must not be negative, got ${speed}`);
  return sourceOf(async function* (stop): AsyncGenerator<readonly Tick[]> {
    // What is paced goes one by one, so that no row is read, or told to be bad, long before it is due.
    const batches = csvTicks(options, stop, speed > 0 ? 1 : batchTicks);
    yield* speed > 0 ? paced(batches, { speed, batchTicks, clock }, stop) : batches;
    if (stop.aborted) return;
    options.onStatus?.({ kind: "ended", source: "csv" });
  }, signal);
}

async function* csvTicks(
  options: CsvSourceOptions,
  stop: AbortSignal,
  batchTicks: number,
): AsyncGenerator<readonly Tick[]> {
  const bytes = await openBytes(options.input, stop);
  const records = bytes.pipeThrough(new TextDecoderStream()).pipeThrough(
    // Quotes out of place are taken as they stand, so that one cannot end the whole replay.
    new CsvParseStream({
      separator: options.separator ?? ",",
      lazyQuotes: true,
      skipFirstRow: false,
    }),
  );
  const reject = (error: InputError): void =>
    options.onStatus?.({
      kind: "rejected",
      source: "csv",
      reason: error.reason,
      detail: error.message,
      count: 1,
    });
  let batch: Tick[] = [];
  let line = 0;
  let read: ((record: readonly string[], line: number) => Tick) | undefined;
  try {
    for await (const record of records) {
      if (stop.aborted) return;
      line++;
      if (read === undefined) read = rowReader(record, options);
      else if (line > 1 + (options.skipRows ?? 0)) {
        try {
          batch.push(read(record, line));
        } catch (error) {
          if (!(error instanceof InputError)) throw error;
          reject(error);
        }
        if (batch.length === batchTicks) {
          yield batch;
          batch = [];
        }
      }
    }
  } catch (error) {
    // An unclosed quote swallows the rest: what came before has been used.
    if (!(error instanceof SyntaxError)) throw error;
    reject(new InputError("malformed", "", error.message, { line, cause: error }));
  }
  if (batch.length > 0 && !stop.aborted) yield batch;
}

function rowReader(
  header: readonly string[],
  options: CsvSourceOptions,
): (record: readonly string[], line: number) => Tick {
  const names = header.map((name) => name.trim());
  const column = (name: string): number => {
    const index = names.indexOf(name);
    if (index >= 0) return index;
    const detail = `no such column; the header has ${names.map(shown).join(", ")}`;
    throw new TypeError(`Column ${shown(name)}: ${detail}`);
  };
  const named = typeof options.value === "string" ? [options.value] : options.value;
  const values = named[0] === "*"
    ? names.filter((name) => name !== options.time && name !== options.series)
    : named;
  const features = values.map((name, i) => ({
    name,
    key: i === 0 ? TARGET_FEATURE : name,
    index: column(name),
  }));
  const timeIndex = column(options.time);
  const seriesIndex = options.series === undefined ? -1 : column(options.series);
  const seriesName = options.seriesName ?? values[0];

  return (record, line) => {
    if (record.length !== names.length) {
      const detail = `expected ${names.length} columns, got ${record.length}`;
      throw new InputError("malformed", "", detail, { line });
    }
    const time = parseTime(record[timeIndex].trim(), options.timeUnit);
    if (Number.isNaN(time)) {
      const detail = `${shown(record[timeIndex])} is no time`;
      throw new InputError("bad-time", options.time, detail, { line });
    }
    const found: Record<string, number> = {};
    for (const { name, key, index } of features) {
      const cell = record[index].trim();
      // One of several covariates may be missing; the target may not.
      if (cell === "" && key !== TARGET_FEATURE) continue;
      found[key] = checkNumber(cell === "" ? undefined : asNumber(cell), name, line);
    }
    const series = seriesIndex < 0
      ? seriesName
      : checkText(record[seriesIndex].trim(), options.series ?? "", limits.seriesLength, line);
    return { series, time, values: found };
  };
}
