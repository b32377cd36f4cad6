import { type Clock, systemClock } from "../clock.ts";
import { InputError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { StatusListener } from "../status.ts";
import type { Tick } from "../tick.ts";
import type { DecodeOptions } from "../transforms/decode.ts";
import { frameDecoder, type FrameFormat } from "../transforms/frame_decoder.ts";
import { type ByteInput, openBytes } from "./bytes.ts";
import { readLines } from "./lines.ts";
import { paced } from "./pace.ts";
import { sourceOf } from "./source.ts";

/** What to read lines of JSON from. */
export interface NdjsonSourceOptions {
  /** The file or stream, plain or gzipped; `Deno.stdin.readable` for standard input. */
  readonly input: ByteInput;
  /** The format of a line. Default: `json`. */
  readonly format?: FrameFormat;
  /** How JSON is read; the wire format by default. */
  readonly decode?: DecodeOptions;
  /**
   * How many times faster than the ticks' own times they come: 1 as recorded, 0 as fast as they are read.
   * Default 0.
   */
  readonly speed?: number;
  /** Time, for the pace and for ticks that take the time of their arrival. */
  readonly clock?: Clock;
  /** Ends the source. */
  readonly signal?: AbortSignal;
  /** Hears of lines that could not be used, and of the end. */
  readonly onStatus?: StatusListener;
}

/**
 * Ticks from lines of JSON: a file, standard input, or any stream of bytes.
 *
 * @param options What to read.
 * @returns The ticks, a batch for whatever has arrived.
 * @throws {RangeError} when the speed is negative.
 *
 * @example
 * ```ts
 * import { ndjsonSource } from "@tickcast/tickcast/streams";
 * import { equal } from "node:assert/strict";
 *
 * const input = new Blob(['{"series":"a","time":1,"value":2}\noops\n']).stream();
 * const problems: string[] = [];
 * const ticks = ndjsonSource({
 *   input,
 *   onStatus: (status) => status.kind === "rejected" && problems.push(status.detail),
 * });
 * equal((await Array.fromAsync(ticks)).flat().length, 1);
 * equal(problems[0], 'Line 2: not JSON: "oops"');
 * ```
 */
export function ndjsonSource(options: NdjsonSourceOptions): ReadableStream<readonly Tick[]> {
  const { clock = systemClock, onStatus } = options;
  const decoder = frameDecoder(options.format ?? "json", options.decode);
  const reject = ({ reason, message: detail }: InputError): void =>
    onStatus?.({ kind: "rejected", source: "ndjson", reason, detail, count: 1 });
  const { speed = 0 } = options;
  if (!(speed >= 0)) throw new RangeError(`Speed must not be negative, got ${speed}`);
  async function* batches(stop: AbortSignal): AsyncGenerator<readonly Tick[]> {
    const bytes = await openBytes(options.input, stop);
    for await (const lines of readLines(bytes)) {
      const ticks: Tick[] = [];
      for (const { text, number, tooLong } of lines) {
        if (tooLong) {
          const detail = `is over the limit of ${limits.frameBytes} characters`;
          reject(new InputError("too-large", "", detail, { line: number }));
        } else if (text.trim() !== "") {
          const decoded = decoder.decode(text, clock.now(), number);
          for (const tick of decoded.ticks) ticks.push(tick);
          decoded.rejected.forEach(reject);
        }
      }
      if (ticks.length > 0) yield ticks;
    }
  }
  return sourceOf(async function* (stop): AsyncGenerator<readonly Tick[]> {
    const pace = { speed, batchTicks: limits.batchTicks, clock };
    yield* speed > 0 ? paced(batches(stop), pace, stop) : batches(stop);
    onStatus?.({ kind: "ended", source: "ndjson" });
  }, options.signal);
}
