import type { ConsumerMessages, JsMsg } from "@nats-io/jetstream";
import type { NatsConnection as Connection } from "@nats-io/nats-core";
import type { NatsConnection } from "../nats_connection.ts";
import { type Clock, systemClock } from "../clock.ts";
import type { StatusListener } from "../status.ts";

/** Entries that may be delivered and not acknowledged: two checkpoints' worth of a fast feed. */
const UNACKNOWLEDGED_MAX = 200_000;
/** Entries asked for at once. */
const PULL_MAX = 10_000;
/** Silence, with entries waiting, after which the consumer is taken for stuck. */
const STUCK_MS = 5_000;
/** How long the server keeps a pull open, and how often it says that it is alive. */
const PULL = { expires: 30_000, idle_heartbeat: 1_000 };
/** Acknowledgements are one for all before, at checkpoints: redelivery is for the stuck check to do. */
const ACK_WAIT_NS = 3600 * 1e9;

/** One message of a stream. */
export interface LogEntry {
  /** Its place in the stream, from 1, ascending. */
  readonly sequence: number;
  /** Its subject. */
  readonly subject: string;
  /** What it says. */
  readonly data: Uint8Array;
}

/** Which part of which stream is read. */
export interface NatsLogOptions {
  /** The connection. It is not closed here. */
  readonly connection: NatsConnection;
  /** The stream. */
  readonly stream: string;
  /** The durable consumer's name. A reader that holds it is cut off. */
  readonly consumer: string;
  /** The last entry known already; reading begins after it. */
  readonly after: number;
  /** Hears of gaps, and of consumers that had to be made again. */
  readonly onStatus?: StatusListener;
  /** Where time comes from. */
  readonly clock?: Clock;
  /** Entries that may be delivered and not acknowledged. The server holds back more. */
  readonly unacknowledgedMax?: number;
  /** Silence, with entries waiting, after which the consumer is made again. */
  readonly stuckMs?: number;
}

/** Loaded only where it is used: the streams also run in browsers. */
type Library = typeof import("@nats-io/jetstream");

/**
 * Reads a stream of JetStream as a log: every entry once and in order, from a given place, whatever the
 * server forgets or delivers again.
 *
 * The durable consumer is made anew at that place, since a server that was killed may have lost what was
 * acknowledged; while reading, its progress is watched, and a stuck one is made again.
 *
 * @example Where a server runs, and has a stream of that name
 * ```ts
 * import { NatsLog } from "@tickcast/tickcast/streams";
 * import { connect } from "@nats-io/transport-node";
 *
 * const connection = await connect({ servers: "127.0.0.1:1" }).catch(() => undefined);
 * if (connection !== undefined) {
 *   const log = await NatsLog.open({ connection, stream: "TICKS", consumer: "reader", after: 0 });
 *   for (const { sequence, subject } of await log.read()) console.log(sequence, subject);
 *   await log.close();
 *   await connection.close();
 * }
 * ```
 */
export class NatsLog {
  readonly #options: NatsLogOptions;
  readonly #connection: Connection;
  readonly #library: Library;
  readonly #clock: Clock;
  readonly #onStatus: StatusListener;
  readonly #closing = new AbortController();
  #messages: ConsumerMessages | undefined;
  /** Read by nobody yet; bounded by what may be unacknowledged. */
  #arrived: LogEntry[] = [];
  /** The last message of each batch read, by which all before are acknowledged. */
  #ends: JsMsg[] = [];
  #newest: JsMsg | undefined;
  #last: number;
  #acknowledged: number;
  /** True when an entry was seen out of place: the consumer cannot be trusted. */
  #disordered = false;
  #wake: (() => void) | undefined;
  #watching: Promise<void> = Promise.resolve();

  private constructor(options: NatsLogOptions, library: Library) {
    this.#library = library;
    this.#connection = options.connection as Connection;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#onStatus = options.onStatus ?? (() => {});
    this.#last = this.#acknowledged = options.after;
  }

  /**
   * Starts reading.
   *
   * @throws {Error} when the stream does not exist or the server does not answer.
   */
  static async open(options: NatsLogOptions): Promise<NatsLog> {
    const log = new NatsLog(options, await import("@nats-io/jetstream"));
    await log.#consume();
    log.#watching = log.#watch();
    return log;
  }

  /** The last entry that has arrived. */
  get last(): number {
    return this.#last;
  }

  /** The next entries: whatever has arrived, at least one. Empty when the log was closed. */
  async read(): Promise<readonly LogEntry[]> {
    while (this.#arrived.length === 0 && !this.#closing.signal.aborted) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    const entries = this.#arrived;
    this.#arrived = [];
    if (this.#newest !== undefined) this.#ends.push(this.#newest);
    this.#newest = undefined;
    return entries;
  }

  /** Tells the server that entries up to a sequence are no longer needed. Only bookkeeping. */
  acknowledge(sequence: number): void {
    const done = this.#ends.filter((message) => message.seq <= sequence);
    this.#ends = this.#ends.filter((message) => message.seq > sequence);
    done.at(-1)?.ack();
    this.#acknowledged = Math.max(this.#acknowledged, done.at(-1)?.seq ?? 0);
  }

  /** Stops reading. The durable consumer stays. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#wake?.();
    await this.#watching;
    await this.#messages?.close();
  }

  get #unacknowledgedMax(): number {
    return this.#options.unacknowledgedMax ?? UNACKNOWLEDGED_MAX;
  }

  /** Makes the durable consumer anew, after the last entry that arrived. */
  async #consume(): Promise<void> {
    const { stream, consumer } = this.#options;
    const connection = this.#connection;
    const { AckPolicy, DeliverPolicy, jetstream, jetstreamManager } = this.#library;
    await this.#messages?.close();
    this.#messages = undefined;
    const manager = await jetstreamManager(connection);
    await manager.consumers.delete(stream, consumer).catch(() => {});
    await manager.consumers.add(stream, {
      durable_name: consumer,
      ack_policy: AckPolicy.All,
      ack_wait: ACK_WAIT_NS,
      max_ack_pending: this.#unacknowledgedMax,
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: this.#last + 1,
    });
    this.#disordered = false;
    this.#ends = [];
    const handle = await jetstream(connection).consumers.get(stream, consumer);
    this.#messages = await handle.consume({
      max_messages: PULL_MAX,
      ...PULL,
      callback: (message) => this.#take(message),
    });
  }

  #take(message: JsMsg): void {
    const { seq: sequence } = message;
    // Delivered before: a server that was killed forgets what it had delivered.
    if (sequence <= this.#last || this.#disordered) return;
    if (sequence !== this.#last + 1 && message.info.deliverySequence > 1) {
      this.#disordered = true;
      return;
    }
    if (sequence !== this.#last + 1) {
      const missing = sequence - this.#last - 1;
      const { stream: series } = this.#options;
      this.#onStatus({ kind: "gap", series, from: this.#last + 1, to: sequence - 1, missing });
    }
    this.#last = sequence;
    this.#newest = message;
    this.#arrived.push({ sequence, subject: message.subject, data: message.data });
    this.#wake?.();
  }

  /** Compares what waits with what was delivered, and makes a stuck consumer again. */
  async #watch(): Promise<void> {
    const { signal } = this.#closing;
    const { stream, consumer, stuckMs = STUCK_MS } = this.#options;
    let attempt = 0;
    while (true) {
      const before = this.#last;
      await this.#clock.sleep(stuckMs, signal);
      if (signal.aborted) return;
      const held = this.#last - this.#acknowledged >= this.#unacknowledgedMax;
      if (!this.#disordered && (this.#last !== before || held)) {
        attempt = 0;
        continue;
      }
      try {
        const manager = await this.#library.jetstreamManager(this.#connection);
        const { state } = await manager.streams.info(stream);
        const info = await manager.consumers.info(stream, consumer).catch(() => undefined);
        const idle = state.last_seq <= this.#last && info !== undefined;
        if (idle && !this.#disordered) continue;
        if (this.#last !== before && !this.#disordered) continue;
        attempt++;
        const why = `${state.last_seq - this.#last} entries of ${stream} wait, none is delivered`;
        this.#onStatus({ kind: "reconnecting", source: stream, attempt, delayMs: 0, why });
        await this.#consume();
      } catch (error) {
        // The server is away; the next round tries again.
        const detail = error instanceof Error ? error.message : String(error);
        this.#onStatus({ kind: "degraded", part: stream, detail });
      }
    }
  }
}
