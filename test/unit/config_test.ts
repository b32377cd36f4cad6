import { deepEqual, equal, throws } from "node:assert/strict";
import fc from "fast-check";
import { configJsonSchema } from "../../src/cli/build_config_schema.ts";
import { checkConfig, ConfigError, optionValues, parseConfig } from "../../src/cli/config.ts";
import { parseDuration } from "../../src/cli/duration.ts";

const committed = JSON.parse(
  await Deno.readTextFile(new URL("../../tickcast.schema.json", import.meta.url)),
);

/** One of everything. */
const EXAMPLE = {
  $schema: "./tickcast.schema.json",
  server: { host: "127.0.0.1", port: 8080, maxSeries: 100, allowOrigin: ["https://a.example"] },
  state: "state",
  record: "ticks.ndjson",
  forecast: { horizon: 6, season: 24, cell: "gru", retrainEvery: 512, experts: ["light"] },
  series: ["power"],
  features: ["volume"],
  order: { lateness: "2s", jump: "1h", lateTo: "late.ndjson" },
  grid: {
    every: "1s",
    how: { value: "mean", volume: "sum" },
    offset: "500ms",
    hours: { timeZone: "Europe/Zurich", open: "09:00", close: "17:30", days: [1, 5], holidays: [] },
  },
  covariates: { wind: { series: "wind", feature: "value", maxAge: "5m" } },
  feeds: [
    { kind: "websocket", url: "wss://example.com", subscribe: [{ op: "sub" }], valuePath: "p" },
    { kind: "binance", symbols: ["BTCUSDT"], channel: "kline", interval: "1m" },
    { kind: "coinbase", symbols: ["BTC-USD"], prefix: "cb/" },
    { kind: "coinbase-advanced", symbols: ["BTC-USD"], channel: "ticker" },
    { kind: "kraken", symbols: ["BTC/USD"], rename: { "BTC/USD": "btc" } },
    { kind: "mqtt", url: "mqtt://localhost", topics: ["a/#"], qos: 1, format: "senml" },
    { kind: "sse", url: "https://example.com", events: ["tick"], idle: "30s" },
    { kind: "ndjson", path: "-" },
    { kind: "csv", path: "a.csv", time: "t", value: ["v"], speed: 0 },
    { kind: "recording", path: "r.ndjson", speed: 1 },
    { kind: "demo" },
  ],
  sinks: [
    { kind: "ndjson", path: "out.ndjson" },
    { kind: "csv", path: "out.csv", series: ["power"] },
    {
      kind: "webhook",
      url: "https://example.com",
      headers: { a: "b" },
      timeout: "5s",
      attempts: 3,
    },
    {
      kind: "mqtt",
      url: "mqtt://localhost",
      topic: "f/{series}",
      retain: true,
      queue: { items: 9 },
    },
  ],
};

function refusals(config: unknown): string[] {
  try {
    checkConfig(config);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message.split("\n").map((line) => line.trim());
  }
}

Deno.test("the committed schema is the one that the code says", () => {
  deepEqual(committed, JSON.parse(configJsonSchema()), "run deno task build:schema");
});

Deno.test("a configuration with one of everything is read as it stands", () => {
  deepEqual(JSON.parse(JSON.stringify(checkConfig(EXAMPLE))), EXAMPLE);
});

Deno.test("what is wrong is told with its path and reason, all of it", () => {
  deepEqual(
    refusals({
      server: { port: 70000 },
      grid: { every: "1 second" },
      forecast: { horizon: 0, cell: "rnn" },
      feeds: [
        { kind: "mqtt", url: "mqtt://x", topics: [] },
        { kind: "smoke" },
        { kind: "sse", url: "", colour: 1 },
        { kind: "csv", path: "x", time: "t" },
      ],
      sinks: {},
    }),
    [
      "server.port: expected at most 65535, got 70000",
      "forecast.horizon: expected at least 1, got 0",
      'forecast.cell: expected one of lstm, gru, gru_reset_before, got "rnn"',
      'grid.every: expected a duration such as "500ms", "1s", "5m", "2h" or "1d", got "1 second"',
      "feeds[0].topics: needs at least 1 of them",
      'feeds[1].kind: expected one of websocket, binance, coinbase, coinbase-advanced, kraken, mqtt, sse, ndjson, csv, recording, demo, got "smoke"',
      "feeds[2].url: is empty",
      "feeds[2].colour: there is no such key",
      "feeds[3].value: is missing",
      "sinks: expected array, got Object",
    ],
  );
  deepEqual(refusals([]), ["the file: expected object, got a list"]);
  deepEqual(refusals({ server: [] }), ["server: expected object, got a list"]);
  equal(refusals({ series: Array(50).fill(1) }).at(-1), "and 40 more");
});

Deno.test("variables of the environment are put in, and one that is not set is named", () => {
  const file = '{"sinks":[{"kind":"webhook","url":"https://x","headers":{"a":"Bearer ${TOKEN}"}}]}';
  deepEqual(parseConfig(file, (name) => `<${name}>`).sinks, [
    { kind: "webhook", url: "https://x", headers: { a: "Bearer <TOKEN>" } },
  ]);
  throws(
    () => parseConfig(file, () => undefined),
    /sinks\[0\]\.headers\.a: environment variable TOKEN is not set/,
  );
  throws(() => parseConfig("{", () => undefined), /not JSON/);
});

Deno.test("the file in the documentation can be used", async () => {
  const page = await Deno.readTextFile(new URL("../../docs/feeds.md", import.meta.url));
  const files = [...page.matchAll(/```json\n([^]*?)```/g)].map(([, file]) => file);
  equal(files.length, 1);
  equal(parseConfig(files[0], () => "token").feeds?.length, 2);
});

Deno.test("a configuration says what the command line would", () => {
  deepEqual(optionValues({ server: { port: 1 }, state: "s", forecast: { retrainEvery: 5 } }), {
    port: 1,
    state: "s",
    record: undefined,
    "retrain-every": 5,
  });
});

Deno.test("durations", () => {
  const texts = ["500ms", "1s", "1.5m", "2h", "1d", "1", "s", "-1s", "1e3s", "1 s"];
  deepEqual(texts.map(parseDuration), [
    ...[500, 1000, 90_000, 7_200_000, 86_400_000],
    ...[NaN, NaN, NaN, NaN, NaN],
  ]);
});

type Schema = Record<string, unknown>;

/** What of JSON Schema the committed one uses, written from its specification. */
function valid(value: unknown, schema: Schema): boolean {
  const rules: Record<string, (rule: never) => boolean> = {
    type: (type: string) => typeIs(value, type),
    const: (constant: unknown) => value === constant,
    enum: (choices: unknown[]) => choices.includes(value),
    anyOf: (schemas: Schema[]) => schemas.some((schema) => valid(value, schema)),
    oneOf: (schemas: Schema[]) => schemas.filter((schema) => valid(value, schema)).length === 1,
    minLength: (min: number) => typeof value !== "string" || value.length >= min,
    pattern: (pattern: string) => typeof value !== "string" || new RegExp(pattern).test(value),
    minimum: (min: number) => typeof value !== "number" || value >= min,
    maximum: (max: number) => typeof value !== "number" || value <= max,
    minItems: (min: number) => !Array.isArray(value) || value.length >= min,
    items: (items: Schema) => !Array.isArray(value) || value.every((item) => valid(item, items)),
    required: (names: string[]) =>
      !typeIs(value, "object") || names.every((name) => name in Object(value)),
    properties: (properties: Record<string, Schema>) =>
      !typeIs(value, "object") ||
      Object.entries(Object(value)).every(([name, item]) =>
        !Object.hasOwn(properties, name) || valid(item, properties[name])
      ),
    additionalProperties: (rest: boolean | Schema) =>
      !typeIs(value, "object") ||
      Object.entries(Object(value)).every(([name, item]) =>
        Object.hasOwn(Object(schema.properties), name) ||
        (typeof rest === "boolean" ? rest : valid(item, rest))
      ),
    propertyNames: (names: Schema) =>
      !typeIs(value, "object") || Object.keys(Object(value)).every((name) => valid(name, names)),
  };
  const words = ["$schema", "title", "description"];
  return Object.entries(schema).every(([word, rule]) => {
    if (words.includes(word)) return true;
    if (!Object.hasOwn(rules, word)) throw new Error(`the test does not know "${word}"`);
    return rules[word](rule as never);
  });
}

function typeIs(value: unknown, type: string): boolean {
  if (type === "integer") return Number.isInteger(value);
  if (type === "array") return Array.isArray(value);
  if (type === "object") {
    return typeof value === "object" && value !== null && !Array.isArray(value);
  }
  const kind: string = typeof value;
  return kind === type;
}

/** Every place of a document. */
function places(value: unknown, path: (string | number)[] = []): (string | number)[][] {
  if (typeof value !== "object" || value === null) return [path];
  const inside = Object.entries(value).flatMap(([key, item]) =>
    places(item, [...path, Array.isArray(value) ? Number(key) : key])
  );
  return [path, ...inside];
}

function withAt(value: unknown, path: readonly (string | number)[], put: unknown): unknown {
  if (path.length === 0) return put;
  const copy = structuredClone(value);
  let parent = copy as Record<string | number, unknown>;
  for (const key of path.slice(0, -1)) parent = parent[key] as typeof parent;
  const last = path[path.length - 1];
  if (put === undefined) delete parent[last];
  else parent[last] = put;
  return copy;
}

Deno.test("schema and code agree on what is right, wherever a configuration is changed", () => {
  const changed = fc.oneof(
    fc.constant(undefined),
    fc.constantFrom<unknown>("", "1s", "x", "mean", "09:30", "2026-01-01", "gru", "mqtt", "-"),
    fc.constantFrom<unknown>(0, 1, -1, 1.5, 7, 1e9, true, null, [], {}, [1], ["a"], { a: 1 }, {
      a: "b",
    }),
  );
  let refused = 0;
  fc.assert(
    fc.property(fc.constantFrom(...places(EXAMPLE)), changed, (path, put) => {
      // A list with a hole is no JSON.
      if (put === undefined && typeof path.at(-1) === "number") return;
      const config = path.length === 0 && put === undefined ? {} : withAt(EXAMPLE, path, put);
      const reasons = refusals(config);
      equal(reasons.length === 0, valid(config, committed), `${path.join(".")}: ${reasons}`);
      refused += Math.min(1, reasons.length);
    }),
    { numRuns: 3000 },
  );
  equal(refused > 300 && refused < 2700, true, `both kinds must be tried, ${refused} were refused`);
});
