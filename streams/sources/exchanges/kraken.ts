import { InputError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import type { Tick } from "../../tick.ts";
import type { FeedFrame, FeedProtocol } from "../feed_protocol.ts";
import {
  type Findings,
  integer,
  type Json,
  name,
  number,
  readFrame,
  readItems,
  time,
  unknown,
} from "./frame.ts";

/** What to follow at Kraken. */
export interface KrakenFeedOptions {
  /** The symbols, such as `BTC/USD`. */
  readonly symbols: readonly string[];
  /** Every trade, the ticker, or closed candles. Default: `trade`. */
  readonly channel?: "trade" | "ticker" | "ohlc";
  /** The length of a candle in minutes: 1, 5, 15, 30, 60, 240, 1440, … Default 1. */
  readonly intervalMinutes?: number;
}

/** Heartbeats come every second; ten without any mean that the connection is dead. */
const IDLE_MS = 10_000;

/**
 * Kraken's market data of WebSocket version 2, for spot markets.
 *
 * Trades are numbered for each symbol without gaps, also across connections. Kraken sends the running
 * candle again and again and never says that it is closed: it counts as closed when the next begins.
 *
 * @param options What to follow.
 * @returns The protocol, for {@linkcode webSocketSource}. With candles it has a memory: one for a source.
 *
 * @see https://docs.kraken.com/api/docs/websocket-v2/trade
 *
 * @example
 * ```ts
 * import { krakenFeed } from "@tickcast/tickcast/streams";
 * import { deepEqual } from "node:assert/strict";
 *
 * const feed = krakenFeed({ symbols: ["BTC/USD"] });
 * const { ticks } = feed.decode(
 *   '{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","price":42.5,"qty":0.1,' +
 *     '"trade_id":7,"timestamp":"1970-01-01T00:00:01.000000Z"}]}',
 *   1002,
 * );
 * deepEqual(ticks, [
 *   { series: "BTC/USD", time: 1000, values: { value: 42.5, volume: 0.1 }, id: "7" },
 * ]);
 * ```
 */
export function krakenFeed(options: KrakenFeedOptions): FeedProtocol {
  const { symbols, channel = "trade", intervalMinutes = 1 } = options;
  const params = {
    channel,
    symbol: symbols,
    ...(channel === "ohlc" ? { interval: intervalMinutes } : {}),
    snapshot: channel !== "trade",
  };
  const running = new Map<string, Tick>();
  return {
    name: "kraken",
    url: "wss://ws.kraken.com/v2",
    subscribe: [JSON.stringify({ method: "subscribe", params })],
    series: symbols,
    idleMs: IDLE_MS,
    keepAlive: JSON.stringify({ method: "ping" }),
    decode: (frame, arrival): FeedFrame =>
      readFrame(frame, (message, found) => read(message, arrival, running, found)),
  };
}

function read(message: Json, arrival: number, running: Map<string, Tick>, found: Findings): void {
  if (message.success === false || message.error !== undefined) {
    found.error = String(message.error);
    return;
  }
  switch (message.channel) {
    case "trade":
      return readItems(message.data, "data", found, (trade) => readTrade(trade, found));
    case "ticker":
      return readItems(message.data, "data", found, (ticker) => {
        found.ticks.push({
          series: name(ticker, "symbol"),
          time: ticker.timestamp === undefined ? arrival : time(ticker, "timestamp"),
          values: {
            value: number(ticker, "last"),
            bid: number(ticker, "bid"),
            ask: number(ticker, "ask"),
          },
        });
      });
    case "ohlc":
      return readItems(message.data, "data", found, (candle) => readCandle(candle, running, found));
    case "status":
      return readItems(message.data, "data", found, ({ system }) => {
        if (system !== "online") found.error = `the exchange is in state ${system}`;
      });
    case "heartbeat":
      return;
  }
  // What is left are answers to what was asked.
  if (message.method === undefined) throw unknown(message.channel, "channel");
}

function readTrade(trade: Json, found: Findings): void {
  const series = name(trade, "symbol");
  const id = integer(trade, "trade_id");
  found.ticks.push({
    series,
    time: time(trade, "timestamp"),
    values: { value: number(trade, "price"), volume: number(trade, "qty") },
    id: String(id),
  });
  found.sequences.push({ channel: series, series, number: id, lasting: true });
}

function readCandle(candle: Json, running: Map<string, Tick>, found: Findings): void {
  const series = name(candle, "symbol");
  const end = time(candle, "interval_begin") + number(candle, "interval") * 60_000;
  const tick: Tick = {
    series,
    time: end,
    values: {
      value: number(candle, "close"),
      open: number(candle, "open"),
      high: number(candle, "high"),
      low: number(candle, "low"),
      volume: number(candle, "volume"),
    },
    id: `${candle.interval} ${end}`,
  };
  found.alive.push(series);
  const before = running.get(series);
  // An old and a new connection may tell of one candle in turns: time must not go back.
  if (before !== undefined && before.time > end) return;
  if (before !== undefined && before.time < end) found.ticks.push(before);
  // Symbols that nobody asked for must not take all memory.
  if (before === undefined && running.size >= limits.series) {
    const detail = `over the limit of ${limits.series} series`;
    throw new InputError("too-many-series", "symbol", detail);
  }
  running.set(series, tick);
}
