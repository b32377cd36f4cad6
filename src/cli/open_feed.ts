import {
  binanceFeed,
  coinbaseAdvancedFeed,
  coinbaseExchangeFeed,
  csvSource,
  type DecodeOptions,
  type FeedProtocol,
  type FrameFormat,
  jsonFeed,
  krakenFeed,
  type LiveOptions,
  mqttSource,
  ndjsonSource,
  recordingSource,
  sourceOf,
  sseSource,
  type StatusListener,
  type Tick,
  webSocketSource,
} from "../../streams/mod.ts";
import type { FeedConfig } from "./config_schema.ts";
import { startDemoFeed } from "./demo_feed.ts";
import { parseDuration } from "./duration.ts";

/** An open feed. */
export interface OpenFeed {
  /** What it is called in statuses. */
  readonly name: string;
  /** What to tell people that it is. */
  readonly label: string;
  /** Its ticks. */
  readonly ticks: ReadableStream<readonly Tick[]>;
  /** Gives back what it needed beside its ticks. */
  close(): Promise<void>;
}

/** What a feed is opened with. */
export interface FeedContext {
  /** Ends it. */
  readonly signal: AbortSignal;
  /** Hears of everything that goes wrong. */
  readonly onStatus: StatusListener;
}

/**
 * Opens a feed of a configuration.
 *
 * @throws {SyntaxError} when a path into its messages cannot be read.
 */
export async function openFeed(feed: FeedConfig, context: FeedContext): Promise<OpenFeed> {
  if (feed.kind !== "demo") {
    const ticks = renamed(feed, source(feed, context));
    return { name: nameOf(feed), label: labelOf(feed), ticks, close: () => Promise.resolve() };
  }
  const demo = await startDemoFeed();
  const protocol = jsonFeed({ name: feed.name ?? "demo" });
  return {
    name: protocol.name,
    label: `${demo.url} (demo: ${demo.series.join(", ")})`,
    ticks: renamed(feed, webSocketSource({ ...context, url: demo.url, protocol })),
    close: () => demo.close(),
  };
}

/** The name that the source of a feed has where it is given none. */
function nameOf(feed: Exclude<FeedConfig, { kind: "demo" }>): string {
  if (feed.name !== undefined) return feed.name;
  if (feed.kind === "websocket") return "feed";
  return feed.kind === "coinbase" ? "coinbase-exchange" : feed.kind;
}

function labelOf(feed: Exclude<FeedConfig, { kind: "demo" }>): string {
  if ("path" in feed) return feed.path === "-" ? "standard input" : feed.path;
  if ("symbols" in feed) return `${feed.kind} ${feed.symbols.join(", ")}`;
  return feed.url;
}

function source(
  feed: Exclude<FeedConfig, { kind: "demo" }>,
  context: FeedContext,
): ReadableStream<readonly Tick[]> {
  switch (feed.kind) {
    case "websocket":
      return webSocketSource({
        ...live(feed),
        ...context,
        url: feed.url,
        headers: feed.headers,
        sessionMs: duration(feed.session),
        protocol: jsonFeed({
          ...decode(feed),
          format: feed.format,
          subscribe: feed.subscribe,
          watch: feed.watch,
          name: feed.name,
        }),
      });
    case "binance":
      return exchange(feed, binanceFeed(feed), context);
    case "coinbase":
      return exchange(feed, coinbaseExchangeFeed({ ...feed, products: feed.symbols }), context);
    case "coinbase-advanced":
      return exchange(feed, coinbaseAdvancedFeed({ ...feed, products: feed.symbols }), context);
    case "kraken":
      return exchange(feed, krakenFeed(feed), context);
    case "mqtt":
      return mqttSource({
        ...feed,
        ...live(feed),
        ...context,
        qos: feed.qos,
        decode: decode(feed),
      });
    case "sse":
      return sseSource({
        ...live(feed),
        ...context,
        url: feed.url,
        headers: feed.headers,
        events: feed.events,
        idleMs: duration(feed.idle),
        format: feed.format,
        decode: decode(feed),
      });
    case "ndjson":
      return ndjsonSource({
        ...context,
        input: feed.path === "-" ? Deno.stdin.readable : feed.path,
        format: feed.format,
        decode: decode(feed),
      });
    case "csv":
      return csvSource({ ...feed, ...context, input: feed.path });
    case "recording":
      return recordingSource({ ...context, input: feed.path, speed: feed.speed });
  }
}

function exchange(
  feed: Extract<FeedConfig, { symbols: string[] }>,
  protocol: FeedProtocol,
  context: FeedContext,
): ReadableStream<readonly Tick[]> {
  return webSocketSource({
    ...live(feed),
    ...context,
    url: feed.url,
    protocol: feed.name === undefined ? protocol : { ...protocol, name: feed.name },
  });
}

function live(
  feed: Extract<FeedConfig, { queue?: unknown }>,
): Pick<LiveOptions, "name" | "queue" | "staleAfterMs" | "gapMarkers"> {
  return {
    name: feed.name,
    queue: { policy: feed.queue?.policy, ticksMax: feed.queue?.ticks },
    staleAfterMs: duration(feed.staleAfter),
    gapMarkers: feed.gapMarkers,
  };
}

function decode(feed: DecodeOptions & { format?: FrameFormat }): DecodeOptions {
  const { seriesPath, valuePath, timePath, idPath, itemsPath, series, timeUnit, arrivalTime } =
    feed;
  return { seriesPath, valuePath, timePath, idPath, itemsPath, series, timeUnit, arrivalTime };
}

function duration(text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseDuration(text);
}

/** Gives series the names that the configuration wants them to have. */
function renamed(
  feed: FeedConfig,
  ticks: ReadableStream<readonly Tick[]>,
): ReadableStream<readonly Tick[]> {
  const { rename = {}, prefix = "" } = feed;
  const names = new Map(Object.entries(rename));
  if (names.size === 0 && prefix === "") return ticks;
  const named = (tick: Tick): Tick => ({
    ...tick,
    series: prefix + (names.get(tick.series) ?? tick.series),
  });
  // No transform stream: it would read ahead, and what is read counts as done.
  return sourceOf(
    async function* (stop): AsyncGenerator<readonly Tick[]> {
      const reader = ticks.getReader();
      stop.addEventListener("abort", () => void reader.cancel(), { once: true });
      try {
        for (let read; !(read = await reader.read()).done;) yield read.value.map(named);
      } finally {
        await reader.cancel();
      }
    },
    undefined,
    0,
  );
}
