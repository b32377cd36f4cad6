import type { Context, Hono } from "hono";
import config from "../../../deno.json" with { type: "json" };
import type { Engine } from "../engine.ts";
import type { Monitor } from "../monitor.ts";
import { encodeForecast } from "../wire.ts";
import { DASHBOARD_ICON, DASHBOARD_PAGE } from "./page.ts";
import { dashboardScript } from "./script.ts";
import { DASHBOARD_STYLE } from "./style.ts";

/** Series told in one answer: a list longer than this is searched, not scrolled. */
const SCORES_MAX = 200;
const SCORES_DEFAULT = 50;

/** Only what this server serves, and nothing inline: a name of a series can never become code. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const HEADERS = {
  "content-security-policy": POLICY,
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  // The page and its parts change together with the server only.
  "cache-control": "no-cache",
};

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

/** Files of the uPlot package, read once. */
const plotFiles = new Map<string, Promise<string>>();

function plotFile(name: string): Promise<string> {
  let text = plotFiles.get(name);
  if (text === undefined) {
    text = Deno.readTextFile(new URL(name, import.meta.resolve("uplot")));
    plotFiles.set(name, text);
  }
  return text;
}

/**
 * Serves the dashboard at `/`, all its parts from this server, and the JSON that it draws: `/v1/status`,
 * `/v1/scores` and `/v1/series/:series/history`.
 *
 * @param app Where the routes are added.
 * @param engine What is shown.
 * @param monitor What has been gathered of it.
 */
export function dashboardRoutes(app: Hono, engine: Engine, monitor: Monitor): void {
  const file = (path: string, type: string, body: () => string | Promise<string>): void => {
    app.get(path, async (context) => {
      return context.body(await body(), 200, { ...HEADERS, "content-type": type });
    });
  };
  file("/", "text/html; charset=utf-8", () => DASHBOARD_PAGE);
  file("/favicon.ico", "image/svg+xml", () => DASHBOARD_ICON);
  file("/dashboard/style.css", "text/css; charset=utf-8", async () => {
    return await plotFile("uPlot.min.css") + DASHBOARD_STYLE;
  });
  file("/dashboard/uplot.js", "text/javascript; charset=utf-8", () => {
    return plotFile("uPlot.iife.min.js");
  });
  file("/dashboard/main.js", "text/javascript; charset=utf-8", dashboardScript);

  app.get("/v1/status", (context) => context.json(status(engine, monitor)));
  app.get("/v1/scores", (context) => context.json(scores(engine, monitor, context)));
  app.get("/v1/series/:series/history", (context) => {
    const body = history(engine, monitor, context);
    if (body !== undefined) return context.body(body, 200, { "content-type": "application/json" });
    const detail = `no such series: ${context.req.param("series")}`;
    return context.json({ type: "error", reason: "unknown", field: "series", detail }, 404);
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

function scores(engine: Engine, monitor: Monitor, context: Context): Record<string, unknown> {
  const search = (context.req.query("search") ?? "").toLowerCase();
  const asked = Number(context.req.query("limit") ?? SCORES_DEFAULT);
  const limit = Number.isInteger(asked) && asked > 0 ? Math.min(asked, SCORES_MAX) : SCORES_DEFAULT;
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

function history(engine: Engine, monitor: Monitor, context: Context): string | undefined {
  const name = context.req.param("series") as string;
  const view = monitor.series(name);
  const latest = engine.latest(name);
  if (view === undefined || latest === undefined) return undefined;
  const asked = Number(context.req.query("after") ?? -1);
  const after = Number.isInteger(asked) ? asked : -1;
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
