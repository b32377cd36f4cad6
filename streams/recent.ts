import { limits } from "./limits.ts";
import type { Tick } from "./tick.ts";

/**
 * Remembers which ticks were seen lately, in bounded memory: by identifier where a tick has one, else by
 * series, time and values.
 */
export class RecentTicks {
  readonly #max: number;
  readonly #keys = new Set<string>();

  /**
   * Remembers nothing yet.
   *
   * @param max How many ticks are remembered, over all series.
   */
  constructor(max: number = limits.recentIds) {
    this.#max = max;
  }

  /** Whether a tick was seen lately; it is remembered now. */
  seen(tick: Tick): boolean {
    const what = tick.id ?? `${tick.time} ${JSON.stringify(tick.values)}`;
    const key = `${tick.series}\n${tick.id === undefined ? "" : "#"}${what}`;
    if (this.#keys.has(key)) return true;
    this.#keys.add(key);
    if (this.#keys.size > this.#max) {
      const [oldest] = this.#keys;
      this.#keys.delete(oldest);
    }
    return false;
  }

  /** What is remembered, the oldest first. */
  snapshot(): string[] {
    return [...this.#keys];
  }

  /** Remembers what a snapshot says, and nothing else. */
  restore(keys: readonly string[]): void {
    this.#keys.clear();
    for (const key of keys) this.#keys.add(key);
  }
}
