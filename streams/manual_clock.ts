import type { Clock } from "./clock.ts";

interface Sleeper {
  readonly wakeMs: number;
  readonly wake: () => void;
}

/**
 * A clock that moves only when told, for tests and simulations.
 *
 * @example A minute in no time
 * ```ts
 * import { ManualClock } from "@tickcast/tickcast/streams";
 * import { equal } from "node:assert/strict";
 *
 * const clock = new ManualClock(1000);
 * const slept = clock.sleep(60_000).then(() => clock.now());
 * await clock.advance(90_000);
 * equal(await slept, 61_000);
 * equal(clock.now(), 91_000);
 * ```
 */
export class ManualClock implements Clock {
  #nowMs: number;
  #sleepers: Sleeper[] = [];

  /**
   * A clock that stands still.
   *
   * @param nowMs Its time at first, epoch milliseconds.
   */
  constructor(nowMs = 0) {
    this.#nowMs = nowMs;
  }

  /** The time it was moved to. */
  now(): number {
    return this.#nowMs;
  }

  /** How many wait for a later time. */
  get sleeping(): number {
    return this.#sleepers.length;
  }

  /** Resolves once the clock was moved far enough, or when the signal aborts. */
  sleep(durationMs: number, signal?: AbortSignal): Promise<void> {
    if (durationMs <= 0 || signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        signal?.removeEventListener("abort", wake);
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
        resolve();
      };
      const sleeper: Sleeper = { wakeMs: this.#nowMs + durationMs, wake };
      this.#sleepers.push(sleeper);
      signal?.addEventListener("abort", wake, { once: true });
    });
  }

  /**
   * Moves on, waking the sleepers in the order of their times, each at its own time. What a woken one
   * does at once, and sleeps again for, happens before the next is woken.
   *
   * @param durationMs How far to move.
   */
  async advance(durationMs: number): Promise<void> {
    const endMs = this.#nowMs + durationMs;
    while (true) {
      // A turn of the event loop lets streams and promises settle; no fixed number of ticks would.
      await new Promise((resolve) => setTimeout(resolve, 0));
      const next = this.#sleepers.reduce<Sleeper | undefined>(
        (first, sleeper) => first && first.wakeMs <= sleeper.wakeMs ? first : sleeper,
        undefined,
      );
      if (next === undefined || next.wakeMs > endMs) break;
      this.#nowMs = Math.max(this.#nowMs, next.wakeMs);
      next.wake();
    }
    this.#nowMs = endMs;
  }
}
