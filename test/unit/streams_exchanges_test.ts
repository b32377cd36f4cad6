// The channels beside trades: tickers, and candles, of which only closed ones count.
import { deepEqual, equal } from "node:assert/strict";
import {
  binanceFeed,
  coinbaseAdvancedFeed,
  coinbaseExchangeFeed,
  type FeedProtocol,
  krakenFeed,
  type Tick,
} from "../../streams/mod.ts";

const AT = "2026-01-01T00:00:00.000Z";
const TIME = Date.parse(AT);
const ticks = (feed: FeedProtocol, message: unknown): readonly Tick[] =>
  feed.decode(JSON.stringify(message), TIME).ticks;

Deno.test("Binance: a candle counts when it is closed, at the moment it closed", () => {
  const feed = binanceFeed({ symbols: ["BTCUSDT"], channel: "kline", interval: "1m" });
  deepEqual(feed.subscribe.map((text) => JSON.parse(text).params), [["btcusdt@kline_1m"]]);
  const kline = (x: boolean): unknown => ({
    e: "kline",
    s: "BTCUSDT",
    k: {
      s: "BTCUSDT",
      i: "1m",
      t: TIME,
      T: TIME + 59_999,
      x,
      o: "1",
      c: "2",
      h: "3",
      l: "0.5",
      v: "9",
    },
  });
  deepEqual(ticks(feed, kline(false)), []);
  deepEqual(feed.decode(JSON.stringify(kline(false)), TIME).alive, ["BTCUSDT"]);
  deepEqual(ticks(feed, kline(true)), [{
    series: "BTCUSDT",
    time: TIME + 60_000,
    values: { value: 2, open: 1, high: 3, low: 0.5, volume: 9 },
    id: `1m ${TIME}`,
  }]);
});

Deno.test("Kraken: a candle is closed when the next begins, and time never goes back", () => {
  const feed = krakenFeed({ symbols: ["BTC/USD"], channel: "ohlc" });
  const candle = (minute: number, close: number): unknown => ({
    channel: "ohlc",
    type: "update",
    data: [{
      ...{ symbol: "BTC/USD", open: 1, high: 3, low: 1, close, volume: 9, interval: 1 },
      interval_begin: new Date(TIME + minute * 60_000).toISOString(),
    }],
  });
  const given = [[0, 1], [0, 2], [1, 5], [0, 9], [1, 6], [2, 7]]
    .flatMap(([minute, close]) => ticks(feed, candle(minute, close)));
  deepEqual(given.map(({ time, values }) => [time - TIME, values.value]), [
    [60_000, 2],
    [120_000, 6],
  ]);
});

Deno.test("tickers of every exchange", () => {
  const expected = (series: string, values: Record<string, number>): Tick => ({
    series,
    time: TIME,
    values,
  });
  deepEqual(
    ticks(binanceFeed({ symbols: ["X"], channel: "ticker" }), {
      ...{ e: "24hrTicker", E: TIME, s: "X", c: "1.5", b: "1", a: "2" },
    }),
    [expected("X", { value: 1.5, bid: 1, ask: 2 })],
  );
  deepEqual(
    ticks(coinbaseExchangeFeed({ products: ["X"], channel: "ticker" }), {
      ...{ type: "ticker", product_id: "X", price: "1.5", best_bid: "1", best_ask: "2", time: AT },
      trade_id: 7,
    }),
    [{ ...expected("X", { value: 1.5, bid: 1, ask: 2 }), id: "7" }],
  );
  deepEqual(
    ticks(coinbaseAdvancedFeed({ products: ["X"], channel: "ticker" }), {
      ...{ channel: "ticker", timestamp: AT, sequence_num: 0 },
      events: [{ type: "update", tickers: [{ product_id: "X", price: "1.5" }] }],
    }),
    [expected("X", { value: 1.5 })],
  );
  deepEqual(
    ticks(krakenFeed({ symbols: ["X"], channel: "ticker" }), {
      channel: "ticker",
      data: [{ symbol: "X", last: 1.5, bid: 1, ask: 2, timestamp: AT }],
    }),
    [expected("X", { value: 1.5, bid: 1, ask: 2 })],
  );
});

Deno.test("errors are told, acknowledgements are silent, and unknown messages are counted", () => {
  const feeds: [FeedProtocol, unknown, unknown][] = [
    [
      binanceFeed({ symbols: ["X"] }),
      { error: { code: 2, msg: "Invalid request" } },
      { result: null, id: 1 },
    ],
    [
      coinbaseExchangeFeed({ products: ["X"] }),
      { type: "error", message: "Failed to subscribe", reason: "X is not a valid product" },
      { type: "subscriptions", channels: [] },
    ],
    [
      coinbaseAdvancedFeed({ products: ["X"] }),
      { type: "error", message: "rate limit" },
      { channel: "subscriptions", events: [] },
    ],
    [
      krakenFeed({ symbols: ["X"] }),
      { method: "subscribe", success: false, error: "Currency pair not supported X" },
      { method: "subscribe", success: true, result: {} },
    ],
  ];
  for (const [feed, error, ack] of feeds) {
    equal(typeof feed.decode(JSON.stringify(error), TIME).error, "string", feed.name);
    const { ticks, rejected, error: none } = feed.decode(JSON.stringify(ack), TIME);
    deepEqual([ticks.length, rejected?.length, none], [0, 0, undefined], feed.name);
    const unknown = feed.decode('{"e":"new","type":"new","channel":"new"}', TIME).rejected ?? [];
    deepEqual(unknown.map(({ reason }) => reason), ["unknown"], feed.name);
  }
});
