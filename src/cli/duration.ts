/** How a length of time is written: a number and its unit. */
export const DURATION = /^\d+(\.\d+)?(ms|s|m|h|d)$/;

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/**
 * Reads a length of time: `500ms`, `1s`, `1.5m`, `2h`, `1d`.
 *
 * @returns Milliseconds; NaN where the text is anything else.
 */
export function parseDuration(text: string): number {
  if (!DURATION.test(text)) return NaN;
  const unit = text.replace(/^[\d.]+/, "");
  return parseFloat(text) * UNIT_MS[unit];
}
