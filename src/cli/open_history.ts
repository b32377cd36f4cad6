import {
  ndjsonSource,
  openBytes,
  peekBytes,
  recordingSource,
  type StatusListener,
  type Tick,
} from "../../streams/mod.ts";
import { type CSV_OPTIONS, openCsv } from "./csv_options.ts";
import { type OptionValues, UsageError } from "./options.ts";

/** How a history is played. */
export interface HistoryContext {
  /** Times faster than recorded; 0 as fast as it goes. */
  readonly speed: number;
  /** Ends it. */
  readonly signal: AbortSignal;
  /** Hears of rows that could not be used. */
  readonly onStatus: StatusListener;
}

/**
 * Opens the file that a command line names: a recording and lines of JSON tell themselves by their first
 * line, anything else is a CSV.
 */
export async function openHistory(
  operands: readonly string[],
  options: OptionValues<typeof CSV_OPTIONS>,
  context: HistoryContext,
): Promise<ReadableStream<readonly Tick[]>> {
  if (operands.length !== 1) throw new UsageError(`expected one file, got ${operands.length}`);
  const [path] = operands;
  const input = path === "-" ? Deno.stdin.readable : path;
  const { head, stream } = await peekBytes(await openBytes(input, context.signal), context.signal);
  const beginning = new TextDecoder().decode(head.subarray(0, 256)).trimStart();
  const more = { ...context, input: stream };
  if (/^\{"format":"tickcast-recording"/.test(beginning)) return recordingSource(more);
  // What comes through a pipe comes at its own pace.
  if (/^[{[]/.test(beginning)) {
    return ndjsonSource({ ...more, speed: path === "-" ? 0 : context.speed });
  }
  try {
    return openCsv(operands, options, more);
  } catch (error) {
    await stream.cancel();
    throw error;
  }
}
