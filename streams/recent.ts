import { limits } from "./limits.ts";
import { RecentKeys } from "./recent_keys.ts";
import type { Tick } from "./tick.ts";

/**
 * Remembers which ticks were seen lately, in bounded memory: by identifier where a tick has one, else by
 * series, time and values.
 */
export class RecentTicks {
  readonly #keys: RecentKeys;

  /**
   * Remembers nothing yet.
   *
   * @param max How many ticks are remembered, over all series.
   */
  constructor(max: number = limits.recentIds) {
    this.#keys = new RecentKeys(max);
  }

  /** Whether a tick was seen lately; it is remembered now. */
  seen(tick: Tick): boolean {
    const what = tick.id ?? `${tick.time} ${JSON.stringify(tick.values)}`;
    return !this.#keys.add(`${tick.series}\n${tick.id === undefined ? "" : "#"}${what}`);
  }

  /** What is remembered, the oldest first. */
  snapshot(): string[] {
    return this.#keys.snapshot();
  }

  /** Remembers what a snapshot says, and nothing else. */
  restore(keys: readonly string[]): void {
    this.#keys.restore(keys);
  }
}
