import { operation } from "../openapi/operation.ts";
import type { App } from "../server_env.ts";

/** What is told to Prometheus. */
export interface MetricsText {
  /** The type of the text. */
  readonly contentType: string;
  /** Every metric as text. */
  text(): Promise<string>;
}

/** What the server counts, for Prometheus. */
export function metricsRoutes(app: App, metrics: MetricsText): void {
  app.get("/metrics", async (context) => {
    return context.body(await metrics.text(), 200, { "content-type": metrics.contentType });
  });
}

/** What the document says of it. */
export const metricsPaths = {
  "/metrics": {
    get: operation({
      id: "metrics",
      summary: "What the server counts, in the Prometheus text format.",
      scope: "read",
      plainText: true,
      responses: {},
    }),
  },
};
