import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { ingestAnswer, type InputError, limits, TickDecoder } from "../../streams/mod.ts";
import { JournalError } from "../state/store.ts";
import type { Engine } from "./engine.ts";
import { dashboardRoutes } from "./dashboard/dashboard_routes.ts";
import { Metrics, metricsRoutes } from "./metrics.ts";
import { Monitor } from "./monitor.ts";
import { encodeForecast } from "./wire.ts";

/** A refusal as every route words it. */
export function problem(
  context: Context,
  status: 400 | 401 | 403 | 404 | 413 | 429 | 503,
  reason: string,
  detail: string,
  field = "",
): Response {
  return context.json({ type: "error", reason, field, detail }, status);
}

/**
 * The HTTP side of a server: ticks in by POST, forecasts and health out. Needs no port:
 * `app.request("/healthz")` answers as a socket would.
 *
 * @param engine What it fronts.
 * @param monitor What is shown of it.
 * @param metrics What is counted of it.
 */
export function makeApp(
  engine: Engine,
  monitor: Monitor = new Monitor(engine),
  metrics: Metrics = new Metrics(engine, monitor, () => 0),
): Hono {
  const app = new Hono();
  app.notFound((context) => problem(context, 404, "unknown", `no such route: ${context.req.path}`));
  app.onError((error, context) => {
    engine.report({ kind: "degraded", part: "http", detail: error.message });
    return context.json(
      { type: "error", reason: "unknown", field: "", detail: "internal error" },
      500,
    );
  });

  app.get("/healthz", (context) => {
    const health = engine.health();
    return context.json(health, health.ok ? 200 : 503);
  });

  app.post(
    "/v1/ticks",
    bodyLimit({
      maxSize: limits.frameBytes,
      onError: (context) =>
        problem(context, 413, "too-large", `a body has at most ${limits.frameBytes} bytes`),
    }),
    async (context) => {
      engine.received("http");
      const decoder = new TickDecoder();
      const decoded = decoder.decode(new Uint8Array(await context.req.arrayBuffer()));
      const rejected: InputError[] = [...decoded.rejected];
      if (decoded.ticks.length > 0) {
        try {
          for (const { error } of await engine.accept(decoded.ticks)) rejected.push(error);
        } catch (error) {
          if (!(error instanceof JournalError)) throw error;
          return problem(context, 503, "unknown", error.message);
        }
      }
      for (const { reason, message: detail } of rejected) {
        engine.report({ kind: "rejected", source: "http", reason, detail, count: 1 });
      }
      const count = decoded.ticks.length + decoded.rejected.length - rejected.length;
      return context.json(ingestAnswer(count, rejected), rejected.length === 0 ? 200 : 400);
    },
  );

  app.get("/v1/series", (context) => context.json({ series: engine.series() }));

  app.get("/v1/series/:series/forecast", (context) => {
    const series = context.req.param("series");
    const forecast = engine.latest(series);
    if (forecast === undefined) {
      return problem(context, 404, "unknown", `no such series: ${series}`, "series");
    }
    return context.body(encodeForecast(forecast), 200, { "content-type": "application/json" });
  });
  metricsRoutes(app, metrics);
  dashboardRoutes(app, engine, monitor);
  return app;
}
