// What the exchanges' codecs share: careful reading of frames that strangers sent.
import { InputError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import type { Tick } from "../../tick.ts";
import { fromEpoch, parseRfc3339 } from "../../time.ts";
import { asNumber, checkNumber, checkText, refusal, shown } from "../../transforms/check.ts";
import type { FeedFrame, FeedSequence } from "../feed_protocol.ts";

/** A parsed JSON object. */
export type Json = Readonly<Record<string, unknown>>;

/** What is found in a frame while it is read. */
export interface Findings {
  ticks: Tick[];
  rejected: InputError[];
  alive: string[];
  sequences: FeedSequence[];
  error?: string;
  reconnect?: string;
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Reads one frame; whatever is wrong with it is rejected, never thrown. */
export function readFrame(
  frame: string | Uint8Array,
  read: (message: Json, found: Findings) => void,
): FeedFrame {
  const found: Findings = { ticks: [], rejected: [], alive: [], sequences: [] };
  attempt(found, 0, () => read(parse(frame), found));
  return found;
}

/** What none of the documented messages is: counted, since it may be what an exchange says from now on. */
export function unknown(kind: unknown, field: string): InputError {
  return new InputError("unknown", field, `${shown(kind)} is no known kind of message`);
}

/** Reads each item of an array; a bad one is rejected alone. */
export function readItems(
  items: unknown,
  field: string,
  found: Findings,
  read: (item: Json) => void,
): void {
  if (!Array.isArray(items)) throw refusal(items, "an array", field, 0);
  items.forEach((item, i) => attempt(found, i + 1, () => read(object(item, field))));
}

function attempt(found: Findings, line: number, read: () => void): void {
  try {
    read();
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    const { reason, field, detail } = error;
    found.rejected.push(line > 0 ? new InputError(reason, field, detail, { line }) : error);
  }
}

function parse(frame: string | Uint8Array): Json {
  let value: unknown;
  try {
    value = JSON.parse(typeof frame === "string" ? frame : utf8.decode(frame));
  } catch (cause) {
    const detail = `not JSON: ${shown(typeof frame === "string" ? frame : "binary")}`;
    throw new InputError("malformed", "", detail, { cause });
  }
  return object(value, "");
}

export function object(value: unknown, field: string): Json {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw refusal(value, "an object", field, 0);
  }
  return value as Json;
}

/** The name of a series. */
export function name(message: Json, field: string): string {
  return checkText(message[field], field, limits.seriesLength, 0);
}

/** A number, which exchanges write as a string so that no digit is lost on the way. */
export function number(message: Json, field: string): number {
  return checkNumber(asNumber(message[field]), field, 0);
}

/** An integer that counts or identifies. */
export function integer(message: Json, field: string): number {
  const value = number(message, field);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new InputError("bad-type", field, `expected a whole number, got ${value}`);
}

/** Epoch milliseconds, or an RFC 3339 time. */
export function time(message: Json, field: string): number {
  const value = message[field];
  const ms = typeof value === "number"
    ? fromEpoch(value, "ms")
    : typeof value === "string"
    ? parseRfc3339(value)
    : undefined;
  if (ms === undefined) throw refusal(value, "a time", field, 0);
  if (Number.isNaN(ms)) throw new InputError("bad-time", field, `${shown(value)} is no time`);
  return ms;
}
