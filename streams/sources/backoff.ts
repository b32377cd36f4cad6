/** How long to wait between attempts. */
export interface BackoffOptions {
  /** The longest wait before the second attempt. Default 500 ms. */
  readonly baseMs?: number;
  /** The longest wait before any attempt. Default 30 s: an outage is over sooner or much later. */
  readonly maxMs?: number;
}

/**
 * Exponential backoff with full jitter: a uniform share of a ceiling that doubles with each attempt. So a
 * server that comes back is not met by all its clients at once (Brooker, "Exponential Backoff And
 * Jitter", 2015).
 *
 * @param attempt How many attempts have failed, from 1.
 * @param random A number in [0, 1).
 * @param options The base and the ceiling.
 * @returns How long to wait, in milliseconds.
 *
 * @example
 * ```ts
 * import { backoffMs } from "@tickcast/tickcast/streams";
 * import { equal } from "node:assert/strict";
 *
 * equal(backoffMs(3, 0.5, { baseMs: 100 }), 200);
 * equal(backoffMs(50, 0.5, { baseMs: 100, maxMs: 1000 }), 500);
 * ```
 */
export function backoffMs(attempt: number, random: number, options: BackoffOptions = {}): number {
  const { baseMs = 500, maxMs = 30_000 } = options;
  return random * Math.min(maxMs, baseMs * 2 ** (attempt - 1));
}
