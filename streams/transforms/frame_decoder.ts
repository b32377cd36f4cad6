import { InputError } from "../errors.ts";
import { limits } from "../limits.ts";
import { TARGET_FEATURE } from "../tick.ts";
import { asNumber, checkNumber, checkText, shown } from "./check.ts";
import { type Decoded, type DecodeOptions, TickDecoder } from "./decode.ts";
import { SenmlDecoder } from "./senml.ts";

/** Reads ticks out of frames of one format. */
export interface FrameDecoder {
  /**
   * Reads one frame.
   *
   * @param frame Text, or its UTF-8 bytes.
   * @param arrival When it arrived, epoch milliseconds.
   * @param line The line that the frame is, where it is one of a longer text; counted from 1.
   * @param series The series of ticks that name none, such as the topic of a message.
   * @returns The good ticks and the reasons why others were refused. Never throws on bad input.
   */
  decode(frame: string | Uint8Array, arrival?: number, line?: number, series?: string): Decoded;
}

/**
 * The formats: `json` is the wire format or foreign JSON read by paths, `senml` is RFC 8428, `value` is
 * nothing but a number, as simple sensors send it: the time is that of its arrival.
 */
export type FrameFormat = "json" | "senml" | "value";

/**
 * The decoder of a format.
 *
 * @param format The format.
 * @param options How JSON is read, and the series of ticks that name none.
 * @returns A decoder.
 * @throws {SyntaxError} when a path cannot be read.
 *
 * @example A number on a topic
 * ```ts
 * import { frameDecoder } from "@tickcast/tickcast/streams";
 * import { deepEqual } from "node:assert/strict";
 *
 * deepEqual(frameDecoder("value").decode("21.5", 1000, 0, "home/kitchen").ticks, [
 *   { series: "home/kitchen", time: 1000, values: { value: 21.5 } },
 * ]);
 * ```
 */
export function frameDecoder(format: FrameFormat, options: DecodeOptions = {}): FrameDecoder {
  if (format === "json") return new TickDecoder(options);
  return format === "senml" ? new SenmlDecoder(options) : new ValueDecoder(options);
}

const utf8 = new TextDecoder();
/** Characters of a number: longer texts are something else. */
const NUMBER_LENGTH = 64;

class ValueDecoder implements FrameDecoder {
  readonly #series: string | undefined;

  constructor(options: Pick<DecodeOptions, "series">) {
    this.#series = options.series;
  }

  decode(
    frame: string | Uint8Array,
    arrival: number = Date.now(),
    line: number = 0,
    series: string | undefined = this.#series,
  ): Decoded {
    try {
      if (frame.length > NUMBER_LENGTH) {
        const detail = `expected a number, got ${frame.length} bytes`;
        throw new InputError("bad-type", "", detail, { line });
      }
      const text = (typeof frame === "string" ? frame : utf8.decode(frame)).trim();
      const value = asNumber(text);
      if (typeof value !== "number") {
        throw new InputError("bad-type", "", `expected a number, got ${shown(text)}`, { line });
      }
      return {
        ticks: [{
          series: checkText(series, "series", limits.seriesLength, line),
          time: arrival,
          values: { [TARGET_FEATURE]: checkNumber(value, "", line) },
        }],
        rejected: [],
      };
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      return { ticks: [], rejected: [error] };
    }
  }
}
