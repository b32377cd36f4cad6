import { createServer } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { Hono } from "hono";
import { Access } from "./access/access.ts";
import { isLoopback } from "./access/hosts.ts";
import type { Token } from "./access/tokens.ts";
import { guard } from "./guard.ts";
import { listen, PATIENCE } from "./listen.ts";
import { metricsRoutes } from "./routes/metrics_routes.ts";
import type { App, ServerEnv } from "./server_env.ts";
import type { WorkerMetrics } from "./worker_metrics.ts";

/** Where a worker is asked how it does. */
export interface WorkerServerOptions {
  /** What is told. */
  readonly metrics: WorkerMetrics;
  /** The address. */
  readonly host: string;
  /** The port, a free one where 0. */
  readonly port: number;
  /** Who may read the metrics; whoever can connect where empty. */
  readonly tokens: readonly Token[];
}

/** A worker's probes. */
export interface WorkerServer {
  /** `http://HOST:PORT`. */
  readonly url: string;
  /** Takes other tokens. */
  replaceTokens(tokens: readonly Token[]): void;
  /** Stops listening. */
  close(): Promise<void>;
}

/**
 * Answers `/healthz` for everyone and `/metrics` for those who may read.
 *
 * @throws {Error} when it cannot listen there, naming the address.
 */
export async function startWorkerServer(options: WorkerServerOptions): Promise<WorkerServer> {
  const { metrics, host, port, tokens } = options;
  const app: App = new Hono<ServerEnv>();
  const access = new Access({ tokens, loopback: isLoopback(host) });
  app.use(guard(access));
  app.get("/healthz", (context) => {
    const ok = metrics.healthy;
    return context.json({ ok }, ok ? 200 : 503);
  });
  metricsRoutes(app, metrics);
  const answer = getRequestListener(app.fetch, { overrideGlobalObjects: false });
  const http = createServer(PATIENCE, (request, response) => void answer(request, response));
  const url = `http://${await listen(http, host, port)}`;
  return {
    url,
    replaceTokens: (others): void => access.replaceTokens(others),
    close: async (): Promise<void> => {
      const closed = new Promise<void>((resolve) => http.close(() => resolve()));
      http.closeAllConnections();
      await closed;
    },
  };
}
