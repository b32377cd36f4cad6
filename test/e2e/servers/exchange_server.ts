// Local servers that speak the exchanges' protocols as their public documentation has them, and that
// fail on demand in the ways real feeds fail.
import {
  binanceFeed,
  coinbaseAdvancedFeed,
  coinbaseExchangeFeed,
  type FeedProtocol,
  krakenFeed,
} from "../../../streams/mod.ts";
import { type FeedClient, FeedServer } from "./feed_server.ts";

/** One trade of the only market. */
export interface Trade {
  readonly number: number;
  readonly time: number;
  readonly price: number;
}

/** How one exchange says things. */
export interface Dialect {
  readonly protocol: () => FeedProtocol;
  /** The trades are numbered across connections, so that a loss between two is counted exactly. */
  readonly lasting: boolean;
  /** The answer to a message of the client's, where it subscribes. */
  ack(message: Record<string, unknown>): unknown;
  /** A trade; `sequence` counts the messages of the connection. */
  trade(trade: Trade, sequence: number): unknown;
  heartbeat(last: number, time: number, sequence: number): unknown;
}

const iso = (time: number): string => new Date(time).toISOString();

/** The exchanges. */
export const dialects: Record<string, Dialect> = {
  binance: {
    protocol: () => binanceFeed({ symbols: ["BTCUSDT"] }),
    lasting: true,
    ack: ({ id }) => ({ result: null, id }),
    trade: ({ number, time, price }) => ({
      e: "trade",
      E: time + 1,
      s: "BTCUSDT",
      t: number,
      p: price.toFixed(8),
      q: "0.01000000",
      T: time,
      m: true,
      M: true,
    }),
    heartbeat: () => undefined,
  },
  "coinbase-exchange": {
    protocol: () => coinbaseExchangeFeed({ products: ["BTC-USD"] }),
    lasting: true,
    ack: ({ channels }) => ({ type: "subscriptions", channels }),
    trade: ({ number, time, price }) => ({
      type: "match",
      trade_id: number,
      maker_order_id: "ac928c66-ca53-498f-9c13-a110027a60e8",
      taker_order_id: "132fb6ae-456b-4654-b4e0-d681ac05cea1",
      side: "sell",
      size: "0.01",
      price: price.toFixed(2),
      product_id: "BTC-USD",
      sequence: 5 * number,
      time: iso(time),
    }),
    heartbeat: (last, time) => ({
      type: "heartbeat",
      sequence: 5 * last,
      last_trade_id: last,
      product_id: "BTC-USD",
      time: iso(time),
    }),
  },
  "coinbase-advanced": {
    protocol: () => coinbaseAdvancedFeed({ products: ["BTC-USD"] }),
    lasting: false,
    ack: () => undefined,
    trade: ({ number, time, price }, sequence) => ({
      channel: "market_trades",
      client_id: "",
      timestamp: iso(time),
      sequence_num: sequence,
      events: [{
        type: "update",
        trades: [{
          trade_id: String(number),
          product_id: "BTC-USD",
          price: price.toFixed(2),
          size: "0.01",
          side: "BUY",
          time: iso(time),
        }],
      }],
    }),
    heartbeat: (last, time, sequence) => ({
      channel: "heartbeats",
      client_id: "",
      timestamp: iso(time),
      sequence_num: sequence,
      events: [{ current_time: iso(time), heartbeat_counter: String(last) }],
    }),
  },
  kraken: {
    protocol: () => krakenFeed({ symbols: ["BTC/USD"] }),
    lasting: true,
    ack: ({ method, params }) =>
      method === "ping" ? { method: "pong" } : { method, result: params, success: true },
    trade: ({ number, time, price }) => ({
      channel: "trade",
      type: "update",
      data: [{
        symbol: "BTC/USD",
        side: "buy",
        price,
        qty: 0.01,
        ord_type: "market",
        trade_id: number,
        timestamp: iso(time),
      }],
    }),
    heartbeat: () => ({ channel: "heartbeat" }),
  },
};

interface Subscriber {
  sequence: number;
  stalled: boolean;
}

/** An exchange with one market. */
export class ExchangeServer {
  /** The number of the last trade, sent or lost. */
  last = 1000;
  readonly feed: FeedServer;
  readonly #dialect: Dialect;
  readonly #subscribers: Map<FeedClient, Subscriber>;
  readonly #now: () => number;

  private constructor(
    dialect: Dialect,
    feed: FeedServer,
    subscribers: Map<FeedClient, Subscriber>,
    now: () => number,
  ) {
    this.#dialect = dialect;
    this.feed = feed;
    this.#subscribers = subscribers;
    this.#now = now;
  }

  static async start(dialect: Dialect, now: () => number = Date.now): Promise<ExchangeServer> {
    const subscribers = new Map<FeedClient, Subscriber>();
    const feed = await FeedServer.start((client, message) => {
      if (subscribers.get(client)?.stalled) return;
      const request = JSON.parse(message);
      const ack = dialect.ack(request);
      if (ack !== undefined) client.socket.send(JSON.stringify(ack));
      if (`${request.method ?? request.type}`.toLowerCase() !== "subscribe") return;
      if (!subscribers.has(client)) subscribers.set(client, { sequence: 0, stalled: false });
    });
    return new ExchangeServer(dialect, feed, subscribers, now);
  }

  /** Whether someone would get the next trade. */
  get heard(): boolean {
    return this.#live().length > 0;
  }

  /** A trade happens: `sent` to everyone who listens, or lost on the way. */
  trade(sent = true, number = ++this.last): void {
    this.last = Math.max(this.last, number);
    const price = 40_000 + 100 * Math.sin(number / 50);
    this.#send(
      (sequence) => this.#dialect.trade({ number, time: this.#now(), price }, sequence),
      sent,
    );
  }

  heartbeat(): void {
    this.#send((sequence) => this.#dialect.heartbeat(this.last, this.#now(), sequence), true);
  }

  /** The present connections get nothing any more, though they stay open. */
  stall(): void {
    for (const subscriber of this.#subscribers.values()) subscriber.stalled = true;
  }

  #live(): [FeedClient, Subscriber][] {
    return [...this.#subscribers].filter(([{ socket }, { stalled }]) =>
      !stalled && socket.readyState === socket.OPEN
    );
  }

  #send(message: (sequence: number) => unknown, sent: boolean): void {
    for (const [{ socket }, subscriber] of this.#live()) {
      const content = message(subscriber.sequence);
      if (content === undefined) continue;
      subscriber.sequence++;
      if (sent) socket.send(JSON.stringify(content));
    }
  }
}
