import { type Clock, systemClock } from "../clock.ts";
import { InputError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { StatusListener } from "../status.ts";
import type { Tick } from "../tick.ts";
import type { TickQueueOptions } from "../tick_queue.ts";
import { backoffMs, type BackoffOptions } from "./backoff.ts";
import { type FeedFrame, type FeedProtocol, type FeedSequence, jsonFeed } from "./feed_protocol.ts";
import { FeedSession } from "./feed_session.ts";
import { type OpenFeedSocket, openNativeSocket } from "./feed_socket.ts";
import { Intake } from "./intake.ts";
import { sourceOf } from "./source.ts";

/** Which feed, and how to live with it. */
export interface WebSocketSourceOptions {
  /** The feed's address. Default: the protocol's. */
  readonly url?: string;
  /** How to talk with it. Default: the wire format as JSON, without a subscription. */
  readonly protocol?: FeedProtocol;
  /** What happens when ticks come faster than they are read, and how many are held. */
  readonly queue?: TickQueueOptions;
  /** Headers of the handshake; not in browsers. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The waits between attempts to connect. */
  readonly backoff?: BackoffOptions;
  /** How old a series' data may get before the source reconnects. Default: the protocol's, or never. */
  readonly staleAfterMs?: number;
  /** How often the peer is asked for a sign of life. Default 20 s. */
  readonly pingIntervalMs?: number;
  /** How long its answer may take. Default 10 s. */
  readonly pongTimeoutMs?: number;
  /** How long opening may take. Default 10 s. */
  readonly connectTimeoutMs?: number;
  /**
   * How long old and new connection run side by side in a planned reconnect, if the new one brings no
   * tick before. Default 5 s. Repeated ticks are left out.
   */
  readonly overlapMs?: number;
  /** How long a connection may live before a planned reconnect. Default: nine tenths of the protocol's. */
  readonly sessionMs?: number;
  /** After a gap, put a tick without values in its middle, so that a model without a grid sees it too. */
  readonly gapMarkers?: boolean;
  /** Bytes of one message at most. */
  readonly frameBytesMax?: number;
  /** Opens sockets. Default: npm `ws` in Deno and Node.js, the native WebSocket in browsers. */
  readonly openSocket?: OpenFeedSocket;
  /** Time. */
  readonly clock?: Clock;
  /** Chance, for the jitter: numbers in [0, 1). */
  readonly random?: () => number;
  /** Ends the source: it closes the connection and gives what it still holds. */
  readonly signal?: AbortSignal;
  /** Hears of connections, rejected, dropped and repeated ticks, gaps and silence. */
  readonly onStatus?: StatusListener;
}

/**
 * Ticks from a WebSocket feed that is kept alive: it reconnects with backoff and full jitter and
 * subscribes again, asks a silent peer for a sign of life, watches the age of every series' data,
 * renews a connection before the feed would end it, and leaves out what two connections both brought.
 *
 * A full queue holds the feed back by TCP, or drops by its policy. A socket that cannot be paused (in
 * browsers) drops the oldest where it should block, and says so by a status.
 *
 * @param options Which feed and how.
 * @returns The ticks, whatever has arrived since the last pull. It ends only by its signal or reader.
 * @throws {TypeError} when there is no address.
 *
 * @example Foreign JSON, from a server of our own
 * ```ts
 * import { jsonFeed, webSocketSource } from "@tickcast/tickcast/streams";
 * import { deepEqual } from "node:assert/strict";
 *
 * const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, (request) => {
 *   const { socket, response } = Deno.upgradeWebSocket(request);
 *   socket.onmessage = () => socket.send('{"symbol":"X","price":"1.5","at":1000}');
 *   return response;
 * });
 * const ticks = webSocketSource({
 *   url: `ws://127.0.0.1:${server.addr.port}`,
 *   protocol: jsonFeed({
 *     subscribe: [{ op: "subscribe", channel: "trades" }],
 *     seriesPath: "symbol",
 *     valuePath: "price",
 *     timePath: "at",
 *   }),
 *   staleAfterMs: 60_000,
 * });
 * for await (const batch of ticks) {
 *   deepEqual(batch, [{ series: "X", time: 1000, values: { value: 1.5 } }]);
 *   break;
 * }
 * await server.shutdown();
 * ```
 */
export function webSocketSource(
  options: WebSocketSourceOptions,
): ReadableStream<readonly Tick[]> {
  const url = options.url ?? options.protocol?.url;
  if (url === undefined) throw new TypeError("Cannot follow a feed without a URL");
  return sourceOf(async function* (stop): AsyncGenerator<readonly Tick[]> {
    const open = options.openSocket ?? await platformSocket();
    const feed = new Feed(url, options, open, stop);
    const running = feed.run();
    try {
      for (let batch; (batch = await feed.take()) !== undefined;) yield batch;
    } finally {
      await running;
    }
  }, options.signal);
}

async function platformSocket(): Promise<OpenFeedSocket> {
  const { process } = globalThis as { process?: { versions?: { node?: string } } };
  // Deno has this too. In browsers bundlers put a stub that throws in the place of `ws`.
  if (process?.versions?.node === undefined) return openNativeSocket;
  return (await import("./feed_socket_ws.ts")).openWsSocket;
}

/** Keeps one productive connection, and another beside it while renewing. */
class Feed {
  readonly #url: string;
  readonly #options: WebSocketSourceOptions;
  readonly #protocol: FeedProtocol;
  readonly #clock: Clock;
  readonly #open: OpenFeedSocket;
  readonly #stop: AbortSignal;
  readonly #intake: Intake;
  readonly #sessions = new Set<FeedSession>();
  /** The last number of each sequence that goes on across connections. */
  readonly #sequences = new Map<string, number>();
  readonly #staleAfterMs: number;
  #paused = false;
  #renew: (why: string) => void = () => {};

  constructor(
    url: string,
    options: WebSocketSourceOptions,
    open: OpenFeedSocket,
    stop: AbortSignal,
  ) {
    this.#url = url;
    this.#options = options;
    this.#open = open;
    this.#stop = stop;
    this.#protocol = options.protocol ?? jsonFeed();
    this.#clock = options.clock ?? systemClock;
    this.#staleAfterMs = options.staleAfterMs ?? this.#protocol.staleAfterMs ?? Infinity;
    this.#intake = new Intake({
      name: this.#protocol.name,
      queue: options.queue,
      gapMarkers: options.gapMarkers,
      staleAfterMs: this.#staleAfterMs,
      watch: this.#protocol.series,
      clock: this.#clock,
      onStatus: options.onStatus,
    });
  }

  async take(): Promise<readonly Tick[] | undefined> {
    const batch = await this.#intake.queue.take();
    if (this.#paused && this.#intake.queue.drained) {
      this.#paused = false;
      // The silence was our own.
      this.#intake.excuse();
      for (const session of this.#sessions) session.resume();
    }
    return batch;
  }

  /** Runs until stopped; then the queue is closed and all connections are. */
  async run(): Promise<void> {
    const watching = this.#watch();
    let attempt = 0;
    let old: FeedSession | undefined;
    let why = "";
    while (!this.#stop.aborted) {
      if (attempt > 0) await this.#wait(attempt, why);
      if (this.#stop.aborted) break;
      const session = this.#connect();
      if (!await this.#untilStopped(session.opened, false)) {
        why = await this.#untilStopped(session.ended, "stopped");
        // It may have brought ticks while it was still subscribing.
        attempt = session.productive ? 1 : attempt + 1;
        if (session.productive) this.#intake.broken();
        continue;
      }
      this.#status("connected");
      if (this.#paused) session.pause();
      if (old && !this.#sessions.has(old)) this.#intake.broken();
      else if (old) void this.#retire(old, session);
      old = undefined;
      const end = await this.#live(session);
      why = end.why;
      // A server that accepts and closes at once must not be asked at once again.
      attempt = session.productive ? 0 : attempt + 1;
      if (end.renew) old = session;
      else {
        attempt = Math.max(1, attempt);
        this.#intake.broken();
      }
    }
    for (const session of this.#sessions) session.close();
    await Promise.all([...this.#sessions].map((session) => session.ended));
    this.#intake.queue.close();
    await watching;
    this.#options.onStatus?.({ kind: "ended", source: this.#protocol.name });
  }

  async #wait(attempt: number, why: string): Promise<void> {
    const { random = Math.random, backoff, onStatus } = this.#options;
    const delayMs = backoffMs(attempt, random(), backoff);
    onStatus?.({ kind: "reconnecting", source: this.#protocol.name, attempt, delayMs, why });
    await this.#clock.sleep(delayMs, this.#stop);
  }

  #connect(): FeedSession {
    const { headers, frameBytesMax = limits.frameBytes } = this.#options;
    this.#status("connecting");
    const session = new FeedSession({
      url: this.#url,
      protocol: this.#protocol,
      clock: this.#clock,
      open: this.#open,
      socket: { headers, frameBytesMax },
      connectTimeoutMs: this.#options.connectTimeoutMs ?? 10_000,
      pingIntervalMs: this.#options.pingIntervalMs ?? 20_000,
      pongTimeoutMs: this.#options.pongTimeoutMs ?? 10_000,
      onFrame: (frame, from): void => this.#frame(frame, from),
    });
    this.#sessions.add(session);
    void session.ended.then(() => this.#sessions.delete(session));
    return session;
  }

  /** Waits until a connection ends, or should be renewed while it still lives. */
  async #live(session: FeedSession): Promise<{ why: string; renew: boolean }> {
    const over = new AbortController();
    const { sessionMs = 0.9 * (this.#protocol.sessionMs ?? Infinity) } = this.#options;
    const renewal = new Promise<string>((resolve) => {
      this.#renew = resolve;
      if (sessionMs < Infinity) {
        void this.#clock.sleep(sessionMs, over.signal).then(() =>
          resolve("session is near its limit")
        );
      }
    });
    const end = await Promise.race([
      this.#untilStopped(session.ended, "stopped").then((why) => ({ why, renew: false })),
      renewal.then((why) => ({ why, renew: true })),
    ]);
    over.abort();
    this.#renew = (): void => {};
    return end;
  }

  /** Ends an old connection once the new one brings ticks, or has had its time. */
  async #retire(old: FeedSession, successor: FeedSession): Promise<void> {
    const endMs = this.#clock.now() + (this.#options.overlapMs ?? 5000);
    while (!successor.productive && this.#sessions.has(old) && this.#clock.now() < endMs) {
      await this.#clock.sleep(Math.min(50, endMs - this.#clock.now()), this.#stop);
      if (this.#stop.aborted) return;
    }
    old.close();
  }

  async #watch(): Promise<void> {
    if (this.#staleAfterMs === Infinity) return;
    while (!this.#stop.aborted) {
      await this.#clock.sleep(this.#staleAfterMs / 4, this.#stop);
      if (this.#stop.aborted || this.#paused) continue;
      const stale = this.#intake.checkAges();
      if (stale.length > 0) this.#renew(`${stale[0].series} is silent for ${stale[0].ageMs} ms`);
    }
  }

  #frame(raw: string | Uint8Array, session: FeedSession): void {
    const arrival = this.#clock.now();
    const frame = this.#decode(raw, arrival);
    for (const error of frame.rejected ?? []) this.#intake.reject(error);
    if (frame.error !== undefined) {
      this.#intake.reject(new InputError("unknown", "", frame.error));
    }
    for (const series of frame.alive ?? []) {
      if (series === "*") this.#intake.excuse();
      else this.#intake.alive(series, arrival);
    }
    for (const sequence of frame.sequences ?? []) this.#sequence(sequence, session, frame);
    const fresh = this.#intake.admit(frame.ticks, arrival);
    if (frame.ticks.length > 0) session.productive = true;
    if (fresh.length > 0) this.#enqueue(fresh, session);
    if (frame.reply !== undefined) session.send(frame.reply);
    if (frame.reconnect !== undefined) this.#renew(frame.reconnect);
  }

  #decode(raw: string | Uint8Array, arrival: number): FeedFrame {
    try {
      return this.#protocol.decode(raw, arrival);
    } catch (cause) {
      // A protocol of the user's own may throw; one bad frame must not end the feed.
      const detail = `cannot decode: ${cause instanceof Error ? cause.message : cause}`;
      return { ticks: [], rejected: [new InputError("malformed", "", detail, { cause })] };
    }
  }

  /** Numbers that skip tell of lost messages; the ticks of the frame tell when. */
  #sequence(sequence: FeedSequence, session: FeedSession, frame: FeedFrame): void {
    const { channel, number, series = channel, lasting = false, past = false } = sequence;
    // Beside another connection this one may be ahead or behind: then it is compared with itself alone.
    const before = lasting && this.#sessions.size === 1 ? this.#sequences.get(channel) : undefined;
    const last = session.sequences.get(channel) ?? before;
    raise(session.sequences, channel, number);
    if (lasting) raise(this.#sequences, channel, number);
    if (last === undefined) return;
    // The numbers tell exactly what was missed while there was no connection, if anything.
    if (lasting) this.#intake.mend(series);
    const missing = number - last - (past ? 0 : 1);
    if (missing <= 0) return;
    const to = frame.ticks[0]?.time ?? this.#clock.now();
    this.#intake.gap(series, this.#intake.lastTime(series) ?? to, to, missing);
  }

  #enqueue(ticks: readonly Tick[], session: FeedSession): void {
    this.#intake.enqueue(ticks, session.canPause);
    if (!this.#intake.mustWait || !session.canPause || this.#paused) return;
    this.#paused = true;
    for (const other of this.#sessions) other.pause();
  }

  #status(kind: "connecting" | "connected"): void {
    this.#options.onStatus?.({ kind, source: this.#protocol.name });
  }

  /** A promise that also settles when the source is stopped. */
  #untilStopped<T>(promise: Promise<T>, otherwise: T): Promise<T> {
    return new Promise((resolve) => {
      const stopped = (): void => resolve(otherwise);
      this.#stop.addEventListener("abort", stopped, { once: true });
      if (this.#stop.aborted) stopped();
      void promise.then((value) => {
        this.#stop.removeEventListener("abort", stopped);
        resolve(value);
      });
    });
  }
}

function raise(numbers: Map<string, number>, channel: string, number: number): void {
  if (!(number <= (numbers.get(channel) ?? -1))) numbers.set(channel, number);
}
