import type { Context } from "hono";
import type { Engine } from "../engine.ts";
import { operation } from "../openapi/operation.ts";
import { problem } from "../problem.ts";
import type { App, ServerEnv } from "../server_env.ts";
import { encodeForecast } from "../wire.ts";

/** Series of one page at most: 1,000 of the longest names are 256 kB. */
const PAGE_MAX = 1000;
const PAGE_DEFAULT = 100;
/** The offset ends where whole numbers do. */
const OFFSET_MAX = Number.MAX_SAFE_INTEGER;

/** The series known: all of them by pages, and each in detail. */
export function seriesRoutes(app: App, engine: Engine): void {
  app.get("/v1/series", (context) => {
    const limit = wholeNumber(context.req.query("limit"), PAGE_DEFAULT, 1, PAGE_MAX);
    const offset = wholeNumber(context.req.query("offset"), 0, 0, OFFSET_MAX);
    if (limit === undefined) {
      return problem(context, 400, "bad-type", `expected 1 to ${PAGE_MAX}`, "limit");
    }
    if (offset === undefined) {
      return problem(context, 400, "bad-type", "expected a whole number", "offset");
    }
    const search = (context.req.query("search") ?? "").toLowerCase();
    const known = engine.series();
    const found = search === ""
      ? known
      : known.filter((name) => name.toLowerCase().includes(search));
    const series = found.slice(offset, offset + limit);
    const end = offset + series.length;
    return context.json({
      series,
      total: found.length,
      ...(end < found.length ? { next: end } : {}),
    });
  });

  app.get("/v1/series/:series", (context) => {
    const series = context.req.param("series");
    const forecast = engine.latest(series);
    if (forecast === undefined) return unknownSeries(context, series);
    const { forecaster } = engine;
    const weights = forecaster.weights?.(series);
    const experts = (forecaster.experts ?? []).map((name, index) => [name, weights?.[index]]);
    return context.json({
      series,
      steps: engine.steps(series),
      ticks: engine.recent(series),
      forecast: JSON.parse(encodeForecast(forecast)),
      experts: Object.fromEntries(experts),
    });
  });

  app.get("/v1/series/:series/forecast", (context) => {
    const series = context.req.param("series");
    const forecast = engine.latest(series);
    if (forecast === undefined) return unknownSeries(context, series);
    return context.body(encodeForecast(forecast), 200, { "content-type": "application/json" });
  });
}

/** The refusal of a series that has no forecast. */
export function unknownSeries(context: Context<ServerEnv>, series: string): Response {
  return problem(context, 404, "unknown", `no such series: ${series}`, "series");
}

/** A query's whole number; undefined where it is none or out of range. */
export function wholeNumber(
  text: string | undefined,
  otherwise: number,
  min: number,
  max: number,
): number | undefined {
  if (text === undefined) return otherwise;
  const value = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
  return value >= min && value <= max ? value : undefined;
}

/** The parameter of every route of one series. */
export const SERIES = {
  name: "series",
  in: "path",
  required: true,
  schema: { type: "string" },
} as const;

/** What the document says of them. */
export const seriesPaths = {
  "/v1/series": {
    get: operation({
      id: "listSeries",
      summary: "The names of the series, in the order of their first ticks, by pages.",
      scope: "read",
      parameters: [
        {
          name: "limit",
          in: "query",
          schema: { type: "integer", minimum: 1, maximum: PAGE_MAX, default: PAGE_DEFAULT },
        },
        { name: "offset", in: "query", schema: { type: "integer", minimum: 0, default: 0 } },
        {
          name: "search",
          in: "query",
          description: "Only names that contain this, in whatever case.",
          schema: { type: "string" },
        },
      ],
      responses: {
        200: ["SeriesPage", "A page; `next` is the offset of the one after it."],
        400: ["Problem", "A parameter is out of range."],
      },
    }),
  },
  "/v1/series/{series}": {
    get: operation({
      id: "getSeries",
      summary: "One series: its last ticks, its forecast, and how much each expert weighs in it.",
      scope: "read",
      parameters: [SERIES],
      responses: {
        200: ["SeriesDetail", "The series."],
        404: ["Problem", "No such series."],
      },
    }),
  },
  "/v1/series/{series}/forecast": {
    get: operation({
      id: "latestForecast",
      summary: "The forecast after the last tick of a series.",
      scope: "read",
      parameters: [SERIES],
      responses: {
        200: ["Forecast", "The forecast."],
        404: ["Problem", "No such series."],
      },
    }),
  },
};
