import { type Clock, systemClock } from "../clock.ts";
import type { Tick } from "../tick.ts";

/** The first line of a recording. */
export const RECORDING_HEADER = { format: "tickcast-recording", version: 1 } as const;

/** How ticks are recorded. */
export interface RecordingSinkOptions {
  /** Time, for the times of arrival. */
  readonly clock?: Clock;
}

/**
 * Records a live feed: its batches of ticks and when each arrived, as lines of JSON that
 * {@linkcode recordingSource} replays. A recording that was cut off can be replayed up to there.
 *
 * To use a feed and record it at once, divide it with `ReadableStream.tee`.
 *
 * @param output Where the bytes go, such as a file. Closed with the sink.
 * @param options The clock.
 * @returns The sink.
 *
 * @example Record, then replay
 * ```ts
 * import { fileSink, recordingSink, recordingSource, type Tick } from "@tickcast/tickcast/streams";
 * import { deepEqual } from "node:assert/strict";
 *
 * const ticks: Tick[][] = [[{ series: "a", time: 1000, values: { value: 0.1 } }]];
 * const file = await Deno.makeTempFile();
 * await ReadableStream.from(ticks).pipeTo(recordingSink(await fileSink(file)));
 * deepEqual(await Array.fromAsync(recordingSource({ input: file })), ticks);
 * await Deno.remove(file);
 * ```
 */
export function recordingSink(
  output: WritableStream<Uint8Array>,
  options: RecordingSinkOptions = {},
): WritableStream<readonly Tick[]> {
  const { clock = systemClock } = options;
  const utf8 = new TextEncoder();
  const writer = output.getWriter();
  const line = (value: unknown): Promise<void> =>
    writer.write(utf8.encode(JSON.stringify(value) + "\n"));
  return new WritableStream({
    start: (): Promise<void> => line(RECORDING_HEADER),
    write: (ticks): Promise<void> => line({ arrival: clock.now(), ticks }),
    close: () => writer.close(),
    abort: (reason) => writer.abort(reason),
  });
}
