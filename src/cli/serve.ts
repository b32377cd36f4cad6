import { jsonFeed, type Status, type StatusListener, webSocketSource } from "../../streams/mod.ts";
import { Engine } from "../serve/engine.ts";
import { type LogFormat, statusLog } from "../serve/log.ts";
import { DEFAULT_PORT } from "../serve/server.ts";
import { MemoryStore } from "../state/memory_store.ts";
import { SqliteStore } from "../state/sqlite_store.ts";
import type { StateStore } from "../state/store.ts";
import type { Command, CommandContext } from "./command.ts";
import { startDemoFeed } from "./demo_feed.ts";
import { FORECASTER_OPTIONS, NETWORK_OPTIONS, openForecaster } from "./forecaster_options.ts";
import { describeOptions, type OptionValues, parseOptions, UsageError } from "./options.ts";
import { openServer, SERVER_OPTIONS } from "./server_options.ts";

const OPTIONS = {
  host: {
    kind: "string",
    default: "127.0.0.1",
    placeholder: "ADDRESS",
    description: "Where to listen",
  },
  port: {
    kind: "integer",
    default: DEFAULT_PORT,
    min: 0,
    max: 65535,
    placeholder: "N",
    description: "The port; 0 takes a free one",
  },
  feed: {
    kind: "string",
    placeholder: "URL",
    description: "A WebSocket feed to connect to; an embedded demo feed where left out",
  },
  "no-feed": { kind: "boolean", description: "Connect to no feed: ticks come by /v1/ingest alone" },
  subscribe: {
    kind: "string",
    placeholder: "JSON",
    description: "A message, or an array of them, sent to the feed after connecting",
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
  "series-name": {
    kind: "string",
    placeholder: "NAME",
    description: "The series, where messages do not name it",
  },
  state: {
    kind: "string",
    placeholder: "FOLDER",
    description: "Keep accepted ticks and checkpoints there; in memory where left out",
  },
  log: {
    kind: "string",
    default: "text",
    choices: ["text", "json"],
    description: "How log lines on stderr look",
  },
  ...SERVER_OPTIONS,
  ...FORECASTER_OPTIONS,
  ...NETWORK_OPTIONS,
} as const;

type ServeOptions = OptionValues<typeof OPTIONS>;

/** Forecasts a live feed and serves the forecasts. */
export const serve: Command = {
  help: [
    "Usage: tickcast serve [OPTIONS]",
    "",
    "Connects to a feed, forecasts after every tick, and serves the forecasts over WebSocket and HTTP.",
    "Without --feed a demo feed is started that plays recorded temperatures, a share index and births.",
    "",
    describeOptions(OPTIONS),
    "",
    "Example: tickcast serve --feed wss://example.com/feed --value-path price --time-path ts",
  ].join("\n"),
  run: runServe,
};

async function runServe(args: readonly string[], context: CommandContext): Promise<number> {
  const { options, operands } = parseOptions(args, OPTIONS);
  if (operands.length > 0) throw new UsageError(`unexpected "${operands[0]}"`);
  if (options.feed !== undefined && options["no-feed"]) {
    throw new UsageError("--feed and --no-feed exclude each other");
  }
  const protocol = feedProtocol(options);
  const note = statusLog(options.log as LogFormat, context.note);
  // The store and a network may have something to say before there is an engine whose listeners hear it.
  let report = note;
  const tell = (status: Status): void => report(status);
  const store = await openStore(options.state, tell);
  const engine = await Engine.open({
    forecaster: await openForecaster(options, 0, tell),
    store,
    seriesMax: options["max-series"],
  });
  engine.onStatus(note);
  report = engine.report;
  try {
    const server = await openServer(engine, options, context);
    const demo = options.feed === undefined && !options["no-feed"]
      ? await startDemoFeed()
      : undefined;
    await context.out(`Tickcast serves forecasts on ${server.url}`);
    const url = options.feed ?? demo?.url;
    if (url !== undefined) {
      await context.out(`Feed: ${url}${demo ? ` (demo: ${demo.series.join(", ")})` : ""}`);
    }
    await context.out(`Forecasts: ${server.url.replace("http", "ws")}/v1/forecasts`);
    try {
      if (url === undefined) await aborted(context.signal);
      else await follow(url, protocol, engine, context.signal);
    } finally {
      await demo?.close();
      await server.close();
    }
  } finally {
    await engine.close();
  }
  return 0;
}

/** Reads the feed until it is told to end; the source reconnects by itself. */
async function follow(
  url: string,
  protocol: ReturnType<typeof jsonFeed>,
  engine: Engine,
  signal: AbortSignal,
): Promise<void> {
  const ticks = webSocketSource({ url, protocol, signal, onStatus: engine.report });
  for await (const batch of ticks) {
    engine.received(protocol.name);
    await engine.accept(batch);
  }
}

function feedProtocol(options: ServeOptions): ReturnType<typeof jsonFeed> {
  let subscribe: unknown[] = [];
  if (options.subscribe !== undefined) {
    try {
      const parsed: unknown = JSON.parse(options.subscribe);
      subscribe = Array.isArray(parsed) ? parsed : [parsed];
    } catch (error) {
      throw new UsageError(`--subscribe: expected JSON, ${(error as Error).message}`);
    }
  }
  try {
    return jsonFeed({
      subscribe,
      seriesPath: options["series-path"],
      valuePath: options["value-path"],
      timePath: options["time-path"],
      series: options["series-name"],
    });
  } catch (error) {
    if (error instanceof SyntaxError) throw new UsageError(error.message);
    throw error;
  }
}

async function openStore(
  folder: string | undefined,
  onStatus: StatusListener,
): Promise<StateStore> {
  if (folder === undefined) return new MemoryStore();
  await Deno.mkdir(folder, { recursive: true });
  return SqliteStore.open({ folder, onStatus });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
