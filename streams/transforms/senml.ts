import { InputError } from "../errors.ts";
import { limits } from "../limits.ts";
import { TARGET_FEATURE, type Tick } from "../tick.ts";
import { fromEpoch } from "../time.ts";
import { checkNumber, checkText, refusal, shown } from "./check.ts";
import type { Decoded, DecodeOptions } from "./decode.ts";

/** The version of SenML that is read: of RFC 8428. */
const VERSION = 10;
/** Times below this are relative to now (RFC 8428, section 4.5.3). */
const RELATIVE_BELOW_S = 2 ** 28;
/** Names as section 4.5.1 has them. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9\-:./_]*$/;

/** What records hand on to the ones after them. */
interface Base {
  name: string;
  timeS: number;
  value: number;
  sum: number;
}

/**
 * Reads SenML packs in JSON (RFC 8428): base names, times, values and sums are resolved, and times near
 * zero are taken relative to the arrival. The series is the resolved name; a boolean counts as 0 or 1; a
 * sum becomes the feature `sum`. Strings and opaque data are no numbers and are rejected, each alone; a
 * pack that needs something unknown (a label that ends with `_`, a newer version) is rejected as a whole,
 * as the RFC wants.
 *
 * @see https://www.rfc-editor.org/rfc/rfc8428
 *
 * @example Two readings of one device
 * ```ts
 * import { SenmlDecoder } from "@tickcast/tickcast/streams";
 * import { deepEqual } from "node:assert/strict";
 *
 * const { ticks } = new SenmlDecoder().decode(
 *   '[{"bn":"urn:dev:ow:10e2073a01080063:","bt":1.7e9,"n":"temp","u":"Cel","v":23.1},' +
 *     '{"n":"door","t":-5,"vb":true}]',
 * );
 * deepEqual(ticks, [
 *   { series: "urn:dev:ow:10e2073a01080063:temp", time: 1.7e12, values: { value: 23.1 } },
 *   { series: "urn:dev:ow:10e2073a01080063:door", time: 1.7e12 - 5000, values: { value: 1 } },
 * ]);
 * ```
 */
export class SenmlDecoder {
  readonly #frameBytesMax: number;
  readonly #series: string;
  readonly #utf8 = new TextDecoder("utf-8", { fatal: true });

  /**
   * A decoder.
   *
   * @param options The limit of a frame, and the series of records without any name.
   */
  constructor(options: Pick<DecodeOptions, "frameBytesMax" | "series"> = {}) {
    this.#frameBytesMax = options.frameBytesMax ?? limits.frameBytes;
    this.#series = options.series ?? "";
  }

  /**
   * Reads one pack.
   *
   * @param frame Text, or its UTF-8 bytes.
   * @param arrival When it arrived, epoch milliseconds: what relative times are relative to.
   * @param line The line that the pack is, where it is one of a longer text; counted from 1.
   * @param series The series of records without any name.
   * @returns The good records as ticks and the reasons why others were refused. Never throws on bad input.
   */
  decode(
    frame: string | Uint8Array,
    arrival: number = Date.now(),
    line: number = 0,
    series: string = this.#series,
  ): Decoded {
    const out: Decoded = { ticks: [], rejected: [] };
    this.#try(out, () => {
      const records = this.#records(frame, line);
      records.forEach((record, i) => checkUnderstood(record, line || i + 1));
      const base: Base = { name: "", timeS: 0, value: 0, sum: 0 };
      records.forEach((record, i) =>
        this.#try(out, () => {
          const tick = resolve(record, base, arrival, line || i + 1, series);
          if (tick !== undefined) out.ticks.push(tick);
        })
      );
    });
    return out;
  }

  #records(frame: string | Uint8Array, line: number): Record<string, unknown>[] {
    const size = typeof frame === "string" ? frame.length : frame.byteLength;
    if (size > this.#frameBytesMax) {
      const detail = `frame of ${size} bytes is over the limit of ${this.#frameBytesMax}`;
      throw new InputError("too-large", "", detail, { line });
    }
    let pack: unknown;
    try {
      pack = JSON.parse(typeof frame === "string" ? frame : this.#utf8.decode(frame));
    } catch (cause) {
      const detail = `not JSON: ${shown(typeof frame === "string" ? frame : "binary")}`;
      throw new InputError("malformed", "", detail, { line, cause });
    }
    if (!Array.isArray(pack)) {
      const detail = `expected a SenML pack, which is an array, got ${shown(pack)}`;
      throw new InputError("malformed", "", detail, { line });
    }
    return pack.map((record, i) => {
      if (typeof record === "object" && record !== null && !Array.isArray(record)) return record;
      throw refusal(record, "a SenML record", "", line || i + 1);
    });
  }

  #try(out: Decoded, read: () => void): void {
    try {
      read();
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      out.rejected.push(error);
    }
  }
}

/** Refuses what a reader must not guess at: sections 4.4 and 4.1. */
function checkUnderstood(record: Record<string, unknown>, line: number): void {
  for (const label in record) {
    if (!label.endsWith("_")) continue;
    const detail = "must be understood, and is not";
    throw new InputError("unknown", label.slice(0, limits.featureLength), detail, { line });
  }
  const { bver = VERSION } = record;
  if (typeof bver === "number" && bver <= VERSION) return;
  throw new InputError("unknown", "bver", `expected at most ${VERSION}, got ${shown(bver)}`, {
    line,
  });
}

function resolve(
  record: Record<string, unknown>,
  base: Base,
  arrival: number,
  line: number,
  fallback: string,
): Tick | undefined {
  const number = (label: string): number | undefined =>
    record[label] === undefined ? undefined : checkNumber(record[label], label, line);
  base.timeS = number("bt") ?? base.timeS;
  base.value = number("bv") ?? base.value;
  base.sum = number("bs") ?? base.sum;
  if (record.bn !== undefined) base.name = text(record.bn, "bn", line);

  const own = record.n === undefined ? "" : text(record.n, "n", line);
  const v = number("v");
  const s = number("s");
  const { vb, vs, vd } = record;
  // A record may do nothing but set the base of those after it.
  if (v === undefined && s === undefined && vb === undefined) {
    if (vs === undefined && vd === undefined) {
      if ("n" in record || "t" in record) throw refusal(undefined, "a number", "v", line);
      return undefined;
    }
    const field = vs === undefined ? "vd" : "vs";
    throw new InputError("bad-type", field, "only numbers can be forecast", { line });
  }
  if (vb !== undefined && typeof vb !== "boolean") throw refusal(vb, "a boolean", "vb", line);

  const name = base.name + own;
  if (name !== "" && !NAME.test(name)) {
    const detail = `${shown(name)} is not a name of letters, digits and -:./_`;
    throw new InputError("bad-type", "n", detail, { line });
  }
  const values: Record<string, number> = {};
  if (v !== undefined) values[TARGET_FEATURE] = checkNumber(base.value + v, "v", line);
  else if (vb !== undefined) values[TARGET_FEATURE] = vb ? 1 : 0;
  if (s !== undefined) values.sum = checkNumber(base.sum + s, "s", line);
  return {
    series: checkText(name || fallback, "n", limits.seriesLength, line),
    time: time(base.timeS + (number("t") ?? 0), arrival, line),
    values,
  };
}

function text(value: unknown, field: string, line: number): string {
  return value === "" ? "" : checkText(value, field, limits.seriesLength, line);
}

function time(seconds: number, arrival: number, line: number): number {
  const ms = seconds < RELATIVE_BELOW_S
    ? fromEpoch(arrival + seconds * 1000, "ms")
    : fromEpoch(seconds, "s");
  if (!Number.isNaN(ms)) return ms;
  throw new InputError("bad-time", "t", `${seconds} s is no time`, { line });
}
