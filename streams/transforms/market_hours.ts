/** When a market is open. */
export interface MarketHoursOptions {
  /** The market's time zone, such as `America/New_York`. Default: UTC. */
  readonly timeZone?: string;
  /** When it opens, `HH:MM`. Default `00:00`. */
  readonly open?: string;
  /** When it closes, `HH:MM`; not later than midnight. Default `24:00`. */
  readonly close?: string;
  /** The days on which it is open: 0 is Sunday. Default: Monday to Friday. */
  readonly days?: readonly number[];
  /** Dates on which it is closed, `YYYY-MM-DD`. */
  readonly holidays?: readonly string[];
}

const WEEKDAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/**
 * Tells whether a market is open at a time, in the market's own time zone, summer time included.
 *
 * @param options Its hours, days and holidays.
 * @returns A function of epoch milliseconds, true from the opening until just before the close.
 * @throws {RangeError} when the time zone or an hour is none.
 *
 * @example New York, in winter and in summer
 * ```ts
 * import { marketHours } from "@tickcast/tickcast/streams";
 * import { equal } from "node:assert/strict";
 *
 * const open = marketHours({ timeZone: "America/New_York", open: "09:30", close: "16:00" });
 * equal(open(Date.parse("2026-01-05T14:30:00Z")), true);
 * equal(open(Date.parse("2026-07-06T13:30:00Z")), true);
 * equal(open(Date.parse("2026-07-06T20:00:00Z")), false);
 * equal(open(Date.parse("2026-07-04T15:00:00Z")), false);
 * ```
 */
export function marketHours(options: MarketHoursOptions = {}): (time: number) => boolean {
  const { timeZone = "UTC", days = [1, 2, 3, 4, 5], holidays = [] } = options;
  const opens = minutes(options.open ?? "00:00");
  const closes = minutes(options.close ?? "24:00");
  const closed = new Set(holidays);
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone,
    hourCycle: "h23",
    weekday: "short",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
  });
  // Zones differ from UTC by whole minutes, so the answer holds for a minute.
  let minute = NaN;
  let answer = false;
  return (time) => {
    if (Math.floor(time / 60_000) === minute) return answer;
    minute = Math.floor(time / 60_000);
    const part: Record<string, string> = {};
    for (const { type, value } of format.formatToParts(time)) part[type] = value;
    const now = Number(part.hour) * 60 + Number(part.minute);
    answer = days.includes(WEEKDAYS.indexOf(part.weekday)) && now >= opens && now < closes &&
      !closed.has(`${part.year}-${part.month}-${part.day}`);
    return answer;
  };
}

function minutes(text: string): number {
  const match = /^(\d{2}):([0-5]\d)$/.exec(text);
  const total = match ? Number(match[1]) * 60 + Number(match[2]) : NaN;
  if (total <= 24 * 60) return total;
  throw new RangeError(`Expected a time of day as HH:MM, got "${text}"`);
}
