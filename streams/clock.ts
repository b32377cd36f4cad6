/**
 * Where time comes from. Injected everywhere, so that a replay, a test or a simulation owns time.
 */
export interface Clock {
  /** Wall time, in epoch milliseconds. */
  now(): number;
  /**
   * Resolves after a delay, or as soon as the signal aborts (it then resolves too, so that a waiting
   * loop can end without an exception).
   */
  sleep(durationMs: number, signal?: AbortSignal): Promise<void>;
}

/** The machine's clock. */
export const systemClock: Clock = {
  now: (): number => Date.now(),
  sleep(durationMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const done = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, Math.max(0, durationMs));
      signal?.addEventListener("abort", done, { once: true });
    });
  },
};
