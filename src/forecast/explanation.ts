/** How far one input moved a forecast. */
export interface Contribution {
  /** The input, in words. */
  readonly input: string;
  /** How far it moved the forecast, in the series' own unit. */
  readonly value: number;
}

/** What moved one forecast away from the last value. */
export interface Explanation {
  /** The series. */
  readonly series: string;
  /** The time of the last tick seen, epoch milliseconds. */
  readonly time: number;
  /** Steps ahead. */
  readonly ahead: number;
  /** The expected value. */
  readonly forecast: number;
  /** The last value: what would be forecast if nothing were known. */
  readonly baseline: number;
  /** They add up to `forecast − baseline`; the largest first. */
  readonly contributions: readonly Contribution[];
}

/** What one model said, how much it weighed, and its parts where it tells them. */
export interface Opinion {
  /** What it is called. */
  readonly name: string;
  /** Its weight in the mixture. */
  readonly weight: number;
  /** Its point. */
  readonly point: number;
  /** Its contributions, which add up to `point − baseline`. */
  readonly parts?: readonly Contribution[];
}

/**
 * Adds up what the models of a mixture say moved them, by their weights. A model that does not tell its
 * parts counts as one. What a model leaves unsaid, such as the part of an integral that its sum does not
 * catch, is shown under its name instead of vanishing: the sum is complete by construction.
 */
export function combine(opinions: readonly Opinion[], baseline: number): Contribution[] {
  const sums = new Map<string, number>();
  const add = (input: string, value: number): void => {
    sums.set(input, (sums.get(input) ?? 0) + value);
  };
  for (const { name, weight, point, parts = [] } of opinions) {
    if (weight === 0 || !Number.isFinite(point)) continue;
    let rest = point - baseline;
    for (const { input, value } of parts) {
      add(input, weight * value);
      rest -= value;
    }
    // Sums of hundreds of parts round; only what is more than that is worth a line.
    const rounding = 1e-9 * (Math.abs(point) + Math.abs(baseline));
    if (Math.abs(rest) > rounding) {
      add(parts.length > 0 ? `${name}, unexplained` : name, weight * rest);
    }
  }
  return [...sums]
    .map(([input, value]) => ({ input, value }))
    .filter(({ value }) => value !== 0)
    .sort((a, b) => Math.abs(b.value) - Math.abs(a.value));
}
