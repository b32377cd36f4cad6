// The faults of real feeds, one after another, against one exchange's protocol, with exact accounts.
import { deepEqual, ok } from "node:assert/strict";
import { type Status, type Tick, webSocketSource } from "../../../streams/mod.ts";
import { type Dialect, ExchangeServer } from "./exchange_server.ts";
import { until } from "./feed_server.ts";

/** What came out. */
export interface Accounts {
  ticks: number;
  duplicates: number;
  rejected: number;
  /** Trades that are known to be missing. */
  missing: number;
  /** Breaks after which it is not known what is missing. */
  unknownGaps: number;
  reconnects: number;
}

const MALFORMED = [
  "",
  "{",
  "[]",
  "null",
  '"text"',
  "\u0000",
  '{"e":"trade","s":1}',
  '{"type":"match","trade_id":"x","product_id":"BTC-USD"}',
  '{"channel":"trade","data":{}}',
  '{"channel":"market_trades","events":[{"trades":[{"price":"NaN"}]}]}',
];

/** A feed under test. */
export class FaultRun {
  readonly server: ExchangeServer;
  readonly accounts: Accounts = {
    ticks: 0,
    duplicates: 0,
    rejected: 0,
    missing: 0,
    unknownGaps: 0,
    reconnects: 0,
  };
  readonly expected: Accounts = { ...this.accounts };
  readonly #dialect: Dialect;
  readonly #stop = new AbortController();
  readonly #heartbeat: ReturnType<typeof setInterval>;
  readonly #reading: Promise<void>;
  readonly #onTicks: (ticks: readonly Tick[]) => void | Promise<void>;

  private constructor(
    dialect: Dialect,
    server: ExchangeServer,
    onTicks: (ticks: readonly Tick[]) => void | Promise<void>,
  ) {
    this.#dialect = dialect;
    this.server = server;
    this.#onTicks = onTicks;
    this.#heartbeat = setInterval(() => server.heartbeat(), 50);
    this.#reading = this.#read();
  }

  static async start(
    dialect: Dialect,
    onTicks: (ticks: readonly Tick[]) => void | Promise<void> = () => {},
  ): Promise<FaultRun> {
    return new FaultRun(dialect, await ExchangeServer.start(dialect), onTicks);
  }

  async #read(): Promise<void> {
    const source = webSocketSource({
      url: this.server.feed.url,
      protocol: { ...this.#dialect.protocol(), idleMs: 400 },
      backoff: { baseMs: 20 },
      pingIntervalMs: 100,
      pongTimeoutMs: 200,
      signal: this.#stop.signal,
      onStatus: (status) => this.#count(status),
    });
    for await (const batch of source) {
      await this.#onTicks(batch);
      this.accounts.ticks += batch.length;
    }
  }

  #count(status: Status): void {
    const { accounts } = this;
    if (status.kind === "duplicate") accounts.duplicates++;
    else if (status.kind === "rejected") accounts.rejected += status.count;
    else if (status.kind === "gap") {
      accounts.missing += status.missing;
      if (status.missing === 0) accounts.unknownGaps++;
    } else if (status.kind === "reconnecting") accounts.reconnects++;
  }

  /** Waits until somebody listens, then trades. */
  async trade(count: number): Promise<void> {
    await until(() => this.server.heard);
    for (let i = 0; i < count; i++) this.server.trade();
    this.expected.ticks += count;
    await this.#settled();
  }

  async duplicates(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      this.server.trade();
      this.server.trade(true, this.server.last);
    }
    this.expected.ticks += count;
    this.expected.duplicates += count;
    await this.#settled();
  }

  async outOfOrder(): Promise<void> {
    const { last } = this.server;
    this.server.trade(true, last + 2);
    this.server.trade(true, last + 1);
    this.expected.ticks += 2;
    // The first of them looks like a loss until the second comes.
    if (this.#dialect.lasting) this.expected.missing++;
    await this.#settled();
  }

  async gap(count: number): Promise<void> {
    for (let i = 0; i < count; i++) this.server.trade(false);
    this.expected.missing += count;
    await this.trade(1);
  }

  async malformed(): Promise<void> {
    for (const frame of MALFORMED) this.server.feed.send(frame);
    const { decode } = this.#dialect.protocol();
    for (const frame of MALFORMED) this.expected.rejected += decode(frame, 0).rejected?.length ?? 0;
    await this.trade(1);
  }

  /** The server closes, and trades happen that nobody hears. */
  async close(): Promise<void> {
    const { clients } = this.server.feed;
    clients[clients.length - 1].socket.close(1001);
    await this.#outage();
  }

  /** The connection stays up and says nothing any more. */
  async stall(): Promise<void> {
    this.server.stall();
    await this.#outage();
  }

  /** The peer is gone, without a word. */
  async halfOpen(): Promise<void> {
    const { clients } = this.server.feed;
    this.server.feed.freeze(clients[clients.length - 1]);
    this.server.stall();
    await this.#outage();
  }

  async #outage(): Promise<void> {
    const { reconnects } = this.accounts;
    await until(() => !this.server.heard);
    for (let i = 0; i < 4; i++) this.server.trade();
    if (this.#dialect.lasting) this.expected.missing += 4;
    else this.expected.unknownGaps++;
    await until(() => this.accounts.reconnects > reconnects);
    await this.trade(5);
  }

  async #settled(): Promise<void> {
    await until(() => this.accounts.ticks >= this.expected.ticks);
    ok(this.accounts.reconnects < 1000);
  }

  /** Every fault once; the accounts must be exact after it. */
  async all(burst: number): Promise<void> {
    await this.trade(20);
    await this.duplicates(5);
    await this.outOfOrder();
    await this.gap(3);
    await this.malformed();
    await this.trade(burst);
    await this.close();
    await this.stall();
    await this.halfOpen();
    await this.trade(20);
    this.expected.reconnects = this.accounts.reconnects;
    deepEqual(this.accounts, this.expected);
  }

  async end(): Promise<void> {
    clearInterval(this.#heartbeat);
    this.#stop.abort();
    await this.#reading;
    await this.server.feed.stop();
  }
}
