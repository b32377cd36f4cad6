import type { FeedFrame, FeedProtocol } from "../feed_protocol.ts";
import {
  type Findings,
  integer,
  type Json,
  name,
  number,
  object,
  readFrame,
  time,
  unknown,
} from "./frame.ts";

/** What to follow at Binance. */
export interface BinanceFeedOptions {
  /** The symbols, such as `BTCUSDT`. */
  readonly symbols: readonly string[];
  /** Every trade, the rolling ticker (once a second), or closed candles. Default: `trade`. */
  readonly channel?: "trade" | "ticker" | "kline";
  /** The length of a candle, as Binance writes it: `1s`, `1m`, `1h`, … Default `1m`. */
  readonly interval?: string;
}

/** A connection takes five messages a second; one more ends it. */
const SEND_INTERVAL_MS = 250;
/** Streams in one message: far below what a message may hold, few enough to name an error. */
const STREAMS_PER_MESSAGE = 100;
const SESSION_MS = 24 * 3_600_000;

/**
 * Binance Spot market streams. A trade's value is its price; of a candle, that of its close, and only
 * closed candles count, stamped with the moment at which they closed.
 *
 * Trades are numbered for each symbol without gaps, also across connections, so that a lost one is
 * noticed. A connection lives for 24 hours; the source renews it before, and when told that the server
 * is about to go.
 *
 * @param options What to follow.
 * @returns The protocol, for {@linkcode webSocketSource}.
 *
 * @see https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams
 *
 * @example
 * ```ts
 * import { binanceFeed } from "@tickcast/tickcast/streams";
 * import { deepEqual } from "node:assert/strict";
 *
 * const feed = binanceFeed({ symbols: ["BTCUSDT"] });
 * deepEqual(feed.subscribe, ['{"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":1}']);
 * const { ticks } = feed.decode(
 *   '{"e":"trade","E":1001,"s":"BTCUSDT","t":7,"p":"42.5","q":"0.1","T":1000}',
 *   1002,
 * );
 * deepEqual(ticks, [
 *   { series: "BTCUSDT", time: 1000, values: { value: 42.5, volume: 0.1 }, id: "7" },
 * ]);
 * ```
 */
export function binanceFeed(options: BinanceFeedOptions): FeedProtocol {
  const { symbols, channel = "trade", interval = "1m" } = options;
  const suffix = channel === "kline" ? `kline_${interval}` : channel;
  const streams = symbols.map((symbol) => `${symbol.toLowerCase()}@${suffix}`);
  const subscribe: string[] = [];
  for (let i = 0; i < streams.length; i += STREAMS_PER_MESSAGE) {
    const params = streams.slice(i, i + STREAMS_PER_MESSAGE);
    subscribe.push(JSON.stringify({ method: "SUBSCRIBE", params, id: subscribe.length + 1 }));
  }
  return {
    name: "binance",
    url: "wss://stream.binance.com:9443/ws",
    subscribe,
    sendIntervalMs: SEND_INTERVAL_MS,
    series: symbols.map((symbol) => symbol.toUpperCase()),
    sessionMs: SESSION_MS,
    decode: (frame): FeedFrame => readFrame(frame, read),
  };
}

function read(message: Json, found: Findings): void {
  // Combined streams wrap each event.
  const event = message.data === undefined ? message : object(message.data, "data");
  switch (event.e) {
    case "trade":
      return readTrade(event, found);
    case "24hrTicker":
      return void found.ticks.push({
        series: name(event, "s"),
        time: time(event, "E"),
        values: { value: number(event, "c"), bid: number(event, "b"), ask: number(event, "a") },
      });
    case "kline":
      return readKline(event, found);
    case "serverShutdown":
      found.reconnect = "server is about to shut down";
      return;
  }
  const { error, code, msg, result } = message;
  if (error !== undefined) found.error = `${object(error, "error").msg}`;
  else if (code !== undefined) found.error = `${msg} (${code})`;
  // An acknowledgement holds nothing else.
  else if (result === undefined) throw unknown(event.e, "e");
}

function readTrade(event: Json, found: Findings): void {
  const series = name(event, "s");
  const id = integer(event, "t");
  found.ticks.push({
    series,
    time: time(event, "T"),
    values: { value: number(event, "p"), volume: number(event, "q") },
    id: String(id),
  });
  found.sequences.push({ channel: series, series, number: id, lasting: true });
}

function readKline(event: Json, found: Findings): void {
  const candle = object(event.k, "k");
  const series = name(candle, "s");
  // An open candle says that the series lives, and nothing that will stay true.
  if (candle.x !== true) return void found.alive.push(series);
  found.ticks.push({
    series,
    // The last millisecond of the candle is given; it is known at the next.
    time: time(candle, "T") + 1,
    values: {
      value: number(candle, "c"),
      open: number(candle, "o"),
      high: number(candle, "h"),
      low: number(candle, "l"),
      volume: number(candle, "v"),
    },
    id: `${candle.i} ${time(candle, "t")}`,
  });
}
