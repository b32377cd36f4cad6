import { setImmediate } from "node:timers";
import type { Clock } from "../../streams/mod.ts";

interface Timer {
  readonly atMs: number;
  readonly order: number;
  run: (() => void) | undefined;
}

/**
 * The only time in a simulation. It moves when everything that could happen now has happened.
 *
 * Timers follow elapsed time; `now()` is a wall clock, which may jump.
 */
export class VirtualClock implements Clock {
  /** Milliseconds since the simulation began; never jumps. */
  elapsedMs = 0;
  /** Wall clock minus elapsed time. */
  skewMs: number;
  /** By time, then by the order in which they were set. */
  readonly #timers: Timer[] = [];
  #order = 0;

  constructor(startMs = 1_700_000_000_000) {
    this.skewMs = startMs;
  }

  now(): number {
    return this.elapsedMs + this.skewMs;
  }

  sleep(durationMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const timer = this.after(durationMs, () => {
        signal?.removeEventListener("abort", aborted);
        resolve();
      });
      const aborted = (): void => {
        timer.run = undefined;
        resolve();
      };
      signal?.addEventListener("abort", aborted, { once: true });
    });
  }

  /** Runs something after a delay. */
  after(delayMs: number, run: () => void): Timer {
    const timer = { atMs: this.elapsedMs + Math.max(0, delayMs), order: this.#order++, run };
    let low = 0;
    let high = this.#timers.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#timers[middle].atMs <= timer.atMs) low = middle + 1;
      else high = middle;
    }
    this.#timers.splice(low, 0, timer);
    return timer;
  }

  /**
   * Lets everything settle, then moves to the next timer and runs it. False when none is left.
   *
   * A turn of the event loop runs every waiting microtask, so code that uses only this clock and
   * promises has come to rest after it.
   */
  async advance(): Promise<boolean> {
    await settled();
    const timer = this.#timers.shift();
    if (timer === undefined) return false;
    this.elapsedMs = timer.atMs;
    timer.run?.();
    return true;
  }
}

/** Resolves when no microtask is waiting. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => resolve()));
}
