import type { MsgHdrs, NatsConnection as Connection, Subscription } from "@nats-io/nats-core";
import type { NatsConnection } from "../nats_connection.ts";
import type { Clock } from "../clock.ts";
import { systemClock } from "../clock.ts";
import type { StatusListener } from "../status.ts";

/** Messages sent ahead of their acknowledgements: a millisecond or so of what a server stores. */
const UNACKNOWLEDGED_MAX = 1024;
/** Until messages without an answer are sent again. A healthy server answers within milliseconds. */
const RETRY_MS = 2_000;
/** Between two attempts when the server refuses, as it does when a stream is full. */
const REFUSED_MS = 100;

/** One message for a JetStream stream. */
export interface NatsMessage {
  /** Where it goes. */
  readonly subject: string;
  /** By which the server knows it when it comes again. The same content always has the same one. */
  readonly id: string;
  /** What it says. */
  readonly data: string | Uint8Array;
}

/** How a {@linkcode NatsPublisher} works. */
export interface NatsPublisherOptions {
  /** The connection. It is not closed here. */
  readonly connection: NatsConnection;
  /** Hears when messages must be sent again. */
  readonly onStatus?: StatusListener;
  /** Ends retrying. */
  readonly signal?: AbortSignal;
  /** Until messages without an answer are sent again. */
  readonly retryMs?: number;
  /**
   * How long messages are sent again; for ever where left out. Later than a server remembers what it
   * stored, sending again may store twice.
   */
  readonly retryForMs?: number;
  /** Where time comes from. */
  readonly clock?: Clock;
}

/** A batch under way: which of its messages have no answer yet. */
interface Flight {
  readonly token: string;
  readonly open: Set<number>;
  refused: string | undefined;
  settle: () => void;
}

/**
 * Stores messages in JetStream, in order, each once: what is not acknowledged is sent again under the
 * same id until it is, through restarts of the server.
 *
 * @example Where a server runs, and has a stream with that subject
 * ```ts
 * import { NatsPublisher } from "@tickcast/tickcast/streams";
 * import { connect } from "@nats-io/transport-node";
 *
 * const connection = await connect({ servers: "127.0.0.1:1" }).catch(() => undefined);
 * if (connection !== undefined) {
 *   const publisher = await NatsPublisher.open({ connection });
 *   await publisher.publish([{ subject: "ticks.room", id: "room:0", data: '{"value":20}' }]);
 *   publisher.close();
 *   await connection.close();
 * }
 * ```
 */
export class NatsPublisher {
  readonly #connection: Connection;
  readonly #onStatus: StatusListener;
  readonly #signal: AbortSignal | undefined;
  readonly #retryMs: number;
  readonly #retryForMs: number;
  readonly #clock: Clock;
  readonly #headers: () => MsgHdrs;
  readonly #inbox: string;
  readonly #subscription: Subscription;
  /** The batch before; the next one follows it. */
  #last: Promise<void> = Promise.resolve();
  #flight: Flight | undefined;
  #flights = 0;

  private constructor(options: NatsPublisherOptions, headers: () => MsgHdrs) {
    this.#headers = headers;
    this.#connection = options.connection as Connection;
    this.#onStatus = options.onStatus ?? (() => {});
    this.#signal = options.signal;
    this.#retryMs = options.retryMs ?? RETRY_MS;
    this.#retryForMs = options.retryForMs ?? Infinity;
    this.#clock = options.clock ?? systemClock;
    this.#inbox = `_INBOX.${crypto.randomUUID()}`;
    this.#subscription = this.#connection.subscribe(`${this.#inbox}.*.*`, {
      callback: (_error, message) => this.#answered(message.subject, message.data),
    });
  }

  /** Listens for acknowledgements on an inbox of its own. */
  static async open(options: NatsPublisherOptions): Promise<NatsPublisher> {
    // Loaded only where it is used: the streams also run in browsers.
    const { headers } = await import("@nats-io/nats-core");
    return new NatsPublisher(options, headers);
  }

  /**
   * Stores messages; resolves when every one is stored, whether now or before.
   *
   * @throws {DOMException} `AbortError`, when the signal aborts first.
   * @throws {Error} when retrying may last no longer.
   */
  publish(messages: readonly NatsMessage[]): Promise<void> {
    const published = this.#last.then(async () => {
      for (let start = 0; start < messages.length; start += UNACKNOWLEDGED_MAX) {
        await this.#store(messages.slice(start, start + UNACKNOWLEDGED_MAX));
      }
    });
    this.#last = published.catch(() => {});
    return published;
  }

  /** Listens no longer. */
  close(): void {
    this.#subscription.unsubscribe();
    this.#flight?.settle();
  }

  async #store(messages: readonly NatsMessage[]): Promise<void> {
    const open = new Set(messages.keys());
    const startedMs = this.#clock.now();
    for (let attempt = 1; open.size > 0; attempt++) {
      this.#signal?.throwIfAborted();
      if (this.#clock.now() - startedMs > this.#retryForMs) {
        throw new Error(`Cannot store ${open.size} messages: no answer for ${this.#retryForMs} ms`);
      }
      const refused = await this.#send(messages, open);
      if (open.size === 0) return;
      const why = refused ?? "no answer";
      this.#onStatus({ kind: "reconnecting", source: "nats", attempt, delayMs: REFUSED_MS, why });
      await this.#clock.sleep(REFUSED_MS, this.#signal);
    }
  }

  /** One attempt: sends what is open, in order, and waits for the answers, or not longer than allowed. */
  async #send(messages: readonly NatsMessage[], open: Set<number>): Promise<string | undefined> {
    const waiting = new AbortController();
    const stop = (): void => waiting.abort();
    this.#signal?.addEventListener("abort", stop, { once: true });
    const token = (this.#flights++).toString(36);
    const flight: Flight = { token, open, refused: undefined, settle: stop };
    this.#flight = flight;
    for (const index of open) {
      const { subject, id, data } = messages[index];
      const withId = this.#headers();
      withId.set("Nats-Msg-Id", id);
      const reply = `${this.#inbox}.${token}.${index}`;
      this.#connection.publish(subject, data, { headers: withId, reply });
    }
    await this.#clock.sleep(this.#retryMs, waiting.signal);
    this.#signal?.removeEventListener("abort", stop);
    this.#flight = undefined;
    return flight.refused;
  }

  #answered(subject: string, data: Uint8Array): void {
    const flight = this.#flight;
    const [token, index] = subject.slice(this.#inbox.length + 1).split(".");
    // An answer to an earlier attempt: the message will be acknowledged again, as a duplicate.
    if (flight === undefined || token !== flight.token) return;
    const text = decoder.decode(data);
    // A refusal names its error; no responders answer with an empty message.
    if (text === "" || text.includes('"error"')) {
      flight.refused = text === "" ? "no stream takes it" : text;
      flight.settle();
      return;
    }
    flight.open.delete(Number(index));
    if (flight.open.size === 0) flight.settle();
  }
}

const decoder = new TextDecoder();
