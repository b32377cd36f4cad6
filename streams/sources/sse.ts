import { bodyReader } from "../body_reader.ts";
import { systemClock } from "../clock.ts";
import { InputError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { Tick } from "../tick.ts";
import type { DecodeOptions } from "../transforms/decode.ts";
import { frameDecoder, type FrameFormat } from "../transforms/frame_decoder.ts";
import { backoffMs } from "./backoff.ts";
import { type LiveOptions, type LiveSession, liveSource } from "./live.ts";
import { type ReceivedEvent, SseParser } from "./sse_parser.ts";

/** Which stream of events to follow. */
export interface SseSourceOptions extends LiveOptions {
  /** Where it is. */
  readonly url: string | URL;
  /** Headers of the request, such as an authorisation. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The kinds of events that hold ticks. Default: all. */
  readonly events?: readonly string[];
  /** The format of an event's data. Default: `json`. */
  readonly format?: FrameFormat;
  /** How JSON is read; the wire format by default. */
  readonly decode?: DecodeOptions;
  /** A connection on which nothing at all comes for so long is dead. Default 60 s. */
  readonly idleMs?: number;
  /** How long the answer to a request may take. Default 10 s. */
  readonly connectTimeoutMs?: number;
}

const IDLE_MS = 60_000;
const CONNECT_TIMEOUT_MS = 10_000;

/**
 * Ticks from server-sent events. It reconnects with backoff and full jitter, not sooner than the server's
 * `retry`, and tells the server the last event it had (`Last-Event-ID`), so that one which keeps them can
 * go on from there; what comes twice is left out and counted.
 *
 * @param options Which stream and how.
 * @returns The ticks, whatever has arrived since the last pull. It ends only by its signal or reader.
 * @throws {TypeError} when the URL is none.
 *
 * @example From a server of our own
 * ```ts
 * import { sseSource } from "@tickcast/tickcast/streams";
 * import { deepEqual } from "node:assert/strict";
 *
 * const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, () =>
 *   new Response('id: 1\ndata: {"series":"a","time":1000,"value":1.5}\n\n', {
 *     headers: { "content-type": "text/event-stream" },
 *   }));
 * const ticks = sseSource({ url: `http://127.0.0.1:${server.addr.port}` });
 * for await (const batch of ticks) {
 *   deepEqual(batch, [{ series: "a", time: 1000, values: { value: 1.5 } }]);
 *   break;
 * }
 * await server.shutdown();
 * ```
 */
export function sseSource(options: SseSourceOptions): ReadableStream<readonly Tick[]> {
  const url = new URL(options.url);
  const { clock = systemClock, idleMs = IDLE_MS, backoff, random = Math.random } = options;
  const { connectTimeoutMs = CONNECT_TIMEOUT_MS } = options;
  const decoder = frameDecoder(options.format ?? "json", options.decode);
  const events = options.events === undefined ? undefined : new Set(options.events);
  const frameBytesMax = options.decode?.frameBytesMax ?? limits.frameBytes;
  // Ticks that name no series get the kind of their event, where it has one.
  const seriesOf = ({ event }: ReceivedEvent): string | undefined =>
    options.decode?.series ?? (event === "message" ? undefined : event);
  let lastId = "";
  let retryMs = 0;

  async function receive(
    session: LiveSession,
    parser: SseParser,
    bytes: Uint8Array,
  ): Promise<void> {
    const arrival = clock.now();
    const ticks: Tick[] = [];
    for (const event of parser.push(bytes)) {
      if (event.tooLong) {
        const detail = `an event is over the limit of ${frameBytesMax} characters`;
        session.reject(new InputError("too-large", "data", detail));
      } else if (events === undefined || events.has(event.event)) {
        const decoded = decoder.decode(event.data, arrival, 0, seriesOf(event));
        for (const tick of decoded.ticks) ticks.push(tick);
        decoded.rejected.forEach(session.reject);
      }
    }
    lastId = parser.lastId;
    retryMs = parser.retryMs ?? retryMs;
    if (ticks.length > 0) await session.deliver(ticks, arrival);
  }

  return liveSource({ ...options, name: options.name ?? "sse" }, async (session) => {
    const over = new AbortController();
    const end = (): void => over.abort();
    session.signal.addEventListener("abort", end, { once: true });
    if (session.signal.aborted) end();
    let why = "stopped";
    /** Ends the connection when something takes too long. */
    const limit = (ms: number, then: string): () => void => {
      const timer = new AbortController();
      void clock.sleep(ms, timer.signal).then(() => {
        if (timer.signal.aborted) return;
        why = then;
        over.abort();
      });
      return () => timer.abort();
    };
    // What the server asks for comes on top of the backoff, and is spread as well.
    if (retryMs > 0) await clock.sleep(retryMs + backoffMs(1, random(), backoff), over.signal);
    let release = limit(connectTimeoutMs, `no answer within ${connectTimeoutMs} ms`);
    try {
      const response = await fetch(url, {
        headers: {
          accept: "text/event-stream",
          ...(lastId === "" ? {} : { "last-event-id": lastId }),
          ...options.headers,
        },
        signal: over.signal,
      });
      release();
      const type = response.headers.get("content-type") ?? "";
      if (!response.ok || response.body === null || !type.startsWith("text/event-stream")) {
        await response.body?.cancel();
        return response.ok
          ? `expected text/event-stream, got ${type || "no content type"}`
          : `HTTP status ${response.status}`;
      }
      // A server that numbers its events goes on from the last one.
      session.connected(lastId !== "");
      const parser = new SseParser(frameBytesMax, lastId);
      const reader = bodyReader(response.body, over.signal);
      while (true) {
        release = limit(idleMs, `nothing heard for ${idleMs} ms`);
        const { value, done } = await reader.read();
        release();
        if (done) return over.signal.aborted ? why : "closed";
        await receive(session, parser, value);
      }
    } catch (error) {
      return over.signal.aborted ? why : error instanceof Error ? error.message : String(error);
    } finally {
      release();
      session.signal.removeEventListener("abort", end);
      over.abort();
    }
  }, true);
}
