import { InputError } from "../errors.ts";
import { limits } from "../limits.ts";
import { TARGET_FEATURE, type Tick } from "../tick.ts";
import { fromEpoch, parseRfc3339, parseTime, TIME_MAX_MS, type TimeUnit } from "../time.ts";
import { asNumber, asText, checkNumber, checkText, checkValues, refusal, shown } from "./check.ts";
import { compilePath, type PathReader } from "./path.ts";

/** Where the parts of a tick stand in foreign JSON. Without any path the wire format is expected. */
export interface DecodeOptions {
  /** The path of the series' name, such as `data.symbol`. */
  readonly seriesPath?: string;
  /** The path of the value, such as `data.price`. */
  readonly valuePath?: string;
  /** The path of the time, such as `data.T`. */
  readonly timePath?: string;
  /** The path of an identifier that a repeated delivery carries again. */
  readonly idPath?: string;
  /** The path of an array of ticks inside each document. */
  readonly itemsPath?: string;
  /** The series of ticks that name none. */
  readonly series?: string;
  /** The unit of times given as numbers. Default: milliseconds. */
  readonly timeUnit?: TimeUnit;
  /** Take the time of arrival where a tick has no time. Default: such a tick is rejected. */
  readonly arrivalTime?: boolean;
  /** Bytes of one frame at most. Default: `limits.frameBytes`. */
  readonly frameBytesMax?: number;
}

/** What one frame held. */
export interface Decoded {
  /** The good ticks, in order. */
  readonly ticks: Tick[];
  /** What could not be used, in order. */
  readonly rejected: InputError[];
}

/** Makes one item a tick, or throws an {@linkcode InputError} that says where it stood. */
type Reader = (item: unknown, line: number, arrival: number) => Tick;

/**
 * Reads ticks out of frames: one JSON object, an array of them, or NDJSON.
 *
 * The wire format is `{"series", "time", "value"}` with `time` in epoch milliseconds or RFC 3339, or
 * `"values": {…}` in place of `value`, and an optional `"id"`. With paths, any JSON can be read, numbers
 * written as strings included. A bad tick is rejected alone; the good ones around it are kept.
 *
 * @example One good tick and one bad
 * ```ts
 * import { TickDecoder } from "@tickcast/tickcast/streams";
 * import { deepEqual, equal } from "node:assert/strict";
 *
 * const { ticks, rejected } = new TickDecoder().decode(
 *   '[{"series":"a","time":1000,"value":1.5}, {"series":"a","time":2000,"value":"high"}]',
 * );
 * deepEqual(ticks, [{ series: "a", time: 1000, values: { value: 1.5 } }]);
 * equal(rejected[0].message, 'Line 2, field "value": expected a number, got "high"');
 * ```
 *
 * @example Foreign JSON
 * ```ts
 * import { TickDecoder } from "@tickcast/tickcast/streams";
 * import { deepEqual } from "node:assert/strict";
 *
 * const decoder = new TickDecoder({ seriesPath: "s", valuePath: "d.p", timePath: "d.t", timeUnit: "s" });
 * deepEqual(decoder.decode('{"s":"BTC","d":{"p":"42.5","t":7}}').ticks, [
 *   { series: "BTC", time: 7000, values: { value: 42.5 } },
 * ]);
 * ```
 */
export class TickDecoder {
  readonly #options: DecodeOptions;
  readonly #frameBytesMax: number;
  readonly #utf8 = new TextDecoder("utf-8", { fatal: true });
  readonly #items?: PathReader;
  readonly #read: Reader;
  /** The series of ticks of the frame being read that name none. */
  #series: string | undefined;

  /**
   * A decoder for one format.
   *
   * @param options Where a tick's parts stand; the wire format by default.
   * @throws {SyntaxError} when a path cannot be read.
   */
  constructor(options: DecodeOptions = {}) {
    const { seriesPath, valuePath, timePath, idPath, itemsPath } = options;
    this.#options = options;
    this.#frameBytesMax = options.frameBytesMax ?? limits.frameBytes;
    this.#items = itemsPath === undefined ? undefined : compilePath(itemsPath);
    const foreign = [seriesPath, valuePath, timePath, idPath].some((path) => path !== undefined);
    this.#read = foreign ? this.#foreignReader() : this.#wireReader();
  }

  /**
   * Reads one frame.
   *
   * @param frame Text, or its UTF-8 bytes.
   * @param arrival When it arrived, epoch milliseconds; used only with `arrivalTime`.
   * @param line The line that the frame is, where it is one of a longer text; counted from 1.
   * @param series The series of ticks that name none. Default: that of the options.
   * @returns The good ticks and the reasons why others were refused. Never throws on bad input.
   */
  decode(
    frame: string | Uint8Array,
    arrival: number = NaN,
    line: number = 0,
    series: string | undefined = this.#options.series,
  ): Decoded {
    this.#series = series;
    const out: Decoded = { ticks: [], rejected: [] };
    const size = typeof frame === "string" ? frame.length : frame.byteLength;
    if (size > this.#frameBytesMax) {
      const detail = `frame of ${size} bytes is over the limit of ${this.#frameBytesMax}`;
      out.rejected.push(new InputError("too-large", "", detail));
      return out;
    }
    let text: string;
    try {
      text = (typeof frame === "string" ? frame : this.#utf8.decode(frame)).trim();
    } catch (cause) {
      out.rejected.push(new InputError("malformed", "", "not UTF-8", { cause }));
      return out;
    }
    if (this.#isNdjson(text)) this.#lines(text, arrival, out);
    else this.#document(text, line, arrival, out);
    return out;
  }

  /** Several lines that are not one document spread over lines. */
  #isNdjson(text: string): boolean {
    const lineEnd = text.indexOf("\n");
    if (lineEnd < 0 || text[0] === "[") return false;
    if (text.slice(0, lineEnd).trimEnd().endsWith("}")) return true;
    try {
      JSON.parse(text);
      return false;
    } catch {
      return true;
    }
  }

  #lines(text: string, arrival: number, out: Decoded): void {
    let start = 0;
    for (let line = 1; start < text.length; line++) {
      let end = text.indexOf("\n", start);
      if (end < 0) end = text.length;
      const content = text.slice(start, end).trim();
      if (content !== "") this.#document(content, line, arrival, out);
      start = end + 1;
    }
  }

  #document(text: string, line: number, arrival: number, out: Decoded): void {
    let document: unknown;
    try {
      document = JSON.parse(text);
    } catch (cause) {
      const detail = text === "" ? "empty" : `not JSON: ${shown(text)}`;
      out.rejected.push(new InputError("malformed", "", detail, { line, cause }));
      return;
    }
    if (this.#items) document = this.#items(document);
    if (Array.isArray(document)) {
      // In NDJSON the line says where; otherwise the position in the array does.
      for (let i = 0; i < document.length; i++) this.#one(document[i], line || i + 1, arrival, out);
    } else {
      this.#one(document, line, arrival, out);
    }
  }

  #one(item: unknown, line: number, arrival: number, out: Decoded): void {
    try {
      out.ticks.push(this.#read(item, line, arrival));
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      out.rejected.push(error);
    }
  }

  #wireReader(): Reader {
    return (item, line, arrival) => {
      if (typeof item !== "object" || item === null || Array.isArray(item)) {
        throw new InputError("malformed", "", `expected an object, got ${shown(item)}`, { line });
      }
      const { series, time, value, values, id } = item as Record<string, unknown>;
      if (value !== undefined && values !== undefined) {
        const detail = '"value" and "values" exclude each other';
        throw new InputError("bad-type", "values", detail, { line });
      }
      const tick = tickOf(
        checkText(series ?? this.#series, "series", limits.seriesLength, line),
        this.#time(time, "time", line, arrival),
        values === undefined
          ? onlyTarget(checkNumber(value, TARGET_FEATURE, line))
          : checkValues(values, line),
      );
      return id === undefined ? tick : { ...tick, id: checkText(id, "id", limits.idLength, line) };
    };
  }

  #foreignReader(): Reader {
    const { seriesPath = "series", valuePath = "value", timePath = "time", idPath } = this.#options;
    const readSeries = compilePath(seriesPath);
    const readValue = compilePath(valuePath);
    const readTime = compilePath(timePath);
    const readId = idPath === undefined ? undefined : compilePath(idPath);
    return (item, line, arrival) => {
      const series = asText(readSeries(item)) ?? this.#series;
      const tick = tickOf(
        checkText(series, seriesPath, limits.seriesLength, line),
        this.#time(readTime(item), timePath, line, arrival),
        onlyTarget(checkNumber(asNumber(readValue(item)), valuePath, line)),
      );
      const id = asText(readId?.(item));
      return id === undefined
        ? tick
        : { ...tick, id: checkText(id, idPath ?? "id", limits.idLength, line) };
    };
  }

  #time(time: unknown, field: string, line: number, arrival: number): number {
    const { timeUnit = "ms", arrivalTime, timePath } = this.#options;
    if (time === undefined && arrivalTime) return arrival;
    let ms: number;
    if (typeof time === "number") {
      ms = timeUnit === "ms" ? time : fromEpoch(time, timeUnit);
    } else if (typeof time === "string") {
      ms = timePath === undefined ? parseRfc3339(time) : parseTime(time, timeUnit);
    } else {
      throw refusal(time, "epoch milliseconds or an RFC 3339 time", field, line);
    }
    if (Math.abs(ms) <= TIME_MAX_MS) return ms;
    throw new InputError("bad-time", field, `${shown(time)} is no time`, { line });
  }
}

// Ticks are made property by property. Where most objects of one literal outlive a collection, as they do
// once while a queue fills, V8 makes all later ones of it in the old space, and they wait for a full
// collection: several a minute became one every two seconds, each of which held ticks up by 20 ms.

function tickOf(series: string, time: number, values: Tick["values"]): Tick {
  const tick = {} as { -readonly [K in keyof Tick]: Tick[K] };
  tick.series = series;
  tick.time = time;
  tick.values = values;
  return tick;
}

function onlyTarget(value: number): Record<string, number> {
  const values: Record<string, number> = {};
  values[TARGET_FEATURE] = value;
  return values;
}
