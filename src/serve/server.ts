import { createServer as createHttpServer, type Server as HttpServer } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { getRequestListener } from "@hono/node-server";
import { Access, type AccessOptions } from "./access/access.ts";
import { isLoopback } from "./access/hosts.ts";
import type { Token } from "./access/tokens.ts";
import { makeApp } from "./app.ts";
import { ConnectionLimit } from "./connection_limit.ts";
import type { Engine } from "./engine.ts";
import { EventStreams } from "./event_streams.ts";
import { listen, PATIENCE } from "./listen.ts";
import { Metrics } from "./metrics.ts";
import { Monitor } from "./monitor.ts";
import { Readiness } from "./readiness.ts";
import { Sockets } from "./sockets.ts";

/** Connections that stay open where nothing is said: each costs up to 1 MiB while its reader stalls. */
const CONNECTIONS_MAX = 5000;

/** A certificate and its key, both PEM. */
export interface TlsOptions {
  /** The certificate, with those between it and the root after it. */
  readonly cert: string;
  /** The private key. */
  readonly key: string;
}

/** Where a server listens, and what it serves. */
export interface ServerOptions {
  /** What it fronts; closed by its owner, after the server. */
  readonly engine: Engine;
  /** The address; 127.0.0.1 where left out, so that nothing is open to a network by accident. */
  readonly host?: string;
  /** The port; 8080 where left out, a free one where 0. */
  readonly port?: number;
  /** Who may do what, and how much. */
  readonly access?: Omit<AccessOptions, "loopback">;
  /** Listens where others can reach it although there are no tokens. */
  readonly openToAll?: boolean;
  /** WebSockets and event streams together, at most; 5,000 where left out. */
  readonly connectionsMax?: number;
  /** Speaks HTTPS where given. */
  readonly tls?: TlsOptions;
}

/** A running server. */
export interface Server {
  /** `http://HOST:PORT`, or `https://…`. */
  readonly url: string;
  /** Takes other tokens; connections of those that are gone are closed. */
  replaceTokens(tokens: readonly Token[]): void;
  /** Lets `/readyz` say from now on that requests should go elsewhere; everything goes on. */
  drain(): void;
  /** Stops listening, answers what has come, and closes every connection. */
  close(): Promise<void>;
}

/** The port where nothing is said. */
export const DEFAULT_PORT = 8080;

/**
 * Starts a server.
 *
 * @throws {Error} when it cannot listen there, naming the address.
 * @throws {RangeError} when others could reach it and there are no tokens, unless `openToAll` says so.
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
  const { engine, host = "127.0.0.1", port = DEFAULT_PORT, tls } = options;
  const access = new Access({ ...options.access, loopback: isLoopback(host) });
  if (!isLoopback(host) && !access.guarded && !options.openToAll) {
    throw new RangeError(
      `Cannot listen on ${host}: others could reach it, and there are no tokens`,
    );
  }
  const connections = new ConnectionLimit(options.connectionsMax ?? CONNECTIONS_MAX);
  const streams = new EventStreams(engine, access, connections);
  const sockets = new Sockets(engine, access, connections);
  const readiness = new Readiness();
  const monitor = new Monitor(engine);
  const metrics = new Metrics(engine, monitor, () => sockets.subscribers + streams.size);
  const app = makeApp(engine, { access, readiness, streams, monitor, metrics });
  // The adapter would put a Response of its own in place of the global one, for the whole process.
  const answer = getRequestListener(app.fetch, { overrideGlobalObjects: false });
  const http: HttpServer = tls === undefined
    ? createHttpServer(PATIENCE, (request, response) => void answer(request, response))
    : createHttpsServer(
      { ...PATIENCE, cert: tls.cert, key: tls.key },
      (request, response) => void answer(request, response),
    );
  http.on("upgrade", (request, socket, head) => sockets.upgrade(request, socket, head));
  let address: string;
  try {
    address = await listen(http, host, port);
  } catch (error) {
    streams.close();
    await sockets.close();
    metrics.close();
    monitor.close();
    throw error;
  }
  return {
    url: `${tls === undefined ? "http" : "https"}://${address}`,
    replaceTokens: (tokens): void => {
      access.replaceTokens(tokens);
      sockets.review();
      streams.review();
    },
    drain: (): void => readiness.drain(),
    close: async (): Promise<void> => {
      readiness.drain();
      const closed = new Promise<void>((resolve) => http.close(() => resolve()));
      streams.close();
      await sockets.close();
      http.closeAllConnections();
      await closed;
      metrics.close();
      monitor.close();
    },
  };
}
