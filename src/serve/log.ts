import type { Status } from "../../streams/mod.ts";
import { eventOf } from "./event_log.ts";

/** How log lines look. */
export type LogFormat = "text" | "json";

/** Statuses that ask for somebody's attention. */
const WARNINGS: ReadonlySet<Status["kind"]> = new Set([
  "reconnecting",
  "stale",
  "degraded",
  "device-lost",
]);

/**
 * A listener that writes what is worth reading as log lines: for people, or as JSON with `time`, `level`,
 * `kind`, `message` and every field of the status. What happens to single ticks is counted by the
 * metrics and not logged, so that bad input cannot flood a log.
 *
 * @param format How lines look.
 * @param write Takes a line without its end.
 * @param now Where time comes from, epoch milliseconds.
 */
export function statusLog(
  format: LogFormat,
  write: (line: string) => void,
  now: () => number = Date.now,
): (status: Status) => void {
  return (status) => {
    // Gaps come in as many as there are series.
    if (status.kind === "gap") return;
    const event = eventOf(status, now());
    if (event === undefined) return;
    const series = event.series === undefined ? "" : `${event.series}: `;
    const message = `${series}${event.text}`;
    if (format === "text") return write(message);
    const level = WARNINGS.has(status.kind) ? "warn" : "info";
    const time = new Date(event.time).toISOString();
    write(JSON.stringify({ time, level, ...status, message }));
  };
}
