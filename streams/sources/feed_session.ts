import type { Clock } from "../clock.ts";
import type { FeedProtocol } from "./feed_protocol.ts";
import type { FeedSocket, FeedSocketOptions, OpenFeedSocket } from "./feed_socket.ts";

/** What a session is made of. */
export interface FeedSessionOptions {
  readonly url: string;
  readonly protocol: FeedProtocol;
  readonly clock: Clock;
  readonly open: OpenFeedSocket;
  readonly socket: FeedSocketOptions;
  readonly connectTimeoutMs: number;
  readonly pingIntervalMs: number;
  readonly pongTimeoutMs: number;
  /** Hears every frame. */
  readonly onFrame: (frame: string | Uint8Array, session: FeedSession) => void;
}

/** One connection to a feed, from opening to its end: subscribes, and notices when the peer is gone. */
export class FeedSession {
  /** True once open and subscribed; false where that failed. */
  readonly opened: Promise<boolean>;
  /** Why it ended. Never rejects. */
  readonly ended: Promise<string>;
  /** Whether it has brought ticks. */
  productive = false;
  /** The last number of each sequence on this connection. */
  readonly sequences = new Map<string, number>();
  readonly #options: FeedSessionOptions;
  readonly #stop = new AbortController();
  readonly #settleOpened: (opened: boolean) => void;
  readonly #settleEnded: (why: string) => void;
  readonly #socket: FeedSocket;
  /** Frames and pongs: signs that the peer lives. */
  #heard = 0;
  #frames = 0;
  #paused = false;

  constructor(options: FeedSessionOptions) {
    this.#options = options;
    const opened = Promise.withResolvers<boolean>();
    const ended = Promise.withResolvers<string>();
    this.opened = opened.promise;
    this.ended = ended.promise;
    this.#settleOpened = opened.resolve;
    this.#settleEnded = ended.resolve;
    this.#socket = options.open(options.url, {
      onOpen: (): void => void this.#start(),
      onFrame: (frame): void => {
        this.#heard++;
        this.#frames++;
        if (!this.#stop.signal.aborted) options.onFrame(frame, this);
      },
      onPong: (): void => void this.#heard++,
      onClose: (why): void => this.#end(why),
    }, options.socket);
    void this.#limitConnecting();
  }

  /** Whether it can be held back. */
  get canPause(): boolean {
    return this.#socket.pause !== undefined;
  }

  send(text: string): void {
    if (!this.#stop.signal.aborted) this.#socket.send(text);
  }

  pause(): void {
    this.#paused = true;
    this.#socket.pause?.();
  }

  resume(): void {
    this.#paused = false;
    // The silence was our own.
    this.#heard++;
    this.#frames++;
    this.#socket.resume?.();
  }

  /** Ends it politely; what the peer still sends is heard. */
  close(): void {
    if (!this.#stop.signal.aborted) this.#socket.close();
  }

  /** Ends it at once. */
  terminate(why: string): void {
    this.#socket.terminate();
    this.#end(why);
  }

  #end(why: string): void {
    this.#stop.abort();
    this.#settleOpened(false);
    this.#settleEnded(why);
  }

  async #limitConnecting(): Promise<void> {
    const { clock, connectTimeoutMs } = this.#options;
    const timer = new AbortController();
    void this.opened.then(() => timer.abort());
    await clock.sleep(connectTimeoutMs, timer.signal);
    if (!timer.signal.aborted) this.terminate(`not open after ${connectTimeoutMs} ms`);
  }

  async #start(): Promise<void> {
    const { protocol, clock } = this.#options;
    const { subscribe, sendIntervalMs = 0 } = protocol;
    for (const [i, message] of subscribe.entries()) {
      if (i > 0 && sendIntervalMs > 0) await clock.sleep(sendIntervalMs, this.#stop.signal);
      this.send(message);
    }
    this.#settleOpened(!this.#stop.signal.aborted);
    await Promise.all([this.#keepAlive(), this.#limitSilence()]);
  }

  async #limitSilence(): Promise<void> {
    const { clock, protocol: { idleMs } } = this.#options;
    const { signal } = this.#stop;
    while (idleMs !== undefined && !signal.aborted) {
      const framesBefore = this.#frames;
      await clock.sleep(idleMs, signal);
      if (signal.aborted || this.#paused || this.#frames > framesBefore) continue;
      this.terminate(`nothing heard for ${idleMs} ms`);
    }
  }

  async #keepAlive(): Promise<void> {
    const { clock, pingIntervalMs, pongTimeoutMs, protocol } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await clock.sleep(pingIntervalMs, signal);
      if (signal.aborted) return;
      if (protocol.keepAlive !== undefined) this.send(protocol.keepAlive);
      // While paused nothing is read, so the silence is our own.
      if (this.#paused || !this.#socket.ping) continue;
      const heardBefore = this.#heard;
      this.#socket.ping();
      await clock.sleep(pongTimeoutMs, signal);
      if (signal.aborted || this.#paused) continue;
      if (this.#heard === heardBefore) this.terminate(`no pong after ${pongTimeoutMs} ms`);
    }
  }
}
