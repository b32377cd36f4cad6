/** How numbers, times and shares are written on the dashboard. */
export interface Format {
  /** A value of a series. */
  value(value: number | null | undefined): string;
  /** A share as per cent, with one digit. */
  share(value: number | null | undefined): string;
  /** Bytes, in the largest fitting unit. */
  bytes(count: number): string;
  /** A whole number with thousands apart. */
  count(count: number): string;
  /** The time of a tick, UTC, as long as its step needs. */
  time(epochMs: number, stepMs: number): string;
  /** The time of day here, of something that happened at the server. */
  clock(epochMs: number): string;
  /** How long ago. */
  ago(durationMs: number): string;
}

/** Makes the writers. Stands on its own: see script.ts. */
export function makeFormat(): Format {
  const whole = new Intl.NumberFormat("en");
  const day = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", dateStyle: "medium" });
  const minute = new Intl.DateTimeFormat("en-GB", {
    timeZone: "UTC",
    dateStyle: "medium",
    timeStyle: "short",
  });
  const second = new Intl.DateTimeFormat("en-GB", {
    timeZone: "UTC",
    dateStyle: "medium",
    timeStyle: "medium",
  });
  const here = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
  const digits = new Intl.NumberFormat("en", { maximumSignificantDigits: 5 });
  const missing = "–";
  return {
    value(value): string {
      if (value === null || value === undefined || !Number.isFinite(value)) return missing;
      const size = Math.abs(value);
      if (size !== 0 && (size < 1e-4 || size >= 1e9)) return value.toExponential(3);
      return size >= 1e5 ? whole.format(Math.round(value)) : digits.format(value);
    },
    share(value): string {
      if (value === null || value === undefined || !Number.isFinite(value)) return missing;
      return `${(100 * value).toFixed(1).replace("-", "−")} %`;
    },
    bytes(count): string {
      const units = ["B", "kB", "MB", "GB", "TB"];
      let unit = 0;
      let left = count;
      while (left >= 1000 && unit < units.length - 1) {
        left /= 1000;
        unit++;
      }
      return `${unit === 0 ? left : left.toFixed(1)} ${units[unit]}`;
    },
    count: (count): string => whole.format(count),
    time(epochMs, stepMs): string {
      if (stepMs >= 86_400_000 && epochMs % 86_400_000 === 0) return day.format(epochMs);
      return (stepMs >= 60_000 ? minute : second).format(epochMs);
    },
    clock: (epochMs): string => here.format(epochMs),
    ago(durationMs): string {
      const seconds = Math.max(0, Math.round(durationMs / 1000));
      if (seconds < 1) return "now";
      if (seconds < 120) return `${seconds} s ago`;
      const minutes = Math.round(seconds / 60);
      return minutes < 120 ? `${minutes} min ago` : `${Math.round(minutes / 60)} h ago`;
    },
  };
}
