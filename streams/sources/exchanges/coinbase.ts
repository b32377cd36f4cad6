import type { FeedFrame, FeedProtocol } from "../feed_protocol.ts";
import {
  type Findings,
  integer,
  type Json,
  name,
  number,
  object,
  readFrame,
  readItems,
  time,
  unknown,
} from "./frame.ts";

/** What to follow at Coinbase Exchange. */
export interface CoinbaseExchangeFeedOptions {
  /** The products, such as `BTC-USD`. */
  readonly products: readonly string[];
  /** Every match, or the ticker. Default: `matches`. */
  readonly channel?: "matches" | "ticker";
}

/** What to follow at Coinbase Advanced Trade. */
export interface CoinbaseAdvancedFeedOptions {
  /** The products, such as `BTC-USD`. */
  readonly products: readonly string[];
  /** Every trade, or the ticker. Default: `market_trades`. */
  readonly channel?: "market_trades" | "ticker";
}

/** Heartbeats come every second; ten without any mean that the connection is dead. */
const IDLE_MS = 10_000;
/** Far below the limit of 100 messages a second. */
const SEND_INTERVAL_MS = 50;

/**
 * The market data feed of Coinbase Exchange, with a heartbeat for every product.
 *
 * Trades are numbered for each product without gaps, also across connections; the heartbeat tells the
 * last number, so that even the loss of the last trade is noticed within a second.
 *
 * @param options What to follow.
 * @returns The protocol, for {@linkcode webSocketSource}.
 *
 * @see https://docs.cdp.coinbase.com/exchange/websocket-feed/overview
 *
 * @example
 * ```ts
 * import { coinbaseExchangeFeed } from "@tickcast/tickcast/streams";
 * import { deepEqual } from "node:assert/strict";
 *
 * const feed = coinbaseExchangeFeed({ products: ["BTC-USD"] });
 * const { ticks } = feed.decode(
 *   '{"type":"match","trade_id":7,"product_id":"BTC-USD","price":"42.5","size":"0.1",' +
 *     '"time":"1970-01-01T00:00:01Z"}',
 *   1002,
 * );
 * deepEqual(ticks, [
 *   { series: "BTC-USD", time: 1000, values: { value: 42.5, volume: 0.1 }, id: "7" },
 * ]);
 * ```
 */
export function coinbaseExchangeFeed(options: CoinbaseExchangeFeedOptions): FeedProtocol {
  const { products, channel = "matches" } = options;
  return {
    name: "coinbase-exchange",
    url: "wss://ws-feed.exchange.coinbase.com",
    subscribe: [
      JSON.stringify({
        type: "subscribe",
        product_ids: products,
        channels: [channel, "heartbeat"],
      }),
    ],
    series: products,
    idleMs: IDLE_MS,
    decode: (frame): FeedFrame =>
      readFrame(frame, (message, found) => readExchange(message, channel, found)),
  };
}

function readExchange(message: Json, channel: string, found: Findings): void {
  switch (message.type) {
    case "match":
    case "last_match": {
      const series = name(message, "product_id");
      const id = integer(message, "trade_id");
      found.ticks.push({
        series,
        time: time(message, "time"),
        values: { value: number(message, "price"), volume: number(message, "size") },
        id: String(id),
      });
      found.sequences.push({ channel: series, series, number: id, lasting: true });
      return;
    }
    case "ticker":
      found.ticks.push({
        series: name(message, "product_id"),
        time: time(message, "time"),
        values: {
          value: number(message, "price"),
          bid: number(message, "best_bid"),
          ask: number(message, "best_ask"),
        },
        id: String(integer(message, "trade_id")),
      });
      return;
    case "heartbeat": {
      const series = name(message, "product_id");
      found.alive.push(series);
      // The ticker leaves trades out, so only matches can be counted.
      if (channel === "matches") {
        const last = integer(message, "last_trade_id");
        found.sequences.push({ channel: series, series, number: last, lasting: true, past: true });
      }
      return;
    }
    case "error":
      found.error = [message.message, message.reason].filter(Boolean).join(": ");
      return;
    case "subscriptions":
      return;
  }
  throw unknown(message.type, "type");
}

/**
 * The market data feed of Coinbase Advanced Trade, with heartbeats that keep quiet channels open.
 *
 * All messages of a connection are numbered without gaps.
 *
 * @param options What to follow.
 * @returns The protocol, for {@linkcode webSocketSource}.
 *
 * @see https://docs.cdp.coinbase.com/coinbase-app/advanced-trade-apis/websocket/websocket-channels
 *
 * @example
 * ```ts
 * import { coinbaseAdvancedFeed } from "@tickcast/tickcast/streams";
 * import { deepEqual } from "node:assert/strict";
 *
 * const feed = coinbaseAdvancedFeed({ products: ["BTC-USD"], channel: "ticker" });
 * deepEqual(feed.subscribe, [
 *   '{"type":"subscribe","channel":"ticker","product_ids":["BTC-USD"]}',
 *   '{"type":"subscribe","channel":"heartbeats"}',
 * ]);
 * ```
 */
export function coinbaseAdvancedFeed(options: CoinbaseAdvancedFeedOptions): FeedProtocol {
  const { products, channel = "market_trades" } = options;
  return {
    name: "coinbase-advanced",
    url: "wss://advanced-trade-ws.coinbase.com",
    subscribe: [
      JSON.stringify({ type: "subscribe", channel, product_ids: products }),
      JSON.stringify({ type: "subscribe", channel: "heartbeats" }),
    ],
    sendIntervalMs: SEND_INTERVAL_MS,
    series: products,
    idleMs: IDLE_MS,
    decode: (frame): FeedFrame => readFrame(frame, readAdvanced),
  };
}

function readAdvanced(message: Json, found: Findings): void {
  if (message.type === "error") {
    found.error = String(message.message);
    return;
  }
  if (message.sequence_num !== undefined) {
    found.sequences.push({ channel: "connection", number: integer(message, "sequence_num") });
  }
  if (message.channel === "ticker" || message.channel === "ticker_batch") {
    const at = time(message, "timestamp");
    readItems(
      message.events,
      "events",
      found,
      (event) =>
        readItems(event.tickers, "tickers", found, (ticker) => {
          found.ticks.push({
            series: name(ticker, "product_id"),
            time: at,
            values: { value: number(ticker, "price") },
          });
        }),
    );
  } else if (message.channel === "market_trades") {
    readItems(
      message.events,
      "events",
      found,
      (event) =>
        readItems(
          event.trades,
          "trades",
          found,
          (trade) => readTrade(object(trade, "trades"), found),
        ),
    );
    // The newest come first.
    found.ticks.sort((a, b) => a.time - b.time || Number(a.id) - Number(b.id));
  } else if (message.channel !== "heartbeats" && message.channel !== "subscriptions") {
    throw unknown(message.channel, "channel");
  }
}

function readTrade(trade: Json, found: Findings): void {
  found.ticks.push({
    series: name(trade, "product_id"),
    time: time(trade, "time"),
    values: { value: number(trade, "price"), volume: number(trade, "size") },
    id: name(trade, "trade_id"),
  });
}
