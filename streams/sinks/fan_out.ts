import { limits } from "../limits.ts";
import type { Corked, ServerSocket } from "../server_socket.ts";
import type { StatusListener } from "../status.ts";
import { FrameBatch } from "./frame_batch.ts";

/**
 * What happens to a subscriber that reads too slowly: it loses the oldest messages, it gets only the
 * latest of each series, or it is disconnected. There is no policy that holds the others up.
 */
export type OverflowPolicy = "drop-oldest" | "latest-per-series" | "disconnect";

/** How a {@linkcode FanOut} treats its subscribers. */
export interface FanOutOptions<T> {
  /** The series an item belongs to. */
  readonly series: (item: T) => string;
  /**
   * The item as a text message: a string, or its bytes in UTF-8, which are copied at once. Called once an
   * item, and not at all when nobody listens.
   */
  readonly encode: (item: T) => string | Uint8Array;
  /** What happens when a subscriber's queue is full. Default: `drop-oldest`. */
  readonly policy?: OverflowPolicy;
  /** Messages waiting for one subscriber at most. */
  readonly queueMessagesMax?: number;
  /** Bytes waiting for one subscriber at most. */
  readonly queueBytesMax?: number;
  /** Hears of what was dropped. */
  readonly onStatus?: StatusListener;
  /** What the sink is called in statuses. */
  readonly name?: string;
}

/** What a subscriber wants, and how much it has had. */
export interface Subscription {
  /** Messages written to its socket. */
  readonly sent: number;
  /** Messages it lost. */
  readonly dropped: number;
  /** Messages waiting for it. */
  readonly queued: number;
  /** Bytes waiting for it. */
  readonly queuedBytes: number;
  /** Ends it; the socket stays open. */
  unsubscribe(): void;
}

/** Messages between two turns of the event loop: a quarter of what the smallest queue should hold. */
const SLICE_MESSAGES = limits.subscriberQueueMessages / 4;

interface Message {
  readonly series: string;
  readonly bytes: Uint8Array;
}

/**
 * Sends items to many WebSocket subscribers, each behind its own bounded queue, so that a stalled one
 * costs at most that queue and slows no one else. A message is encoded once, however many get it.
 *
 * Use {@linkcode FanOut.sink} as the end of a chain, or {@linkcode FanOut.publish} directly.
 *
 * @example Forecast-like items for the subscribers of a series
 * ```ts
 * import { FanOut } from "@tickcast/tickcast/streams";
 * import { equal } from "node:assert/strict";
 *
 * const fanOut = new FanOut<{ series: string; mean: number }>({
 *   series: (item) => item.series,
 *   encode: (item) => JSON.stringify(item),
 * });
 * await ReadableStream.from([[{ series: "a", mean: 1 }]]).pipeTo(fanOut.sink());
 * equal(fanOut.size, 0);
 * ```
 */
export class FanOut<T> {
  readonly #options: FanOutOptions<T>;
  readonly #subscribers = new Set<Subscriber>();
  /** How many of them want all series. */
  #wantAll = 0;
  /** What is handed over next, and the series of each message. */
  readonly #batch = new FrameBatch();
  readonly #batchSeries: string[] = [];
  /** Hears that a subscriber has caught up, while that is waited for. */
  #onCaughtUp: (() => void) | undefined;

  /**
   * Opens without subscribers.
   *
   * @param options How to encode items, and what to do with slow subscribers.
   */
  constructor(options: FanOutOptions<T>) {
    this.#options = options;
  }

  /** How many subscribe. */
  get size(): number {
    return this.#subscribers.size;
  }

  /**
   * Adds a subscriber, until its socket closes.
   *
   * @param socket An open socket of npm `ws`.
   * @param series The series it wants; all where left out.
   * @param stream The stream below the socket, where it is at hand: messages of a batch then leave
   * together, which costs a fraction of a system call each.
   * @returns Its counters, and the way to end it.
   */
  subscribe(socket: ServerSocket, series?: Iterable<string>, stream?: Corked): Subscription {
    const wanted = series === undefined ? undefined : new Set(series);
    const onEnd = (): void => {
      if (this.#subscribers.delete(subscriber) && wanted === undefined) this.#wantAll--;
    };
    const onCaughtUp = (): void => this.#onCaughtUp?.();
    const subscriber = new Subscriber(socket, wanted, this.#options, onEnd, onCaughtUp, stream);
    this.#subscribers.add(subscriber);
    if (wanted === undefined) this.#wantAll++;
    return subscriber;
  }

  /**
   * Hands items to everyone who wants them. A large batch is handed over in slices with a turn of the
   * event loop between them, so that sockets which can keep up are written to and lose nothing; nobody
   * is waited for. Await one call before the next, or items may interleave.
   *
   * @param items The items, in order.
   */
  async publish(items: readonly T[]): Promise<void> {
    const { series, encode, policy = "drop-oldest", name = "fan-out", onStatus } = this.#options;
    let dropped = 0;
    for (const item of items) {
      const key = series(item);
      if (!this.#isWanted(key)) continue;
      this.#batch.add(encode(item));
      this.#batchSeries.push(key);
      const { length, byteLength } = this.#batch;
      if (length < SLICE_MESSAGES && byteLength < limits.socketBufferBytes) continue;
      dropped += this.#handOver();
      await this.#turn();
    }
    dropped += this.#handOver();
    if (dropped > 0) onStatus?.({ kind: "dropped", source: name, policy, count: dropped });
  }

  /** The fan-out as the end of a chain. */
  sink(): WritableStream<readonly T[]> {
    return new WritableStream({ write: (items): Promise<void> => this.publish(items) });
  }

  #isWanted(series: string): boolean {
    if (this.#wantAll > 0) return true;
    for (const subscriber of this.#subscribers) if (subscriber.wants(series)) return true;
    return false;
  }

  /**
   * A turn of the event loop. Where somebody could not take all, it lasts until the last of them has, or
   * the millisecond of a timer: whoever stalls is not waited for.
   */
  #turn(): Promise<void> {
    return new Promise((resolve) => {
      if (setImmediate !== undefined && !this.#isBehind()) return setImmediate(resolve);
      const end = (): void => {
        clearTimeout(late);
        this.#onCaughtUp = undefined;
        resolve();
      };
      const late = setTimeout(end, 0);
      this.#onCaughtUp = (): void => {
        if (!this.#isBehind()) end();
      };
    });
  }

  /** Whether somebody could not take all. */
  #isBehind(): boolean {
    for (const subscriber of this.#subscribers) if (subscriber.queued > 0) return true;
    return false;
  }

  /** Gives what was encoded to whom it is for: all of it at once where that is possible. */
  #handOver(): number {
    const { length } = this.#batch;
    if (length === 0) return 0;
    let dropped = 0;
    let frames: Uint8Array | undefined;
    const messages: Message[] = [];
    for (const subscriber of this.#subscribers) {
      if (subscriber.takesFrames) {
        subscriber.write(frames ??= this.#batch.frames(), length);
        continue;
      }
      subscriber.cork();
      for (let index = 0; index < length; index++) {
        const series = this.#batchSeries[index];
        if (!subscriber.wants(series)) continue;
        messages[index] ??= { series, bytes: this.#batch.message(index) };
        dropped += subscriber.offer(messages[index]);
      }
      subscriber.uncork();
    }
    this.#batch.clear();
    this.#batchSeries.length = 0;
    return dropped;
  }
}

const { setImmediate } = globalThis as { setImmediate?: (done: () => void) => unknown };

/** Sockets whose errors are heard, however often they subscribe. */
const guarded = new WeakSet<ServerSocket>();

class Subscriber implements Subscription {
  sent = 0;
  dropped = 0;
  queuedBytes = 0;
  readonly #socket: ServerSocket;
  readonly #series: ReadonlySet<string> | undefined;
  readonly #policy: OverflowPolicy;
  readonly #messagesMax: number;
  readonly #bytesMax: number;
  readonly #onEnd: () => void;
  readonly #onCaughtUp: () => void;
  readonly #stream: Corked | undefined;
  /** In order of insertion; keyed by series where only the latest counts, else by a running number. */
  readonly #queue = new Map<string | number, Message>();
  #next = 0;
  #inFlightBytes = 0;

  constructor(
    socket: ServerSocket,
    series: ReadonlySet<string> | undefined,
    options: Omit<FanOutOptions<never>, "series" | "encode">,
    onEnd: () => void,
    onCaughtUp: () => void,
    stream: Corked | undefined,
  ) {
    this.#socket = socket;
    this.#series = series;
    this.#policy = options.policy ?? "drop-oldest";
    this.#messagesMax = options.queueMessagesMax ?? limits.subscriberQueueMessages;
    this.#bytesMax = options.queueBytesMax ?? limits.subscriberQueueBytes;
    this.#onEnd = onEnd;
    this.#onCaughtUp = onCaughtUp;
    this.#stream = stream;
    socket.on("close", this.unsubscribe);
    // An error is always followed by close; without a listener it would end the process.
    if (!guarded.has(socket)) socket.on("error", () => {});
    guarded.add(socket);
  }

  get queued(): number {
    return this.#queue.size;
  }

  readonly unsubscribe = (): void => {
    this.#socket.off("close", this.unsubscribe);
    this.#queue.clear();
    this.queuedBytes = 0;
    this.#onEnd();
  };

  cork(): void {
    this.#stream?.cork();
  }

  uncork(): void {
    this.#stream?.uncork();
  }

  wants(series: string): boolean {
    return this.#series === undefined || this.#series.has(series);
  }

  /** Whether it takes all messages in one write: it wants all, and has room. */
  get takesFrames(): boolean {
    return this.#stream !== undefined && this.#series === undefined && this.queued === 0 &&
      this.#hasRoom();
  }

  /** Writes the frames of messages past its queue. */
  write(frames: Uint8Array, count: number): void {
    this.#inFlightBytes += frames.byteLength;
    this.#stream?.write(frames, (error) => {
      this.#inFlightBytes -= frames.byteLength;
      if (error) return;
      this.sent += count;
      this.#flush();
      if (this.queued === 0) this.#onCaughtUp();
    });
  }

  /** Queues a message and writes what the socket takes; gives back how many were dropped for it. */
  offer(message: Message): number {
    const key = this.#policy === "latest-per-series" ? message.series : this.#next++;
    let dropped = this.#remove(key);
    this.#queue.set(key, message);
    this.queuedBytes += message.bytes.byteLength;
    this.#flush();
    while (this.queued > this.#messagesMax || this.queuedBytes > this.#bytesMax) {
      if (this.#policy === "disconnect") {
        dropped += this.queued;
        this.#queue.clear();
        this.queuedBytes = 0;
        // A peer that reads nothing would not answer a closing handshake either.
        this.#socket.terminate();
      } else {
        const [oldest] = this.#queue.keys();
        dropped += this.#remove(oldest);
      }
    }
    this.dropped += dropped;
    return dropped;
  }

  #remove(key: string | number): number {
    const message = this.#queue.get(key);
    if (message === undefined) return 0;
    this.#queue.delete(key);
    this.queuedBytes -= message.bytes.byteLength;
    return 1;
  }

  #flush(): void {
    for (const [key, { bytes }] of this.#queue) {
      if (!this.#hasRoom()) return;
      this.#remove(key);
      this.#inFlightBytes += bytes.byteLength;
      this.#socket.send(bytes, { binary: false }, (error) => {
        this.#inFlightBytes -= bytes.byteLength;
        if (error) return;
        this.sent++;
        this.#flush();
        if (this.queued === 0) this.#onCaughtUp();
      });
    }
  }

  #hasRoom(): boolean {
    return this.#inFlightBytes < limits.socketBufferBytes &&
      this.#socket.readyState === this.#socket.OPEN;
  }
}
