import { Hono } from "hono";
import type { Access } from "./access/access.ts";
import { dashboardRoutes } from "./dashboard/dashboard_routes.ts";
import type { Engine } from "./engine.ts";
import type { EventStreams } from "./event_streams.ts";
import { guard } from "./guard.ts";
import type { Metrics } from "./metrics.ts";
import type { Monitor } from "./monitor.ts";
import { OPENAPI_DOCUMENT } from "./openapi/document.ts";
import { problem } from "./problem.ts";
import type { Readiness } from "./readiness.ts";
import { adminRoutes } from "./routes/admin_routes.ts";
import { documentRoutes } from "./routes/document_routes.ts";
import { forecastRoutes } from "./routes/forecast_routes.ts";
import { healthRoutes } from "./routes/health_routes.ts";
import { metricsRoutes } from "./routes/metrics_routes.ts";
import { seriesRoutes } from "./routes/series_routes.ts";
import { tickRoutes } from "./routes/tick_routes.ts";
import { viewRoutes } from "./routes/view_routes.ts";
import type { App, ServerEnv } from "./server_env.ts";

export type { App };

/** The parts of a server that its routes share. */
export interface AppParts {
  /** Who may do what. */
  readonly access: Access;
  /** Whether requests are wanted. */
  readonly readiness: Readiness;
  /** The forecasts as events. */
  readonly streams: EventStreams;
  /** What is shown of the engine. */
  readonly monitor: Monitor;
  /** What is counted of it. */
  readonly metrics: Metrics;
}

/**
 * The HTTP side of a server: ticks in by POST, forecasts and health out. Needs no port:
 * `app.request("/healthz")` answers as a socket would.
 *
 * @param engine What it fronts.
 * @param parts What the routes share.
 */
export function makeApp(engine: Engine, parts: AppParts): App {
  const { access, readiness, streams, monitor, metrics } = parts;
  const app: App = new Hono<ServerEnv>();
  app.notFound((context) => problem(context, 404, "unknown", `no such route: ${context.req.path}`));
  app.onError((error, context) => {
    engine.report({ kind: "degraded", part: "http", detail: error.message });
    return context.json(
      { type: "error", reason: "unknown", field: "", detail: "internal error" },
      500,
    );
  });
  app.use(guard(access));
  healthRoutes(app, engine, readiness);
  tickRoutes(app, engine, access);
  forecastRoutes(app, streams);
  seriesRoutes(app, engine);
  adminRoutes(app, engine);
  viewRoutes(app, engine, monitor);
  metricsRoutes(app, metrics);
  dashboardRoutes(app);
  documentRoutes(app, OPENAPI_DOCUMENT);
  return app;
}
