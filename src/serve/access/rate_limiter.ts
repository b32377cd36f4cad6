import type { Clock } from "../../../streams/mod.ts";

/** Clients remembered; beyond, the one longest unseen is forgotten, and with it at most one burst. */
const CLIENTS_MAX = 10_000;

/** How much a client may take. */
export interface Rate {
  /** What comes back each second. */
  readonly perSecond: number;
  /** What may be taken at once after a pause. */
  readonly burst: number;
}

interface Bucket {
  tokens: number;
  filledMs: number;
}

/**
 * A token bucket for each client: `burst` at once, `perSecond` in the long run.
 */
export class RateLimiter {
  readonly #rate: Rate;
  readonly #clock: Clock;
  /** In the order in which they were last seen. */
  readonly #buckets = new Map<string, Bucket>();

  /** Starts with every bucket full. */
  constructor(rate: Rate, clock: Clock) {
    this.#rate = rate;
    this.#clock = clock;
  }

  /**
   * Takes from a client's bucket. More than a bucket can hold is taken from a full one and owed, so that
   * what comes in large pieces gets the same rate in the long run.
   *
   * @param client Whose bucket.
   * @param cost How much to take.
   * @returns 0 where it was taken; else how long to wait before it can be, and nothing was taken.
   */
  take(client: string, cost = 1): number {
    const bucket = this.#filled(client);
    const needed = Math.min(cost, this.#rate.burst);
    if (bucket.tokens < needed) return 1000 * (needed - bucket.tokens) / this.#rate.perSecond;
    bucket.tokens -= cost;
    return 0;
  }

  #filled(client: string): Bucket {
    const nowMs = this.#clock.now();
    const { perSecond, burst } = this.#rate;
    const bucket = this.#buckets.get(client) ?? { tokens: burst, filledMs: nowMs };
    // A clock set back fills nothing, and takes nothing away.
    const elapsedMs = Math.max(0, nowMs - bucket.filledMs);
    bucket.tokens = Math.min(burst, bucket.tokens + elapsedMs * perSecond / 1000);
    bucket.filledMs = nowMs;
    this.#buckets.delete(client);
    this.#buckets.set(client, bucket);
    if (this.#buckets.size > CLIENTS_MAX) {
      const [oldest] = this.#buckets.keys();
      this.#buckets.delete(oldest);
    }
    return bucket;
  }
}
