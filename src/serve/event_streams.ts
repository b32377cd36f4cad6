import { type Clock, FanOut, limits, type ServerSocket, systemClock } from "../../streams/mod.ts";
import type { Forecast } from "../forecast/forecast.ts";
import type { Access } from "./access/access.ts";
import type { Grant } from "./access/tokens.ts";
import type { ConnectionLimit } from "./connection_limit.ts";
import type { Engine } from "./engine.ts";
import { encodeForecast } from "./wire.ts";

/** Forecasts remembered for those that come back: some seconds of a busy server, about 6 MB. */
const REMEMBERED = 4096;
/** How often a stream with nothing to say gives a sign of life: proxies close silent ones after 60 s. */
const SIGN_OF_LIFE_MS = 15_000;

interface Numbered {
  readonly number: number;
  readonly forecast: Forecast;
}

/**
 * Forecasts as server-sent events. An event's id is the number of its forecast, the same after a restart
 * of the server, so a reader that comes back with the last id it has seen misses none that is still
 * remembered.
 */
export class EventStreams {
  readonly #engine: Engine;
  readonly #access: Access;
  readonly #connections: ConnectionLimit;
  readonly #fanOut: FanOut<Numbered>;
  readonly #remembered: Numbered[] = [];
  readonly #open = new Map<EventStream, Grant>();
  readonly #ending = new AbortController();
  readonly #unsubscribe: () => void;

  /** Serves an engine. */
  constructor(
    engine: Engine,
    access: Access,
    connections: ConnectionLimit,
    clock: Clock = systemClock,
  ) {
    this.#engine = engine;
    this.#access = access;
    this.#connections = connections;
    this.#fanOut = new FanOut<Numbered>({
      series: ({ forecast }) => forecast.series,
      encode: encodeEvent,
      name: "event streams",
      onStatus: engine.report,
    });
    this.#unsubscribe = engine.onForecasts((forecasts, first) => {
      const items = forecasts.map((forecast, index) => ({ number: first + index, forecast }));
      this.#remembered.push(...items);
      // Cut now and then: cutting at every forecast would move thousands of them each time.
      if (this.#remembered.length > 2 * REMEMBERED) {
        this.#remembered.splice(0, this.#remembered.length - REMEMBERED);
      }
      return this.#fanOut.size > 0 ? this.#fanOut.publish(items) : undefined;
    });
    void this.#giveSignsOfLife(clock);
  }

  /** How many streams are open. */
  get size(): number {
    return this.#open.size;
  }

  /**
   * Opens a stream.
   *
   * @param grant Who reads.
   * @param series The series it wants, all where left out.
   * @param after The number of the last forecast it has; those after it come first. Where left out or
   * no longer remembered, the latest of each series comes first.
   * @returns The body of the answer; undefined where there are too many connections.
   */
  open(
    grant: Grant,
    series: readonly string[] | undefined,
    after: number | undefined,
  ): ReadableStream<Uint8Array> | undefined {
    const release = this.#ending.signal.aborted ? undefined : this.#connections.take();
    if (release === undefined) return undefined;
    const stream = new EventStream();
    this.#open.set(stream, grant);
    stream.on("close", () => {
      release();
      this.#open.delete(stream);
    });
    stream.comment("open");
    for (const item of this.#before(series, after)) stream.write(encodeEvent(item));
    this.#fanOut.subscribe(stream, series);
    return stream.body;
  }

  /** Ends the streams whose token is gone. */
  review(): void {
    for (const [stream, grant] of this.#open) if (!this.#access.holds(grant)) stream.terminate();
  }

  /** Ends all streams. */
  close(): void {
    this.#unsubscribe();
    this.#ending.abort();
    for (const stream of [...this.#open.keys()]) stream.terminate();
  }

  /** What a new reader gets first. */
  *#before(series: readonly string[] | undefined, after: number | undefined): Generator<Numbered> {
    const first = this.#remembered[0]?.number ?? Infinity;
    const last = this.#remembered.at(-1)?.number ?? 0;
    if (after !== undefined && after + 1 >= first && after <= last) {
      const wanted = series === undefined ? undefined : new Set(series);
      for (const item of this.#remembered.slice(after + 1 - first)) {
        if (wanted?.has(item.forecast.series) ?? true) yield item;
      }
      return;
    }
    for (const name of series ?? this.#engine.series()) {
      const forecast = this.#engine.latest(name);
      if (forecast !== undefined) yield { number: last, forecast };
    }
  }

  async #giveSignsOfLife(clock: Clock): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      await clock.sleep(SIGN_OF_LIFE_MS, signal);
      for (const stream of this.#open.keys()) stream.comment("");
    }
  }
}

function encodeEvent({ number, forecast }: Numbered): string {
  return `id: ${number}\ndata: ${encodeForecast(forecast)}\n\n`;
}

/** One answer that goes on, as the socket that a fan-out writes to. */
class EventStream implements ServerSocket {
  readonly OPEN = 1;
  readyState = 1;
  readonly body: ReadableStream<Uint8Array>;
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  readonly #utf8 = new TextEncoder();
  readonly #closeListeners = new Set<() => void>();
  /** Told when the reader has room again. */
  #unsent: (() => void)[] = [];

  constructor() {
    this.body = new ReadableStream(
      {
        start: (controller): void => {
          this.#controller = controller;
        },
        pull: (): void => {
          for (const done of this.#unsent.splice(0)) done();
        },
        cancel: (): void => this.#end(),
      },
      { highWaterMark: limits.socketBufferBytes, size: (chunk) => chunk?.byteLength ?? 0 },
    );
  }

  /** Writes an event before the fan-out does. */
  write(text: string): void {
    if (this.readyState === this.OPEN) this.#controller.enqueue(this.#utf8.encode(text));
  }

  /** Writes a line that readers pass over; not to one that has still to read. */
  comment(text: string): void {
    if ((this.#controller.desiredSize ?? 0) > 0) this.write(`: ${text}\n\n`);
  }

  send(data: Uint8Array, _options: { binary: boolean }, done: (error?: Error) => void): void {
    if (this.readyState !== this.OPEN) return done(new Error("The stream has ended"));
    this.#controller.enqueue(data);
    if ((this.#controller.desiredSize ?? 0) > 0) queueMicrotask(done);
    else this.#unsent.push(done);
  }

  on(event: "message" | "close" | "error", listener: (...args: never[]) => void): void {
    if (event === "close") this.#closeListeners.add(listener as () => void);
  }

  off(event: "close" | "error", listener: () => void): void {
    if (event === "close") this.#closeListeners.delete(listener);
  }

  pause(): void {}
  resume(): void {}

  close(): void {
    this.terminate();
  }

  terminate(): void {
    if (this.readyState !== this.OPEN) return;
    this.#end();
    this.#controller.close();
  }

  #end(): void {
    if (this.readyState !== this.OPEN) return;
    this.readyState = 3;
    for (const listener of this.#closeListeners) listener();
    for (const done of this.#unsent.splice(0)) done();
  }
}
