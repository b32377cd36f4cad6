import type { Backend } from "../../kernels/mod.ts";
import type { Clock } from "../../streams/mod.ts";

/** How long to wait before a lost device is asked for again. */
export interface RetryDelays {
  /** Before the first attempt; it doubles with each. */
  readonly firstMs: number;
  /** At most. */
  readonly mostMs: number;
}

/** A driver that resets needs a second; a GPU that was taken away is asked for every five minutes. */
export const RETRY_DELAYS: RetryDelays = { firstMs: 1000, mostMs: 300_000 };

/**
 * Asks for a device until there is one.
 *
 * @returns The device, or undefined when the signal aborted first.
 */
export async function retryDevice(
  open: () => Promise<Backend>,
  clock: Clock,
  delays: RetryDelays,
  signal: AbortSignal,
): Promise<Backend | undefined> {
  for (let delayMs = delays.firstMs;; delayMs = Math.min(2 * delayMs, delays.mostMs)) {
    await clock.sleep(delayMs, signal);
    if (signal.aborted) return undefined;
    let backend: Backend;
    try {
      backend = await open();
    } catch {
      continue; // The loss has been reported; that it lasts is no news.
    }
    if (!signal.aborted) return backend;
    backend.dispose();
    return undefined;
  }
}
