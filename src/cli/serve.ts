import { type Status, type StatusListener, systemClock, type Tick } from "../../streams/mod.ts";
import { Engine } from "../serve/engine.ts";
import { type LogFormat, statusLog } from "../serve/log.ts";
import { DEFAULT_PORT } from "../serve/server.ts";
import { MemoryStore } from "../state/memory_store.ts";
import { SqliteStore } from "../state/sqlite_store.ts";
import { JournalError, type StateStore } from "../state/store.ts";
import type { Command, CommandContext } from "./command.ts";
import { optionValues, readConfig } from "./config.ts";
import type { Config, FeedConfig } from "./config_schema.ts";
import { FEED_OPTIONS, feedConfig } from "./feed_options.ts";
import { FORECASTER_OPTIONS, NETWORK_OPTIONS, openForecaster } from "./forecaster_options.ts";
import { type OpenFeed, openFeed } from "./open_feed.ts";
import { describeOptions, type OptionValues, parseOptions, UsageError } from "./options.ts";
import { Outlets } from "./outlets.ts";
import { openServer, SERVER_OPTIONS } from "./server_options.ts";
import { featuresOf, openStages, STAGE_OPTIONS, stageConfig } from "./stage_options.ts";

const OPTIONS = {
  config: {
    kind: "string",
    placeholder: "FILE.json",
    description: "Feeds, series and sinks from a file; what the command line says goes before it",
  },
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
  ...FEED_OPTIONS,
  "no-feed": {
    kind: "boolean",
    description: "Connect to no feed: ticks are posted to /v1/ticks or sent to ws:…/v1/ingest",
  },
  record: {
    kind: "string",
    placeholder: "FILE",
    description: "Write what the feeds bring there, with arrival times; replay plays it back",
  },
  state: {
    kind: "string",
    placeholder: "FOLDER",
    description: "Keep accepted ticks and checkpoints there; in memory where left out",
  },
  ...STAGE_OPTIONS,
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

/** How long accepted ticks wait before the store is asked again, when it could not take them. */
const STORE_RETRY_MS = 1000;

/** Forecasts a live feed and serves the forecasts. */
export const serve: Command = {
  help: [
    "Usage: tickcast serve [OPTIONS]",
    "",
    "Connects to feeds, forecasts after every tick, and serves the forecasts over WebSocket and HTTP.",
    "Without any feed a demo feed is started that plays recorded temperatures, a share index and births.",
    "",
    describeOptions(OPTIONS, {
      "The feed": FEED_OPTIONS,
      "On the way": STAGE_OPTIONS,
      "Access and limits": SERVER_OPTIONS,
      "Forecasts": FORECASTER_OPTIONS,
      "The network": NETWORK_OPTIONS,
    }),
    "",
    "With --cluster nats://HOST:PORT it is one worker of many instead: see tickcast worker --help.",
    "",
    "Examples:",
    "  tickcast serve --feed wss://example.com/feed --value-path price --time-path ts",
    "  tickcast serve --exchange kraken --symbols BTC/USD,ETH/USD --every 1s",
    "  tickcast serve --feed mqtt://localhost --topics 'plant/+/temperature' --format value",
    "  tickcast serve --config tickcast.json",
  ].join("\n"),
  run: runServe,
};

async function runServe(args: readonly string[], context: CommandContext): Promise<number> {
  if (args.some((argument) => /^--cluster(=|$)/.test(argument))) {
    return (await import("./worker.ts")).worker.run(args, context);
  }
  const { config: path } = parseOptions(args, OPTIONS).options;
  const config: Config = path === undefined ? {} : await readConfig(path);
  const { options, operands } = parseOptions(args, OPTIONS, optionValues(config));
  if (operands.length > 0) throw new UsageError(`unexpected "${operands[0]}"`);
  const feeds = chosenFeeds(options, config);
  const stages = stageConfig(options, config);
  const features = featuresOf(stages);
  const note = statusLog(options.log as LogFormat, context.note);

  // The parts may have something to say before there is an engine whose listeners hear it.
  let report = note;
  const tell = (status: Status): void => report(status);
  const store = await openStore(options.state, tell);
  const forecaster = await openForecaster(options, features.length - 1, tell);
  const outlets = await Outlets.open(config, options.record, forecaster.levels, tell);
  const engine = await Engine.open({
    forecaster,
    store,
    features,
    stages: openStages(stages, tell, outlets.late),
    seriesMax: options["max-series"],
  });
  engine.onStatus(note);
  report = engine.report;
  engine.onForecasts((forecasts) => outlets.forecasts(forecasts));
  try {
    const server = await openServer(engine, options, context);
    const open: OpenFeed[] = [];
    // One feed that cannot go on ends them all.
    const ending = new AbortController();
    const end = (): void => ending.abort();
    context.signal.addEventListener("abort", end, { once: true });
    if (context.signal.aborted) end();
    try {
      const onStatus = engine.report;
      await context.out(`Tickcast serves forecasts on ${server.url}`);
      for (const feed of feeds) {
        const opened = await openFeed(feed, { signal: ending.signal, onStatus });
        open.push(opened);
        await context.out(`Feed: ${opened.label}`);
      }
      await context.out(`Forecasts: ${server.url.replace("http", "ws")}/v1/forecasts`);
      await Promise.all(
        open.map((feed) => follow(feed, engine, outlets, ending.signal).catch(fail(feed, end))),
      );
      // A file that was read to its end leaves a server that still answers.
      await aborted(context.signal);
    } finally {
      context.signal.removeEventListener("abort", end);
      end();
      await Promise.all(open.map((feed) => feed.close()));
      await server.close();
    }
  } finally {
    await engine.close();
    await outlets.close();
  }
  return 0;
}

function chosenFeeds(options: ServeOptions, config: Config): readonly FeedConfig[] {
  const named = feedConfig(options);
  if (named !== undefined && options["no-feed"]) {
    throw new UsageError("--feed and --no-feed exclude each other");
  }
  if (named !== undefined && config.feeds !== undefined) {
    throw new UsageError("--feed and the feeds of the configuration exclude each other");
  }
  if (named !== undefined) return [named];
  if (options["no-feed"]) return [];
  return config.feeds ?? [{ kind: "demo" }];
}

/** Reads a feed to its end; a live source reconnects by itself. */
async function follow(
  feed: OpenFeed,
  engine: Engine,
  outlets: Outlets,
  signal: AbortSignal,
): Promise<void> {
  for await (const batch of feed.ticks) {
    engine.received(feed.name);
    const recorded = outlets.record(batch);
    await accept(engine, batch, signal);
    await recorded;
  }
}

/** Hands ticks over; while the store cannot take them, the feed waits. */
async function accept(
  engine: Engine,
  batch: readonly Tick[],
  signal: AbortSignal,
): Promise<void> {
  while (true) {
    try {
      await engine.accept(batch);
      return;
    } catch (error) {
      if (!(error instanceof JournalError) || signal.aborted) throw error;
      engine.report({ kind: "degraded", part: "store", detail: error.message });
      await systemClock.sleep(STORE_RETRY_MS, signal);
    }
  }
}

function fail(feed: OpenFeed, end: () => void): (error: unknown) => never {
  return (error) => {
    end();
    const detail = error instanceof Error ? error.message : String(error);
    throw new Error(`${feed.label}: ${detail}`, { cause: error });
  };
}

async function openStore(
  folder: string | undefined,
  onStatus: StatusListener,
): Promise<StateStore> {
  if (folder === undefined) return new MemoryStore();
  await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  return SqliteStore.open({ folder, onStatus });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
