import config from "../../../deno.json" with { type: "json" };
import { adminPaths } from "../routes/admin_routes.ts";
import { documentPaths } from "../routes/document_routes.ts";
import { forecastPaths } from "../routes/forecast_routes.ts";
import { healthPaths } from "../routes/health_routes.ts";
import { metricsPaths } from "../routes/metrics_routes.ts";
import { seriesPaths } from "../routes/series_routes.ts";
import { tickPaths } from "../routes/tick_routes.ts";
import { viewPaths } from "../routes/view_routes.ts";
import { SCHEMAS } from "./schemas.ts";

/** The API as an OpenAPI 3.1 document: what each group of routes says of itself. */
export const OPENAPI_DOCUMENT: Readonly<Record<string, unknown>> = {
  openapi: "3.1.1",
  info: {
    title: "Tickcast",
    version: config.version,
    description: "Ticks in, forecasts out. A refusal is always a Problem.",
    license: { name: "MIT", identifier: "MIT" },
  },
  servers: [{ url: "/" }],
  security: [{ bearer: [] }],
  paths: {
    ...healthPaths,
    ...tickPaths,
    ...forecastPaths,
    ...seriesPaths,
    ...viewPaths,
    ...metricsPaths,
    ...adminPaths,
    ...documentPaths,
  },
  components: {
    schemas: SCHEMAS,
    securitySchemes: {
      bearer: {
        type: "http",
        scheme: "bearer",
        description:
          "A token with one or more of the scopes ingest, read, admin. A browser's WebSocket sends it " +
          "as a subprotocol: tickcast.v1 and tickcast.bearer. followed by the token as base64url.",
      },
    },
  },
};
