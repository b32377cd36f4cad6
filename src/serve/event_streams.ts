import {
  type Clock,
  encodeSse,
  FanOut,
  type SseSubscriber,
  sseSubscriber,
  systemClock,
} from "../../streams/mod.ts";
import { RowRing } from "../evaluate/row_ring.ts";
import type { Forecast } from "../forecast/forecast.ts";
import type { Access } from "./access/access.ts";
import type { Grant } from "./access/tokens.ts";
import type { ConnectionLimit } from "./connection_limit.ts";
import type { Engine } from "./engine.ts";
import { ForecastPacker } from "./packed_forecast.ts";
import { encodeForecast } from "./wire.ts";

/** Forecasts remembered for those that come back: some seconds of a busy server, 4 MB of twelve steps each. */
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
  readonly #packer: ForecastPacker;
  /** The latest forecasts, packed, */
  readonly #remembered: RowRing;
  /** their series, the one of forecast n at n modulo as many as are remembered, */
  readonly #rememberedSeries = new Array<string>(REMEMBERED);
  /** and the number of the last of them; 0 before the first. */
  #last = 0;
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
    this.#packer = new ForecastPacker(engine.forecaster);
    this.#remembered = new RowRing(REMEMBERED, this.#packer.width);
    this.#unsubscribe = engine.onForecasts((forecasts, first) => {
      this.#last = first - 1;
      for (const forecast of forecasts) {
        const at = this.#remembered.next();
        this.#packer.pack(forecast, this.#remembered.rows, at);
        this.#rememberedSeries[++this.#last % REMEMBERED] = forecast.series;
      }
      if (this.#fanOut.size === 0) return;
      const items = forecasts.map((forecast, index) => ({ number: first + index, forecast }));
      return this.#fanOut.publish(items);
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
    const last = this.#last;
    const first = last - this.#remembered.length + 1;
    if (after !== undefined && last > 0 && after + 1 >= first && after <= last) {
      const wanted = series === undefined ? undefined : new Set(series);
      for (let number = after + 1; number <= last; number++) {
        const name = this.#rememberedSeries[number % REMEMBERED];
        if (!(wanted?.has(name) ?? true)) continue;
        const row = this.#remembered.row(last - number);
        yield { number, forecast: this.#packer.unpack(name, row) };
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
