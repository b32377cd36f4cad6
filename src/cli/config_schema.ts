import * as v from "valibot";
import { DURATION } from "./duration.ts";
import { FORECASTER_OPTIONS, NETWORK_OPTIONS } from "./forecaster_options.ts";
import type { OptionSpec, OptionSpecs } from "./options.ts";
import { SERVER_OPTIONS } from "./server_options.ts";

const text = v.pipe(v.string(), v.nonEmpty());
const texts = v.array(text);
const some = v.pipe(texts, v.minLength(1));
const duration = v.pipe(
  v.string(),
  v.regex(DURATION, 'expected a duration such as "500ms", "1s", "5m", "2h" or "1d"'),
);
const count = v.pipe(v.number(), v.integer(), v.minValue(1));
const headers = v.record(v.string(), v.string());

/** What every feed may say. */
const shared = {
  /** What it is called in statuses. */
  name: v.optional(text),
  /** Other names for its series. */
  rename: v.optional(v.record(v.string(), text)),
  /** Put before the names of its series, so that two feeds do not meet in one. */
  prefix: v.optional(text),
};

const policy = v.picklist(["block", "drop-oldest", "latest-per-series"]);

/** What feeds that are alive may say. */
const live = {
  ...shared,
  queue: v.optional(v.strictObject({ policy: v.optional(policy), ticks: v.optional(count) })),
  staleAfter: v.optional(duration),
  gapMarkers: v.optional(v.boolean()),
};

/** How ticks stand in messages. */
const decode = {
  format: v.optional(v.picklist(["json", "senml", "value"])),
  seriesPath: v.optional(text),
  valuePath: v.optional(text),
  timePath: v.optional(text),
  idPath: v.optional(text),
  itemsPath: v.optional(text),
  series: v.optional(text),
  timeUnit: v.optional(v.picklist(["s", "ms", "us", "ns"])),
  arrivalTime: v.optional(v.boolean()),
};

const broker = {
  url: text,
  clientId: v.optional(text),
  username: v.optional(text),
  password: v.optional(text),
  qos: v.optional(v.picklist([0, 1])),
};

const exchange = { ...live, url: v.optional(text), symbols: some };

const feed = v.variant("kind", [
  v.strictObject({
    kind: v.literal("websocket"),
    ...live,
    ...decode,
    url: text,
    subscribe: v.optional(v.array(v.unknown())),
    headers: v.optional(headers),
    watch: v.optional(texts),
    session: v.optional(duration),
  }),
  v.strictObject({
    kind: v.literal("binance"),
    ...exchange,
    channel: v.optional(v.picklist(["trade", "ticker", "kline"])),
    interval: v.optional(text),
  }),
  v.strictObject({
    kind: v.literal("coinbase"),
    ...exchange,
    channel: v.optional(v.picklist(["matches", "ticker"])),
  }),
  v.strictObject({
    kind: v.literal("coinbase-advanced"),
    ...exchange,
    channel: v.optional(v.picklist(["market_trades", "ticker"])),
  }),
  v.strictObject({
    kind: v.literal("kraken"),
    ...exchange,
    channel: v.optional(v.picklist(["trade", "ticker", "ohlc"])),
    intervalMinutes: v.optional(count),
  }),
  v.strictObject({
    kind: v.literal("mqtt"),
    ...live,
    ...decode,
    ...broker,
    topics: some,
  }),
  v.strictObject({
    kind: v.literal("sse"),
    ...live,
    ...decode,
    url: text,
    headers: v.optional(headers),
    events: v.optional(some),
    idle: v.optional(duration),
  }),
  v.strictObject({ kind: v.literal("ndjson"), ...shared, ...decode, path: text }),
  v.strictObject({
    kind: v.literal("csv"),
    ...shared,
    path: text,
    time: text,
    value: some,
    series: v.optional(text),
    seriesName: v.optional(text),
    separator: v.optional(text),
    skipRows: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0))),
    speed: v.optional(v.pipe(v.number(), v.minValue(0))),
  }),
  v.strictObject({
    kind: v.literal("recording"),
    ...shared,
    path: text,
    speed: v.optional(v.pipe(v.number(), v.minValue(0))),
  }),
  v.strictObject({ kind: v.literal("demo"), ...shared }),
]);

/** What sinks that deliver over a network may say. */
const outbox = {
  queue: v.optional(v.strictObject({ policy: v.optional(policy), items: v.optional(count) })),
  attempts: v.optional(count),
};

const sink = v.variant("kind", [
  v.strictObject({ kind: v.literal("ndjson"), path: text, series: v.optional(some) }),
  v.strictObject({ kind: v.literal("csv"), path: text, series: v.optional(some) }),
  v.strictObject({
    kind: v.literal("webhook"),
    url: text,
    series: v.optional(some),
    headers: v.optional(headers),
    timeout: v.optional(duration),
    ...outbox,
  }),
  v.strictObject({
    kind: v.literal("mqtt"),
    ...broker,
    series: v.optional(some),
    topic: v.optional(text),
    retain: v.optional(v.boolean()),
    ...outbox,
  }),
]);

const aggregate = v.picklist(["last", "mean", "sum", "ohlc"]);
const timeOfDay = v.pipe(v.string(), v.regex(/^\d{2}:[0-5]\d$/, 'expected a time such as "09:30"'));

const grid = v.strictObject({
  every: duration,
  how: v.optional(v.union([aggregate, v.record(v.string(), aggregate)])),
  offset: v.optional(duration),
  hours: v.optional(v.strictObject({
    timeZone: v.optional(text),
    open: v.optional(timeOfDay),
    close: v.optional(timeOfDay),
    days: v.optional(v.array(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(6)))),
    holidays: v.optional(
      v.array(v.pipe(v.string(), v.regex(/^\d{4}-\d{2}-\d{2}$/, "expected YYYY-MM-DD"))),
    ),
  })),
});

const order = v.strictObject({
  lateness: v.optional(duration),
  jump: v.optional(duration),
  lateTo: v.optional(text),
});

const covariate = v.strictObject({
  series: text,
  feature: v.optional(text),
  maxAge: v.optional(duration),
});

/** `retrain-every` as configuration files write it: `retrainEvery`. */
export function camelCase(name: string): string {
  return name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function optionSchema(spec: OptionSpec): v.GenericSchema {
  if (spec.kind === "boolean") return v.boolean();
  if (spec.kind === "list") return texts;
  if (spec.kind === "string") return spec.choices ? v.picklist([...spec.choices]) : text;
  const { min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER } = spec;
  return spec.kind === "integer"
    ? v.pipe(v.number(), v.integer(), v.minValue(min), v.maxValue(max))
    : v.pipe(v.number(), v.minValue(min), v.maxValue(max));
}

/** The options of the command line, so that whatever it can say of a forecaster a file can say too. */
function optionsSchema(
  specs: OptionSpecs,
): v.GenericSchema<Record<string, unknown>, Record<string, unknown>> {
  const entries = Object.entries(specs).map(([name, spec]) => [
    camelCase(name),
    v.optional(v.pipe(optionSchema(spec), v.description(spec.description))),
  ]);
  return v.strictObject(Object.fromEntries(entries));
}

/** Where a server listens. */
const ADDRESS_OPTIONS = {
  host: { kind: "string", description: "Where to listen" },
  port: { kind: "integer", min: 0, max: 65535, description: "The port; 0 takes a free one" },
} as const;

/** A configuration file: `tickcast.json`. The committed JSON Schema is made from it. */
export const configSchema = v.strictObject({
  $schema: v.optional(v.string()),
  server: v.optional(optionsSchema({ ...ADDRESS_OPTIONS, ...SERVER_OPTIONS })),
  state: v.optional(text),
  record: v.optional(text),
  forecast: v.optional(optionsSchema({ ...FORECASTER_OPTIONS, ...NETWORK_OPTIONS })),
  series: v.optional(some),
  features: v.optional(some),
  order: v.optional(order),
  grid: v.optional(grid),
  covariates: v.optional(v.record(v.string(), covariate)),
  feeds: v.optional(v.array(feed)),
  sinks: v.optional(v.array(sink)),
});

/** What a configuration says. */
export type Config = v.InferOutput<typeof configSchema>;
/** One feed of it. */
export type FeedConfig = NonNullable<Config["feeds"]>[number];
/** One sink of it. */
export type SinkConfig = NonNullable<Config["sinks"]>[number];
