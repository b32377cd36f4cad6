import { checkConfig } from "./config.ts";
import type { FeedConfig } from "./config_schema.ts";
import { type OptionValues, UsageError } from "./options.ts";

/** The options of every command that follows a live feed. */
export const FEED_OPTIONS = {
  feed: {
    kind: "string",
    placeholder: "URL",
    description:
      "A feed: ws(s)://, mqtt(s)://, http(s):// for server-sent events, a file of NDJSON, or - for stdin",
  },
  exchange: {
    kind: "string",
    choices: ["binance", "coinbase", "coinbase-advanced", "kraken"],
    description: "Follow an exchange instead; --feed then replaces its public address",
  },
  symbols: {
    kind: "list",
    placeholder: "SYMBOLS",
    description: "With --exchange: BTCUSDT (binance), BTC-USD (coinbase), BTC/USD (kraken)",
  },
  channel: {
    kind: "string",
    placeholder: "NAME",
    description: "With --exchange: every trade by default; also ticker, and kline or ohlc candles",
  },
  topics: {
    kind: "list",
    placeholder: "TOPICS",
    description: "With mqtt://: what to subscribe to",
  },
  "client-id": {
    kind: "string",
    placeholder: "NAME",
    description: "With mqtt://: the broker keeps what comes while nobody is connected",
  },
  subscribe: {
    kind: "string",
    placeholder: "JSON",
    description: "With ws://: a message, or an array of them, sent after connecting",
  },
  format: {
    kind: "string",
    choices: ["json", "senml", "value"],
    description: "How messages are written: JSON, SenML (RFC 8428) or a bare number [json]",
  },
  "series-path": {
    kind: "string",
    placeholder: "PATH",
    description: "Where a message has its series",
  },
  "value-path": {
    kind: "string",
    placeholder: "PATH",
    description: "Where a message has its value",
  },
  "time-path": { kind: "string", placeholder: "PATH", description: "Where a message has its time" },
  "time-unit": {
    kind: "string",
    choices: ["s", "ms", "us", "ns"],
    description: "The unit of times that are numbers [ms]",
  },
  "arrival-time": {
    kind: "boolean",
    description: "Take the time of arrival where a message has none",
  },
  "series-name": {
    kind: "string",
    placeholder: "NAME",
    description: "The series, where messages do not name it",
  },
  "stale-after": {
    kind: "string",
    placeholder: "DURATION",
    description: "Act when a series is silent for so long, though its connection stands",
  },
  "queue-policy": {
    kind: "string",
    choices: ["block", "drop-oldest", "latest-per-series"],
    description: "When ticks come faster than they are forecast from [block]",
  },
} as const;

/** What a command line says of feeds. */
export type FeedOptions = OptionValues<typeof FEED_OPTIONS>;

/**
 * The feed that a command line names, as a configuration would; undefined where it names none.
 *
 * @throws {ConfigError} when the options do not fit together.
 */
export function feedConfig(options: FeedOptions): FeedConfig | undefined {
  const feed = namedFeed(options);
  if (feed === undefined) return undefined;
  const given = Object.entries(feed).filter(([, value]) => value !== undefined);
  return checkConfig({ feeds: [Object.fromEntries(given)] }).feeds?.[0];
}

function namedFeed(options: FeedOptions): FeedConfig | undefined {
  const { feed: url, exchange, channel, symbols } = options;
  const queue = options["queue-policy"] as "block" | undefined;
  const live = {
    ...(queue === undefined ? {} : { queue: { policy: queue } }),
    ...(options["stale-after"] === undefined ? {} : { staleAfter: options["stale-after"] }),
  };
  if (exchange !== undefined) {
    if (symbols.length === 0) throw new UsageError("--exchange needs --symbols");
    return { kind: exchange, ...live, symbols: [...symbols], url, channel } as FeedConfig;
  }
  if (url === undefined) return undefined;
  const decode = {
    format: options.format as "json" | undefined,
    seriesPath: options["series-path"],
    valuePath: options["value-path"],
    timePath: options["time-path"],
    timeUnit: options["time-unit"] as "ms" | undefined,
    arrivalTime: options["arrival-time"] || undefined,
    series: options["series-name"],
  };
  if (/^wss?:/.test(url)) {
    return { kind: "websocket", ...live, ...decode, url, subscribe: messages(options.subscribe) };
  }
  if (/^mqtts?:/.test(url)) {
    if (options.topics.length === 0) throw new UsageError("--feed mqtt:// needs --topics");
    const topics = [...options.topics];
    return { kind: "mqtt", ...live, ...decode, url, topics, clientId: options["client-id"] };
  }
  if (/^https?:/.test(url)) return { kind: "sse", ...live, ...decode, url };
  if (/^[a-z]+:\/\//.test(url)) {
    throw new UsageError(`--feed: expected ws, mqtt or http, got "${url}"`);
  }
  return { kind: "ndjson", ...decode, path: url };
}

function messages(json: string | undefined): unknown[] {
  if (json === undefined) return [];
  try {
    const parsed: unknown = JSON.parse(json);
    return Array.isArray(parsed) ? parsed : [parsed];
  } catch (error) {
    throw new UsageError(`--subscribe: expected JSON, ${(error as Error).message}`);
  }
}
