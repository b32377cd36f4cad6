import { type Clock, systemClock } from "../clock.ts";
import type { ServerSocket } from "../server_socket.ts";

/** One event of a stream of server-sent events. */
export interface SseEvent {
  /** What it says; line breaks are kept. */
  readonly data: string;
  /** Its kind; `message` where left out. */
  readonly event?: string;
  /** Its identifier, which a client that comes back sends as `Last-Event-ID`. */
  readonly id?: string;
  /** How long a client should wait before it comes back, in milliseconds. */
  readonly retryMs?: number;
}

/**
 * A server-sent event as text (HTML standard, section 9.2).
 *
 * @param event The event.
 * @returns Its lines, the empty one at the end included.
 *
 * @example
 * ```ts
 * import { encodeSse } from "@tickcast/tickcast/streams";
 * import { equal } from "node:assert/strict";
 *
 * equal(encodeSse({ data: "a\nb", event: "forecast", id: "7" }), "event: forecast\nid: 7\ndata: a\ndata: b\n\n");
 * ```
 */
export function encodeSse(event: SseEvent): string {
  // A line break in these would begin a field of its own.
  const one = (text: string): string => text.replace(/[\r\n\0]/g, " ");
  let text = "";
  if (event.event !== undefined) text += `event: ${one(event.event)}\n`;
  if (event.id !== undefined) text += `id: ${one(event.id)}\n`;
  if (event.retryMs !== undefined) text += `retry: ${Math.round(event.retryMs)}\n`;
  for (const line of event.data.split(/\r\n|\r|\n/)) text += `data: ${line}\n`;
  return text + "\n";
}

/** How a sink of events writes. */
export interface SseSinkOptions<T> {
  /** Makes an item an event. Default: its JSON. */
  readonly encode?: (item: T) => SseEvent;
}

/**
 * Writes every item of every chunk as a server-sent event. One write a chunk, and the next chunk is taken
 * only when the last one is written. For many subscribers, each behind its own queue, see
 * {@linkcode sseSubscriber}.
 *
 * @param output Where the bytes go, such as the body of a response. Closed with the sink.
 * @param options How an item becomes an event.
 * @returns The sink.
 *
 * @example
 * ```ts
 * import { sseSink } from "@tickcast/tickcast/streams";
 * import { equal } from "node:assert/strict";
 *
 * const { readable, writable } = new TransformStream<Uint8Array, Uint8Array<ArrayBuffer>>();
 * const [text] = await Promise.all([
 *   new Response(readable, { headers: { "content-type": "text/event-stream" } }).text(),
 *   ReadableStream.from([[{ mean: 1 }, { mean: 2 }]]).pipeTo(sseSink(writable)),
 * ]);
 * equal(text, 'data: {"mean":1}\n\ndata: {"mean":2}\n\n');
 * ```
 */
export function sseSink<T>(
  output: WritableStream<Uint8Array>,
  options: SseSinkOptions<T> = {},
): WritableStream<readonly T[]> {
  const encode = options.encode ?? ((item: T): SseEvent => ({ data: JSON.stringify(item) }));
  const utf8 = new TextEncoder();
  const writer = output.getWriter();
  return new WritableStream<readonly T[]>({
    async write(items): Promise<void> {
      let text = "";
      for (const item of items) text += encodeSse(encode(item));
      if (text !== "") await writer.write(utf8.encode(text));
    },
    close: () => writer.close(),
    abort: (reason) => writer.abort(reason),
  });
}

/** How a subscriber of events is kept. */
export interface SseSubscriberOptions {
  /** The kind of its events; `message` where left out. */
  readonly event?: string;
  /** The fan-out's messages are whole events, as {@linkcode encodeSse} writes them. */
  readonly encoded?: boolean;
  /** How often a comment assures a client and the proxies between that the stream lives. Default 15 s. */
  readonly heartbeatMs?: number;
  /** How long a client should wait before it comes back. By default it decides. */
  readonly retryMs?: number;
  /** Time. */
  readonly clock?: Clock;
}

/** One subscriber of server-sent events. */
export interface SseSubscriber {
  /** The body of its response. It ends when the subscriber is closed. */
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** What {@linkcode FanOut.subscribe} takes. */
  readonly socket: ServerSocket;
  /** Ends it. */
  close(): void;
}

const HEARTBEAT_MS = 15_000;

/**
 * A subscriber of a {@linkcode FanOut} that reads server-sent events instead of a WebSocket, behind the same
 * bounded queue: a message counts as written when its response's body is read.
 *
 * @param options Its events and heartbeats.
 * @returns The body for the response, and the socket for the fan-out.
 *
 * @example As a route gives it
 * ```ts
 * import { FanOut, sseSubscriber } from "@tickcast/tickcast/streams";
 * import { equal } from "node:assert/strict";
 *
 * const fanOut = new FanOut<{ series: string; mean: number }>({
 *   series: (item) => item.series,
 *   encode: (item) => JSON.stringify(item),
 * });
 * const { body, socket, close } = sseSubscriber({ event: "forecast" });
 * fanOut.subscribe(socket, ["a"]);
 * const response = new Response(body, { headers: { "content-type": "text/event-stream" } });
 * await fanOut.publish([{ series: "a", mean: 1 }, { series: "b", mean: 2 }]);
 * close();
 * equal(await response.text(), 'event: forecast\ndata: {"series":"a","mean":1}\n\n');
 * equal(fanOut.size, 0);
 * ```
 */
export function sseSubscriber(options: SseSubscriberOptions = {}): SseSubscriber {
  const { clock = systemClock, heartbeatMs = HEARTBEAT_MS, event, retryMs, encoded } = options;
  const utf8 = new TextEncoder();
  const utf8Decoder = new TextDecoder();
  const closing = new AbortController();
  /** Handed over by the fan-out, which bounds them, and not read yet. */
  const waiting: { text: string; done: (error?: Error) => void }[] = [];
  const listeners = new Set<() => void>();
  let wake = (): void => {};
  if (retryMs !== undefined) {
    waiting.push({ text: `retry: ${Math.round(retryMs)}\n\n`, done: (): void => {} });
  }

  const close = (): void => {
    if (closing.signal.aborted) return;
    closing.abort();
    wake();
    for (const listener of listeners) listener();
  };
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller): Promise<void> {
      if (waiting.length === 0 && !closing.signal.aborted) {
        const beat = new AbortController();
        const written = new Promise<void>((resolve) => wake = resolve);
        await Promise.race([written, clock.sleep(heartbeatMs, beat.signal)]);
        beat.abort();
      }
      const ready = waiting.splice(0);
      if (ready.length > 0) {
        // All that waits at once, which is no more than the fan-out hands to a socket.
        controller.enqueue(utf8.encode(ready.map(({ text }) => text).join("")));
        for (const { done } of ready) done();
      } else if (closing.signal.aborted) controller.close();
      else controller.enqueue(utf8.encode(":\n\n"));
    },
    cancel(): void {
      close();
      for (const { done } of waiting.splice(0)) done(new Error("closed"));
    },
  }, { highWaterMark: 0 });

  const socket: ServerSocket = {
    OPEN: 1,
    get readyState(): number {
      return closing.signal.aborted ? 3 : 1;
    },
    on(kind: string, listener: (...values: never[]) => void): void {
      if (kind === "close") listeners.add(listener as () => void);
    },
    off(_kind, listener): void {
      listeners.delete(listener);
    },
    pause(): void {},
    resume(): void {},
    send(data, _options, done): void {
      const message = typeof data === "string" ? data : utf8Decoder.decode(data);
      waiting.push({ text: encoded ? message : encodeSse({ data: message, event }), done });
      wake();
    },
    close,
    terminate(): void {
      // Nobody may ever read what waits.
      for (const { done } of waiting.splice(0)) done(new Error("terminated"));
      close();
    },
  };
  return { body, socket, close };
}
