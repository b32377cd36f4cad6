import { type Clock, systemClock } from "../clock.ts";
import { limits } from "../limits.ts";
import { backoffMs, type BackoffOptions } from "../sources/backoff.ts";
import type { StatusListener } from "../status.ts";
import { type QueuePolicy, TickQueue } from "../tick_queue.ts";

/** How a sink that delivers over a network lives with it. */
export interface OutboxOptions {
  /** What the sink is called in statuses. Each kind of sink has a name of its own. */
  readonly name?: string;
  /** What happens when the queue is full. Default: `drop-oldest`, so that no receiver holds up forecasts. */
  readonly policy?: QueuePolicy;
  /** Items that may wait. Default 16,384. */
  readonly itemsMax?: number;
  /** Items of one delivery at most. Default 256: some hundred kilobytes. */
  readonly batchItems?: number;
  /** Attempts at one delivery before it is given up. Default 8: about a minute. */
  readonly attemptsMax?: number;
  /** The waits between attempts. */
  readonly backoff?: BackoffOptions;
  /** How long closing may go on delivering what waits. Default 10 s. */
  readonly drainMs?: number;
  /** Time. */
  readonly clock?: Clock;
  /** Chance, for the jitter: numbers in [0, 1). */
  readonly random?: () => number;
  /** Hears of attempts that failed, and of what was dropped or given up. */
  readonly onStatus?: StatusListener;
}

/** A delivery that failed. Any other error is taken as one that may be tried again. */
export class DeliveryError extends Error {
  /** The error's class name. */
  override readonly name: string = "DeliveryError";
  /** Trying again would not help. */
  readonly permanent: boolean;
  /** How long the receiver wants to be left alone, in milliseconds. */
  readonly retryAfterMs: number;

  constructor(message: string, options: { permanent?: boolean; retryAfterMs?: number } = {}) {
    super(message);
    this.permanent = options.permanent ?? false;
    this.retryAfterMs = options.retryAfterMs ?? 0;
  }
}

/** The longest wait that a receiver may ask for: an error of its own must not silence a sink for a day. */
const RETRY_AFTER_MAX_MS = 5 * 60_000;
const BATCH_ITEMS = 256;
const ATTEMPTS_MAX = 8;
const DRAIN_MS = 10_000;

/**
 * A sink that delivers in the background, from a bounded queue, in order, one delivery at a time, each
 * tried again with backoff and full jitter. What a receiver cannot take is counted and given up; the chain
 * before the sink never fails for it.
 *
 * @param options How, with the sink's name.
 * @param deliver Delivers a batch; `number` counts the batches and stays the same when one is tried again.
 * @param end Gives back what delivering needed.
 * @returns The sink. Closing it delivers what waits.
 */
export function outboxSink<T extends { readonly series: string }>(
  options: OutboxOptions & { readonly name: string },
  deliver: (items: readonly T[], number: number, signal: AbortSignal) => Promise<void>,
  end: () => Promise<void> = () => Promise.resolve(),
): WritableStream<readonly T[]> {
  const { policy = "drop-oldest", drainMs = DRAIN_MS, clock = systemClock } = options;
  const { name: source, onStatus, itemsMax = limits.queueTicks } = options;
  const queue = new TickQueue<T>({
    policy,
    ticksMax: itemsMax,
    batchTicks: options.batchItems ?? BATCH_ITEMS,
  });
  const stop = new AbortController();
  let wake = (): void => {};
  const dropped = (count: number, how: string): void => {
    if (count > 0) onStatus?.({ kind: "dropped", source, policy: how, count });
  };

  const running = (async (): Promise<void> => {
    let number = 0;
    for (let batch; (batch = await queue.take()) !== undefined; number++) {
      wake();
      const done = !stop.signal.aborted &&
        await persist(options, (signal) => deliver(batch, number, signal), stop.signal);
      if (!done) dropped(batch.length, "undeliverable");
    }
    await end();
  })();

  return new WritableStream<readonly T[]>({
    async write(items): Promise<void> {
      dropped(queue.push(items, policy === "block"), policy);
      while (policy === "block" && queue.full && !stop.signal.aborted) {
        await new Promise<void>((resolve) => wake = resolve);
      }
    },
    async close(): Promise<void> {
      queue.close();
      const timer = new AbortController();
      void clock.sleep(drainMs, timer.signal).then(() => timer.signal.aborted || stop.abort());
      await running;
      timer.abort();
    },
    async abort(): Promise<void> {
      stop.abort();
      wake();
      queue.close();
      await running;
    },
  });
}

/** Tries until it works; false where it was given up. */
async function persist(
  options: OutboxOptions & { readonly name: string },
  attemptOnce: (signal: AbortSignal) => Promise<void>,
  stop: AbortSignal,
): Promise<boolean> {
  const { name: source, attemptsMax = ATTEMPTS_MAX, backoff, onStatus } = options;
  const { random = Math.random, clock = systemClock } = options;
  for (let attempt = 1;; attempt++) {
    try {
      await attemptOnce(stop);
      if (attempt > 1) onStatus?.({ kind: "recovered", part: source });
      return true;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const { permanent, retryAfterMs } = error instanceof DeliveryError
        ? error
        : { permanent: false, retryAfterMs: 0 };
      if (permanent || attempt >= attemptsMax || stop.aborted) {
        onStatus?.({ kind: "degraded", part: source, detail: `gave up a delivery: ${why}` });
        return false;
      }
      const asked = Math.min(retryAfterMs, RETRY_AFTER_MAX_MS);
      const delayMs = Math.max(asked, backoffMs(attempt, random(), backoff));
      onStatus?.({ kind: "reconnecting", source, attempt, delayMs, why });
      await clock.sleep(delayMs, stop);
    }
  }
}
