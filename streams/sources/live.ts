import { type Clock, systemClock } from "../clock.ts";
import type { InputError } from "../errors.ts";
import type { StatusListener } from "../status.ts";
import type { Tick } from "../tick.ts";
import type { TickQueueOptions } from "../tick_queue.ts";
import { backoffMs, type BackoffOptions } from "./backoff.ts";
import { Intake } from "./intake.ts";
import { sourceOf } from "./source.ts";

/** What every live source can be told. */
export interface LiveOptions {
  /** What the source is called in statuses. Each kind of source has a name of its own. */
  readonly name?: string;
  /** What happens when ticks come faster than they are read, and how many are held. */
  readonly queue?: TickQueueOptions;
  /** The waits between attempts to connect. */
  readonly backoff?: BackoffOptions;
  /** How old a series' data may get before it is told. By default any age is fine. */
  readonly staleAfterMs?: number;
  /** The series to watch from the start; others are watched from their first tick. */
  readonly watch?: readonly string[];
  /** After a gap, put a tick without values in its middle, so that a model without a grid sees it too. */
  readonly gapMarkers?: boolean;
  /** Time. */
  readonly clock?: Clock;
  /** Chance, for the jitter: numbers in [0, 1). */
  readonly random?: () => number;
  /** Ends the source: it closes the connection and gives what it still holds. */
  readonly signal?: AbortSignal;
  /** Hears of connections, rejected, dropped and repeated ticks, gaps and silence. */
  readonly onStatus?: StatusListener;
}

/** What one connection of a live source may do. */
export interface LiveSession {
  /** Aborts when the connection should end. */
  readonly signal: AbortSignal;
  /** It is open and subscribed. `unbroken` where nothing was missed since the connection before. */
  connected(unbroken?: boolean): void;
  /** Tells of something that could not be used. */
  reject(error: InputError): void;
  /** Resolves when the sender may go on. */
  deliver(ticks: readonly Tick[], arrival: number): Promise<void>;
  /** Resolves when the reader has done its work on everything delivered; false where it never will. */
  read(): Promise<boolean>;
}

/**
 * Makes a source out of connections that come and go: it reconnects with backoff and full jitter, tells
 * gaps and silence, and stands between the connection and a reader that may be slow.
 *
 * @param options The caller's options, with the source's name.
 * @param connect Lives through one connection and resolves with why it ended; never rejects.
 * @param renewWhenStale Whether a new connection may help a silent series.
 * @returns The source. A batch counts as read when the reader asks for the next.
 */
export function liveSource(
  options: LiveOptions & { readonly name: string },
  connect: (session: LiveSession) => Promise<string>,
  renewWhenStale: boolean,
): ReadableStream<readonly Tick[]> {
  return sourceOf(
    async function* (stop): AsyncGenerator<readonly Tick[]> {
      const live = new Live(options, connect, renewWhenStale, stop);
      const running = live.run();
      try {
        for (let batch; (batch = await live.take()) !== undefined;) yield batch;
      } finally {
        live.leave();
        await running;
      }
    },
    options.signal,
    0,
  );
}

class Live {
  readonly #options: LiveOptions & { readonly name: string };
  readonly #connect: (session: LiveSession) => Promise<string>;
  readonly #renewWhenStale: boolean;
  readonly #clock: Clock;
  readonly #stop: AbortSignal;
  readonly #intake: Intake;
  /** Those who wait for the reader. */
  #waiting: (() => void)[] = [];
  /** The reader has a batch and did not ask for another yet. */
  #reading = false;
  #left = false;
  #renew: (why: string) => void = () => {};

  constructor(
    options: LiveOptions & { readonly name: string },
    connect: (session: LiveSession) => Promise<string>,
    renewWhenStale: boolean,
    stop: AbortSignal,
  ) {
    this.#options = options;
    this.#connect = connect;
    this.#renewWhenStale = renewWhenStale;
    this.#stop = stop;
    this.#clock = options.clock ?? systemClock;
    this.#intake = new Intake({
      ...options,
      staleAfterMs: options.staleAfterMs ?? Infinity,
      clock: this.#clock,
    });
  }

  async take(): Promise<readonly Tick[] | undefined> {
    this.#reading = false;
    this.#wake();
    const batch = await this.#intake.queue.take();
    this.#reading = batch !== undefined;
    return batch;
  }

  /** The reader is gone. */
  leave(): void {
    this.#left = true;
    this.#wake();
  }

  async run(): Promise<void> {
    const { name: source, onStatus } = this.#options;
    const close = (): void => this.#intake.queue.close();
    this.#stop.addEventListener("abort", close, { once: true });
    if (this.#stop.aborted) close();
    const watching = this.#watch();
    let attempt = 0;
    let why = "";
    while (!this.#stop.aborted) {
      if (attempt > 0) await this.#wait(attempt, why);
      if (this.#stop.aborted) break;
      onStatus?.({ kind: "connecting", source });
      const session = this.#session();
      try {
        const renewal = new Promise<string>((resolve) => this.#renew = resolve);
        void renewal.then(() => session.over.abort());
        why = await this.#connect(session);
        why = session.over.signal.aborted && !this.#stop.aborted ? await renewal : why;
      } finally {
        session.over.abort();
      }
      // A server that accepts and closes at once must not be asked at once again.
      attempt = session.productive ? 1 : attempt + 1;
    }
    await watching;
    onStatus?.({ kind: "ended", source });
  }

  #session(): LiveSession & { readonly over: AbortController; productive: boolean } {
    const over = new AbortController();
    const stopped = (): void => over.abort();
    this.#stop.addEventListener("abort", stopped, { once: true });
    over.signal.addEventListener("abort", () => {
      this.#stop.removeEventListener("abort", stopped);
      this.#wake();
    }, { once: true });
    if (this.#stop.aborted) stopped();
    const session = {
      over,
      productive: false,
      signal: over.signal,
      connected: (unbroken = false): void => {
        if (!unbroken) this.#intake.broken();
        this.#options.onStatus?.({ kind: "connected", source: this.#options.name });
      },
      reject: (error: InputError): void => this.#intake.reject(error),
      deliver: async (ticks: readonly Tick[], arrival: number): Promise<void> => {
        if (ticks.length > 0) session.productive = true;
        const fresh = this.#intake.admit(ticks, arrival);
        if (fresh.length > 0) this.#intake.enqueue(fresh, true);
        if (!this.#intake.mustWait) return;
        while (!this.#intake.queue.drained && !over.signal.aborted) await this.#woken();
        // The silence was our own.
        this.#intake.excuse();
      },
      read: async (): Promise<boolean> => {
        // Where ticks may be dropped anyway, nobody is kept waiting for them.
        if ((this.#options.queue?.policy ?? "block") !== "block") return true;
        const waitedFrom = this.#clock.now();
        while (this.#reading || this.#intake.queue.size > 0) {
          if (this.#left) return false;
          await this.#woken();
        }
        if (this.#clock.now() > waitedFrom) this.#intake.excuse();
        return true;
      },
    };
    return session;
  }

  async #wait(attempt: number, why: string): Promise<void> {
    const { name: source, random = Math.random, backoff, onStatus } = this.#options;
    const delayMs = backoffMs(attempt, random(), backoff);
    onStatus?.({ kind: "reconnecting", source, attempt, delayMs, why });
    await this.#clock.sleep(delayMs, this.#stop);
  }

  async #watch(): Promise<void> {
    const { staleAfterMs = Infinity } = this.#options;
    if (staleAfterMs === Infinity) return;
    while (!this.#stop.aborted) {
      await this.#clock.sleep(staleAfterMs / 4, this.#stop);
      if (this.#stop.aborted || this.#reading) continue;
      const stale = this.#intake.checkAges();
      if (stale.length === 0 || !this.#renewWhenStale) continue;
      this.#renew(`${stale[0].series} is silent for ${stale[0].ageMs} ms`);
    }
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
