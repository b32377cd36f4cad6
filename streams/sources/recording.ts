import { type Clock, systemClock } from "../clock.ts";
import { RECORDING_HEADER } from "../sinks/recording.ts";
import type { StatusListener } from "../status.ts";
import type { Tick } from "../tick.ts";
import { type ByteInput, openBytes } from "./bytes.ts";
import { readLines } from "./lines.ts";
import { sourceOf } from "./source.ts";

/** What to replay, and how fast. */
export interface RecordingSourceOptions {
  /** The recording, plain or gzipped. */
  readonly input: ByteInput;
  /** How many times faster than recorded; 0 is as fast as it is read. Default 0. */
  readonly speed?: number;
  /** Time, for the pace. */
  readonly clock?: Clock;
  /** Ends the source. */
  readonly signal?: AbortSignal;
  /** Hears of lines that could not be used, and of the end. */
  readonly onStatus?: StatusListener;
}

interface Entry {
  readonly arrival: number;
  readonly ticks: readonly Tick[];
}

/**
 * Replays a recording of {@linkcode recordingSink}: the very same ticks in the very same batches, at the
 * pace of their arrival or faster.
 *
 * @param options What to replay.
 * @returns The batches. The stream fails with a `SyntaxError` where the input is no recording.
 * @throws {RangeError} when the speed is negative.
 *
 * @example At recorded pace, by a clock that a test moves
 * ```ts
 * import { ManualClock, recordingSource } from "@tickcast/tickcast/streams";
 * import { equal } from "node:assert/strict";
 *
 * const input = new Blob([
 *   '{"format":"tickcast-recording","version":1}\n',
 *   '{"arrival":5000,"ticks":[{"series":"a","time":1,"values":{"value":1}}]}\n',
 *   '{"arrival":9000,"ticks":[{"series":"a","time":2,"values":{"value":2}}]}\n',
 * ]).stream();
 * const clock = new ManualClock();
 * const replay = recordingSource({ input, speed: 2, clock }).getReader();
 * await replay.read();
 * const second = replay.read().then(() => clock.now());
 * while (clock.sleeping === 0) await clock.advance(0);
 * await clock.advance(10_000);
 * equal(await second, 2000);
 * await replay.cancel();
 * ```
 */
export function recordingSource(options: RecordingSourceOptions): ReadableStream<readonly Tick[]> {
  const { speed = 0, clock = systemClock, onStatus } = options;
  if (!(speed >= 0)) throw new RangeError(`Speed must not be negative, got ${speed}`);
  return sourceOf(async function* (stop): AsyncGenerator<readonly Tick[]> {
    let startMs = NaN;
    let firstArrival = NaN;
    for await (const { arrival, ticks } of entries(options.input, stop, onStatus)) {
      if (Number.isNaN(startMs)) [startMs, firstArrival] = [clock.now(), arrival];
      const dueMs = speed > 0 ? startMs + (arrival - firstArrival) / speed : -Infinity;
      while (!stop.aborted && dueMs > clock.now()) await clock.sleep(dueMs - clock.now(), stop);
      if (stop.aborted) return;
      yield ticks;
    }
    onStatus?.({ kind: "ended", source: "recording" });
  }, options.signal);
}

async function* entries(
  input: ByteInput,
  stop: AbortSignal,
  onStatus?: StatusListener,
): AsyncGenerator<Entry> {
  for await (const lines of readLines(await openBytes(input, stop), Infinity)) {
    for (const { text, number } of lines) {
      const value = parse(text);
      if (number === 1) checkHeader(value);
      else if (isEntry(value)) yield value;
      else {
        // Most likely the last line of a recording that was cut off.
        const detail = `Line ${number}: not an entry of a recording`;
        onStatus?.({
          kind: "rejected",
          source: "recording",
          reason: "malformed",
          detail,
          count: 1,
        });
      }
    }
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function checkHeader(value: unknown): void {
  const header = value as Partial<typeof RECORDING_HEADER> | null | undefined;
  if (header?.format === RECORDING_HEADER.format && header.version === RECORDING_HEADER.version) {
    return;
  }
  throw new SyntaxError(
    `Line 1: not a recording of version ${RECORDING_HEADER.version}: ${JSON.stringify(value)}`,
  );
}

function isEntry(value: unknown): value is Entry {
  if (typeof value !== "object" || value === null) return false;
  const { arrival, ticks } = value as Partial<Entry>;
  return typeof arrival === "number" && Array.isArray(ticks) && ticks.every(isTick);
}

function isTick(value: unknown): value is Tick {
  if (typeof value !== "object" || value === null) return false;
  const { series, time, values } = value as Partial<Tick>;
  return typeof series === "string" && Number.isFinite(time) && typeof values === "object" &&
    values !== null && Object.values(values).every(Number.isFinite);
}
