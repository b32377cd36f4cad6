import {
  type Clock,
  encodeSse,
  FanOut,
  type SseSubscriber,
  sseSubscriber,
  systemClock,
} from "../../streams/mod.ts";
import type { Forecast } from "../forecast/forecast.ts";
import type { Access } from "./access/access.ts";
import type { Grant } from "./access/tokens.ts";
import type { ConnectionLimit } from "./connection_limit.ts";
import type { Engine } from "./engine.ts";
import { encodeForecast } from "./wire.ts";

/** Forecasts remembered for those that come back: some seconds of a busy server, about 6 MB. */
const REMEMBERED = 4096;

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
  readonly #clock: Clock;
  readonly #open = new Map<SseSubscriber, Grant>();
  #closing = false;
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
    this.#clock = clock;
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
    const release = this.#closing ? undefined : this.#connections.take();
    if (release === undefined) return undefined;
    const stream = sseSubscriber({ encoded: true, clock: this.#clock });
    const { body, socket } = stream;
    this.#open.set(stream, grant);
    socket.on("close", () => {
      release();
      this.#open.delete(stream);
    });
    // The answer begins with its first bytes, and the first forecast may be an hour away.
    const write = (text: string): void => socket.send(text, { binary: false }, () => {});
    write(": open\n\n");
    for (const item of this.#before(series, after)) write(encodeEvent(item));
    this.#fanOut.subscribe(socket, series);
    return body;
  }

  /** Ends the streams whose token is gone. */
  review(): void {
    for (const [stream, grant] of this.#open) if (!this.#access.holds(grant)) stream.close();
  }

  /** Ends all streams. */
  close(): void {
    this.#unsubscribe();
    this.#closing = true;
    for (const stream of [...this.#open.keys()]) stream.close();
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
}

function encodeEvent({ number, forecast }: Numbered): string {
  return encodeSse({ id: `${number}`, data: encodeForecast(forecast) });
}
