import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { makeApp } from "./app.ts";
import type { Engine } from "./engine.ts";
import { Metrics } from "./metrics.ts";
import { Monitor } from "./monitor.ts";
import { Sockets } from "./sockets.ts";

/** Where a server listens, and what it serves. */
export interface ServerOptions {
  /** What it fronts; closed by its owner, after the server. */
  readonly engine: Engine;
  /** The address; 127.0.0.1 where left out, so that nothing is open to a network by accident. */
  readonly host?: string;
  /** The port; 8080 where left out, a free one where 0. */
  readonly port?: number;
}

/** A running server. */
export interface Server {
  /** `http://HOST:PORT`. */
  readonly url: string;
  /** Stops listening, answers what has come, and closes every connection. */
  close(): Promise<void>;
}

/** The port where nothing is said. */
export const DEFAULT_PORT = 8080;

/**
 * Starts a server.
 *
 * @throws {Error} when it cannot listen there, naming the address.
 *
 * @example
 * ```ts
 * import { MemoryStore, OnlineForecaster } from "@tickcast/tickcast";
 * import { Engine, startServer } from "@tickcast/tickcast/server";
 *
 * const engine = await Engine.open({ forecaster: new OnlineForecaster(), store: new MemoryStore() });
 * const server = await startServer({ engine, port: 0 });
 * const tick = { series: "room", time: 0, value: 20 };
 * const answer = await fetch(`${server.url}/v1/ticks`, { method: "POST", body: JSON.stringify(tick) });
 * if ((await answer.json()).count !== 1) throw new Error();
 * await server.close();
 * await engine.close();
 * ```
 */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { engine, host = "127.0.0.1", port = DEFAULT_PORT } = options;
  const sockets = new Sockets(engine);
  const monitor = new Monitor(engine);
  const metrics = new Metrics(engine, monitor, () => sockets.subscribers);
  const listener = getRequestListener(makeApp(engine, monitor, metrics).fetch);
  const http: HttpServer = createServer((request, response) => void listener(request, response));
  http.on("upgrade", (request, socket, head) => sockets.upgrade(request, socket, head));
  try {
    await new Promise<void>((resolve, reject) => {
      http.once("listening", resolve);
      http.once("error", reject);
      http.listen(port, host);
    });
  } catch (cause) {
    await sockets.close();
    metrics.close();
    monitor.close();
    const detail = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`Cannot listen on ${host}:${port}: ${detail}`, { cause });
  }
  const address = http.address() as AddressInfo;
  const shown = address.family === "IPv6" ? `[${address.address}]` : address.address;
  return {
    url: `http://${shown}:${address.port}`,
    close: async (): Promise<void> => {
      const closed = new Promise<void>((resolve) => http.close(() => resolve()));
      await sockets.close();
      http.closeAllConnections();
      await closed;
      metrics.close();
      monitor.close();
    },
  };
}
