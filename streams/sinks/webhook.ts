import { systemClock } from "../clock.ts";
import { DeliveryError, type OutboxOptions, outboxSink } from "./outbox.ts";

/** Where items are posted, and how. */
export interface WebhookSinkOptions<T> extends OutboxOptions {
  /** Where to. */
  readonly url: string | URL;
  /** Makes an item JSON. Default: `JSON.stringify`. */
  readonly encode?: (item: T) => string;
  /** Further headers, such as an authorisation. */
  readonly headers?: Readonly<Record<string, string>>;
  /** How long an answer may take. Default 10 s. */
  readonly timeoutMs?: number;
  /** What the keys of requests begin with: unique for each sink. Random by default. */
  readonly id?: string;
}

const TIMEOUT_MS = 10_000;
/** Statuses after which the same request may succeed; besides all from 500. */
const PASSING = new Set([408, 425, 429]);

/**
 * Posts items to a URL as JSON arrays, whatever has gathered since the last request at once, in order.
 *
 * A request that fails (no connection, no answer in time, 408, 425, 429 or a server's error) is tried again
 * with backoff and full jitter, not sooner than `Retry-After` says, under the same `Idempotency-Key`, so
 * that a receiver can leave out what it had already taken. Any other refusal is given up and counted.
 * By default a receiver that is too slow loses the oldest items and holds nobody up.
 *
 * @param options Where to and how.
 * @returns The sink. Closing it delivers what waits.
 * @throws {TypeError} when the URL is none.
 *
 * @example To a server of our own
 * ```ts
 * import { webhookSink } from "@tickcast/tickcast/streams";
 * import { deepEqual } from "node:assert/strict";
 *
 * const received: unknown[] = [];
 * const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async (request) => {
 *   received.push(...await request.json());
 *   return new Response();
 * });
 * await ReadableStream.from([[{ series: "a", mean: 1 }, { series: "b", mean: 2 }]])
 *   .pipeTo(webhookSink({ url: `http://127.0.0.1:${server.addr.port}/hook` }));
 * deepEqual(received, [{ series: "a", mean: 1 }, { series: "b", mean: 2 }]);
 * await server.shutdown();
 * ```
 */
export function webhookSink<T extends { readonly series: string }>(
  options: WebhookSinkOptions<T>,
): WritableStream<readonly T[]> {
  const url = new URL(options.url);
  const { timeoutMs = TIMEOUT_MS, clock = systemClock } = options;
  const encode = options.encode ?? ((item: T): string => JSON.stringify(item));
  const id = options.id ?? crypto.randomUUID();

  const post = async (items: readonly T[], number: number, stop: AbortSignal): Promise<void> => {
    const over = new AbortController();
    const timeout = AbortSignal.any([stop, over.signal]);
    const late = new AbortController();
    void clock.sleep(timeoutMs, timeout).then(() => timeout.aborted || late.abort());
    try {
      const response = await fetch(url, {
        method: "POST",
        headers: {
          ...options.headers,
          "content-type": "application/json",
          "idempotency-key": `${id}-${number}`,
        },
        body: `[${items.map((item) => encode(item)).join(",")}]`,
        signal: AbortSignal.any([stop, late.signal]),
      });
      await response.body?.cancel();
      if (response.ok) return;
      const { status } = response;
      throw new DeliveryError(`HTTP status ${status}`, {
        permanent: status < 500 && !PASSING.has(status),
        retryAfterMs: retryAfterMs(response.headers.get("retry-after"), clock.now()),
      });
    } catch (error) {
      if (late.signal.aborted) throw new DeliveryError(`no answer within ${timeoutMs} ms`);
      throw error;
    } finally {
      over.abort();
    }
  };
  return outboxSink({ ...options, name: options.name ?? "webhook" }, post);
}

/** `Retry-After` in seconds or as a date (RFC 9110, section 10.2.3). */
function retryAfterMs(header: string | null, now: number): number {
  if (header === null) return 0;
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now;
  return ms > 0 ? ms : 0;
}
