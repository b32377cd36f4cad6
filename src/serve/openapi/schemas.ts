import { HISTORY_COLUMNS, TREND_COLUMNS } from "../series_monitor.ts";

const text = { type: "string" } as const;
const flag = { type: "boolean" } as const;
const count = { type: "integer", minimum: 0 } as const;
/** A number JSON has no word for (NaN, infinity) is null. */
const number = { type: ["number", "null"] } as const;
const numbers = { type: "array", items: number } as const;
const byFeature = { type: "object", additionalProperties: { type: "number" } } as const;

/** An object with these properties and no others; those named in `optional` may be missing. */
function object<const P extends Record<string, unknown>>(
  properties: P,
  ...optional: (keyof P)[]
): Record<string, unknown> {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: "object", properties, required, additionalProperties: false };
}

const refusal = {
  reason: { ...text, description: "Why, for programs." },
  field: { ...text, description: "The field at fault, empty where the whole input is." },
  detail: { ...text, description: "Why, for people." },
};

const learning = object({
  version: count,
  frozen: flag,
  training: flag,
  description: text,
  runs: {
    type: "array",
    items: object({
      startedAt: count,
      endedAt: count,
      why: { enum: ["interval", "drift", "asked"] },
      verdict: { enum: ["promoted", "rejected", "rolled-back"] },
      version: count,
      championLoss: number,
      candidateLoss: number,
      predecessorLoss: number,
      curve: { type: "array", items: object({ training: number, validation: number }) },
    }),
  },
});

/** The same one step ahead and at the last horizon. */
function byAhead(schema: Record<string, unknown>): Record<string, unknown> {
  return object({ first: schema, last: schema });
}

/** Columns of equal length by name. */
function columns(names: readonly string[]): Record<string, unknown> {
  return object(Object.fromEntries(names.map((name) => [name, numbers])));
}

const score = object({
  count: number,
  mae: number,
  crps: number,
  naiveMae: number,
  naiveCrps: number,
  skill: number,
  skillCrps: number,
  coverage80: number,
  coverage90: number,
});

/** The schemas of the API, by name (JSON Schema 2020-12). */
export const SCHEMAS = {
  Problem: object({ type: { const: "error" }, ...refusal }),
  Tick: {
    ...object(
      {
        series: { ...text, minLength: 1, maxLength: 256 },
        time: {
          type: ["number", "string"],
          description: "Epoch milliseconds, or RFC 3339.",
        },
        value: { type: "number" },
        values: { ...byFeature, description: "By feature, in place of value." },
        id: {
          ...text,
          maxLength: 128,
          description: "By which a repeated delivery is recognised.",
        },
      },
      "value",
      "values",
      "id",
    ),
    additionalProperties: true,
  },
  Ticks: {
    oneOf: [
      { $ref: "#/components/schemas/Tick" },
      { type: "array", items: { $ref: "#/components/schemas/Tick" } },
    ],
  },
  IngestAnswer: object(
    {
      type: { enum: ["ack", "error"] },
      sequence: { ...count, description: "The number of the message on its socket, from 1." },
      count: { ...count, description: "Ticks accepted." },
      rejected: { ...count, description: "Ticks refused." },
      ...refusal,
      line: { ...count, description: "The place of the tick in the body, from 1." },
      errors: { type: "array", items: object({ ...refusal, line: count }) },
    },
    "sequence",
    "rejected",
    "reason",
    "field",
    "detail",
    "line",
    "errors",
  ),
  Forecast: object({
    type: { const: "forecast" },
    series: text,
    time: { type: "number", description: "The time of the last tick seen, epoch milliseconds." },
    step: count,
    value: { ...number, description: "The value of that tick." },
    horizon: { ...numbers, description: "The times forecast for, epoch milliseconds." },
    mean: numbers,
    quantiles: {
      type: "object",
      additionalProperties: numbers,
      description: "By level, such as 0.05.",
    },
    parameters: { ...count, description: "The version of the network's parameters." },
    flags: {
      type: "array",
      items: { enum: ["warming-up", "degraded", "stale", "anomaly"] },
    },
    pValue: { ...number, description: "How surprising the last tick was, two-sided." },
  }, "value"),
  SeriesPage: object(
    { series: { type: "array", items: text }, total: count, next: count },
    "next",
  ),
  SeriesDetail: object({
    series: text,
    steps: count,
    ticks: {
      type: "array",
      items: object({ time: { type: "number" }, values: byFeature }),
      description: "The last ones accepted since the server's start, oldest first.",
    },
    forecast: { $ref: "#/components/schemas/Forecast" },
    experts: {
      type: "object",
      additionalProperties: number,
      description: "The weight of each expert at the end of the horizon.",
    },
  }),
  Health: object(
    {
      ok: flag,
      detail: text,
      waiting: { ...count, description: "Ticks accepted and not yet forecast from." },
      applied: { ...count, description: "Ticks forecast from since the beginning." },
      series: count,
      store: object({
        sequence: { ...count, description: "The number of the last durable tick." },
        journalBytes: count,
        checkpoints: { type: "array", items: count },
        writable: flag,
      }),
    },
    "detail",
    "waiting",
    "applied",
    "series",
    "store",
  ),
  Document: {
    type: "object",
    properties: { openapi: text, info: { type: "object" }, paths: { type: "object" } },
    required: ["openapi", "info", "paths"],
  },
  Readiness: object({ ready: flag, draining: flag }),
  Saved: object({ ok: { const: true }, applied: count }),
  Learning: learning,
  Status: object({
    time: { type: "number", description: "The server's time, epoch milliseconds." },
    version: text,
    health: { $ref: "#/components/schemas/Health" },
    horizon: count,
    levels: numbers,
    experts: { type: "array", items: text },
    learner: { oneOf: [{ $ref: "#/components/schemas/Learning" }, { type: "null" }] },
    feeds: {
      type: "array",
      items: object({
        name: text,
        state: { enum: ["connecting", "connected", "reconnecting", "stale", "ended"] },
        sinceMs: { type: "number" },
        detail: text,
        reconnects: count,
        lastMessageMs: number,
      }),
    },
    events: {
      type: "array",
      items: object(
        {
          time: { type: "number" },
          topic: { enum: ["model", "feed", "server"] },
          kind: text,
          text,
          series: text,
          step: count,
        },
        "series",
        "step",
      ),
      description: "The newest first; a bounded number.",
    },
    scores: byAhead(
      object({ series: count, skill: number, coverage80: number, coverage90: number }),
    ),
  }),
  ScoresPage: object({
    total: count,
    matched: count,
    series: {
      type: "array",
      items: object({
        series: text,
        time: number,
        value: number,
        skill: number,
        coverage90: number,
        flags: { type: "array", items: text },
      }),
    },
  }),
  History: object(
    {
      forecast: { $ref: "#/components/schemas/Forecast" },
      series: text,
      step: { ...count, description: "The step of the first row." },
      columns: columns(HISTORY_COLUMNS),
      trend: columns(TREND_COLUMNS),
      weights: object({
        time: numbers,
        first: { type: "array", items: numbers },
        last: { type: "array", items: numbers },
      }),
      experts: { type: "array", items: text },
      scores: byAhead(object({ recent: score, window: score })),
    },
    "trend",
    "weights",
  ),
};
