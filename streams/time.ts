/** The unit of times given as numbers. */
export type TimeUnit = "s" | "ms" | "us" | "ns";

/** The farthest time a `Date` can hold, epoch milliseconds. */
export const TIME_MAX_MS = 8.64e15;

const UNIT_MS: Record<TimeUnit, number> = { s: 1000, ms: 1, us: 1e-3, ns: 1e-6 };
const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

const FULL = String
  .raw`\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])[Tt ](?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?`;
const ZONE = String.raw`(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)`;
const RFC_3339 = new RegExp(`^${FULL}${ZONE}$`);
const FULL_TIME = new RegExp(`^${FULL}${ZONE}?$`);
const CLOCK = String.raw`(?:[T ](\d{1,2}):(\d{2})(?::(\d{2}(?:\.\d+)?))?)?`;
const YEAR_FIRST = new RegExp(String.raw`^(\d{4})([-/])(\d{1,2})(?:\2(\d{1,2})${CLOCK})?$`);
const DAY_FIRST = new RegExp(String.raw`^(\d{1,2})\.(\d{1,2})\.(\d{4})${CLOCK}$`);
const NAMED_MONTH = /^([A-Za-z]{3})[a-z]* (\d{1,2}),? (\d{4})$/;
const [ZERO, DOT, PLUS, MINUS] = [..."0.+-"].map((sign) => sign.charCodeAt(0));
const NUMBER = /^-?\d+(\.\d+)?$/;

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/**
 * Reads an RFC 3339 time, strictly: date, `T` (or `t`, or a space), time to the second, an optional
 * fraction, and `Z` or an offset. A leap second counts as the first of the next minute.
 *
 * @param text The time.
 * @returns Epoch milliseconds, or NaN where the text is anything else.
 *
 * @example
 * ```ts
 * import { parseRfc3339 } from "@tickcast/tickcast/streams";
 * import { equal } from "node:assert/strict";
 *
 * equal(parseRfc3339("2026-01-02T03:04:05.678+01:00"), Date.UTC(2026, 0, 2, 2, 4, 5, 678));
 * equal(parseRfc3339("2026-02-30T00:00:00Z"), NaN);
 * ```
 */
export function parseRfc3339(text: string): number {
  return RFC_3339.test(text) ? fromFull(text) : NaN;
}

/**
 * A full time whose form is known to be right, digit by digit: in long tables a match's strings and
 * `Date.parse` cost several times as much. What is finer than a millisecond is cut off.
 */
function fromFull(text: string): number {
  const month = twoDigits(text, 5);
  const year = 100 * twoDigits(text, 0) + twoDigits(text, 2);
  const day = twoDigits(text, 8);
  if (day > daysIn(year, month)) return NaN;
  let time = midnight(year, month, day) + 3_600_000 * twoDigits(text, 11) +
    60_000 * twoDigits(text, 14) + 1000 * twoDigits(text, 17);
  if (text.charCodeAt(19) === DOT) {
    for (let at = 20, unitMs = 100; unitMs >= 1 && isDigit(text, at); at++, unitMs /= 10) {
      time += unitMs * (text.charCodeAt(at) - ZERO);
    }
  }
  const zone = text.length - 6;
  const sign = text.charCodeAt(zone);
  if (sign !== PLUS && sign !== MINUS) return time;
  const offsetMs = 60_000 * (60 * twoDigits(text, zone + 1) + twoDigits(text, zone + 4));
  return sign === PLUS ? time - offsetMs : time + offsetMs;
}

function isDigit(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= ZERO && code < ZERO + 10;
}

function twoDigits(text: string, at: number): number {
  return 10 * (text.charCodeAt(at) - ZERO) + text.charCodeAt(at + 1) - ZERO;
}

function midnight(year: number, month: number, day: number): number {
  // Date.UTC takes the years 0 to 99 as 1900 to 1999; setUTCFullYear does not, and takes longer.
  return year < 100
    ? new Date(0).setUTCFullYear(year, month - 1, day)
    : Date.UTC(year, month - 1, day);
}

/**
 * Reads a time as tables and foreign feeds write it: a number since the epoch, RFC 3339,
 * `YYYY-MM[-DD[ HH:MM[:SS]]]`, `YYYY/MM/DD`, `DD.MM.YYYY[ HH:MM[:SS]]`, or `Jan 1 2000`. A time without
 * an offset is taken as UTC.
 *
 * @param text The time.
 * @param unit The unit of a number; by magnitude where not given, see {@linkcode fromEpoch}.
 * @returns Epoch milliseconds, or NaN where the text is no time.
 *
 * @example
 * ```ts
 * import { parseTime } from "@tickcast/tickcast/streams";
 * import { equal } from "node:assert/strict";
 *
 * for (const text of ["2000-01-01", "2000/01/01 00:00", "01.01.2000 00:00:00", "Jan 1 2000"]) {
 *   equal(parseTime(text), Date.UTC(2000, 0, 1));
 * }
 * equal(parseTime("946684800"), parseTime("946684800000"));
 * ```
 */
export function parseTime(text: string, unit?: TimeUnit): number {
  if (FULL_TIME.test(text)) return fromFull(text);
  if (NUMBER.test(text)) return fromEpoch(Number(text), unit);
  const ymd = YEAR_FIRST.exec(text);
  if (ymd) return utc(ymd[1], Number(ymd[3]), ymd[4] ?? "1", ymd[5], ymd[6], ymd[7]);
  const dmy = DAY_FIRST.exec(text);
  if (dmy) return utc(dmy[3], Number(dmy[2]), dmy[1], dmy[4], dmy[5], dmy[6]);
  const named = NAMED_MONTH.exec(text);
  return named ? utc(named[3], MONTHS.indexOf(named[1].toLowerCase()) + 1, named[2]) : NaN;
}

function utc(
  year: string,
  month: number,
  day: string,
  hour = "0",
  minute = "0",
  second = "0",
): number {
  const numbers = [
    Number(year),
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
  ] as const;
  const [y, d, h, m, s] = numbers;
  const good = month >= 1 && month <= 12 && d >= 1 && d <= daysIn(y, month) && h < 24 && m < 60 &&
    s < 61;
  if (!good) return NaN;
  return midnight(y, month, d) + h * 3_600_000 + m * 60_000 + Math.floor(s * 1000);
}

/**
 * Brings a number since the epoch to milliseconds. Without a unit the magnitude tells: below 1e11 it is
 * seconds (until the year 5138), below 1e14 milliseconds, below 1e17 microseconds, else nanoseconds.
 *
 * @param value The number.
 * @param unit Its unit.
 * @returns Epoch milliseconds, or NaN where no date can hold it.
 *
 * @example
 * ```ts
 * import { fromEpoch } from "@tickcast/tickcast/streams";
 * import { equal } from "node:assert/strict";
 *
 * equal(fromEpoch(1_700_000_000), fromEpoch(1_700_000_000_000_000, "us"));
 * ```
 */
export function fromEpoch(value: number, unit?: TimeUnit): number {
  const size = Math.abs(value);
  const scale = unit ?? (size < 1e11 ? "s" : size < 1e14 ? "ms" : size < 1e17 ? "us" : "ns");
  const time = value * UNIT_MS[scale];
  return Math.abs(time) <= TIME_MAX_MS ? time : NaN;
}
