import config from "../../../deno.json" with { type: "json" };
import type { Engine } from "../engine.ts";
import type { Monitor } from "../monitor.ts";
import { operation } from "../openapi/operation.ts";
import { problem } from "../problem.ts";
import type { App } from "../server_env.ts";
import { encodeForecast } from "../wire.ts";
import { SERIES, unknownSeries, wholeNumber } from "./series_routes.ts";

/** Series told in one answer: a list longer than this is searched, not scrolled. */
const SCORES_MAX = 200;
const SCORES_DEFAULT = 50;

/** Digits that a chart or a table can show. */
const DIGITS = 7;

function rounded(value: number): number | null {
  return Number.isFinite(value) ? Number(value.toPrecision(DIGITS)) : null;
}

/** Numbers as JSON, `NaN` as null. Times are whole and must stay exact. */
function numbers(values: Float64Array): (number | null)[] {
  return Array.from(values, (value) => Number.isInteger(value) ? value : rounded(value));
}

function byName(columns: Record<string, Float64Array>): Record<string, (number | null)[]> {
  return Object.fromEntries(
    Object.entries(columns).map(([name, values]) => [name, numbers(values)]),
  );
}

/** What the dashboard draws: where the server stands, how its series score, and what was said of each. */
export function viewRoutes(app: App, engine: Engine, monitor: Monitor): void {
  app.get("/v1/status", (context) => context.json(status(engine, monitor)));

  app.get("/v1/scores", (context) => {
    const limit = wholeNumber(context.req.query("limit"), SCORES_DEFAULT, 1, SCORES_MAX);
    if (limit === undefined) {
      return problem(context, 400, "bad-type", `expected 1 to ${SCORES_MAX}`, "limit");
    }
    const search = (context.req.query("search") ?? "").toLowerCase();
    return context.json(scores(engine, monitor, search, limit));
  });

  app.get("/v1/series/:series/history", (context) => {
    const series = context.req.param("series");
    const after = wholeNumber(context.req.query("after"), -1, 0, Number.MAX_SAFE_INTEGER);
    if (after === undefined) {
      return problem(context, 400, "bad-type", "expected a step", "after");
    }
    const body = history(engine, monitor, series, after);
    if (body === undefined) return unknownSeries(context, series);
    return context.body(body, 200, { "content-type": "application/json" });
  });
}

function status(engine: Engine, monitor: Monitor): Record<string, unknown> {
  const { horizon, levels, experts = [], learner } = engine.forecaster;
  const feeds = monitor.feeds.list().map((feed) => ({
    ...feed,
    lastMessageMs: engine.lastMessages.get(feed.name) ?? null,
  }));
  return {
    time: Date.now(),
    version: config.version,
    health: engine.health(),
    horizon,
    levels,
    experts,
    // NaN becomes null in JSON.
    learner: learner?.learning ?? null,
    feeds,
    events: monitor.events.list(),
    scores: { first: monitor.overall("first"), last: monitor.overall("last") },
  };
}

function scores(
  engine: Engine,
  monitor: Monitor,
  search: string,
  limit: number,
): Record<string, unknown> {
  const all = engine.series();
  const matched = all.filter((name) => name.toLowerCase().includes(search));
  const series = matched.slice(0, limit).map((name) => {
    const forecast = engine.latest(name);
    const score = monitor.series(name)?.scores.recent("last");
    return {
      series: name,
      time: forecast?.time ?? null,
      value: rounded(forecast?.value ?? NaN),
      skill: rounded(score?.skill ?? NaN),
      coverage90: rounded(score?.coverage90 ?? NaN),
      flags: forecast?.flags ?? [],
    };
  });
  return { total: all.length, matched: matched.length, series };
}

function history(
  engine: Engine,
  monitor: Monitor,
  name: string,
  after: number,
): string | undefined {
  const view = monitor.series(name);
  const latest = engine.latest(name);
  if (view === undefined || latest === undefined) return undefined;
  const { step, columns } = view.history(after);
  const { scores } = view;
  const weights = view.weights();
  const rest = {
    series: name,
    step,
    columns: byName(columns),
    ...(after < 0 || view.trendStep > after
      ? {
        trend: byName(view.trend()),
        weights: {
          time: numbers(weights.time),
          first: weights.first.map(numbers),
          last: weights.last.map(numbers),
        },
      }
      : {}),
    experts: engine.forecaster.experts ?? [],
    scores: {
      first: { recent: scores.recent("first"), window: scores.window("first") },
      last: { recent: scores.recent("last"), window: scores.window("last") },
    },
  };
  return `{"forecast":${encodeForecast(latest)},${JSON.stringify(rest).slice(1)}`;
}

/** What the document says of them. */
export const viewPaths = {
  "/v1/status": {
    get: operation({
      id: "status",
      summary: "Where the server stands: health, feeds, events, the network, scores of all series.",
      scope: "read",
      responses: { 200: ["Status", "So it stands."] },
    }),
  },
  "/v1/scores": {
    get: operation({
      id: "scores",
      summary: "Series by name, each with its last value and how well it is forecast.",
      scope: "read",
      parameters: [
        {
          name: "search",
          in: "query",
          description: "Only names that contain this, in whatever case.",
          schema: { type: "string" },
        },
        {
          name: "limit",
          in: "query",
          schema: { type: "integer", minimum: 1, maximum: SCORES_MAX, default: SCORES_DEFAULT },
        },
      ],
      responses: {
        200: ["ScoresPage", "The first of those that match."],
        400: ["Problem", "The limit is out of range."],
      },
    }),
  },
  "/v1/series/{series}/history": {
    get: operation({
      id: "history",
      summary: "The last steps of a series beside what had been forecast of them, and its scores.",
      scope: "read",
      parameters: [
        SERIES,
        {
          name: "after",
          in: "query",
          description: "Only the steps after this one; all that are kept where left out.",
          schema: { type: "integer", minimum: 0 },
        },
      ],
      responses: {
        200: ["History", "The steps; scores over time are left out where none is newer."],
        400: ["Problem", "`after` is no step."],
        404: ["Problem", "No such series."],
      },
    }),
  },
};
