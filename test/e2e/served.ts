// A server in this process, for tests.
import type { Forecaster } from "../../src/forecast/forecaster.ts";
import { OnlineForecaster } from "../../src/forecast/online_forecaster.ts";
import { type App, makeApp } from "../../src/serve/app.ts";
import { Access, type AccessOptions } from "../../src/serve/access/access.ts";
import { ConnectionLimit } from "../../src/serve/connection_limit.ts";
import { Engine } from "../../src/serve/engine.ts";
import { EventStreams } from "../../src/serve/event_streams.ts";
import { Metrics } from "../../src/serve/metrics.ts";
import { Monitor } from "../../src/serve/monitor.ts";
import { Readiness } from "../../src/serve/readiness.ts";
import { type Server, type ServerOptions, startServer } from "../../src/serve/server.ts";
import { MemoryStore } from "../../src/state/memory_store.ts";
import type { StateStore } from "../../src/state/store.ts";

/** What the metrics of an app without sockets say of them. */
export const SUBSCRIBERS = 7;

/** What is served. */
export interface Served {
  readonly server: Server;
  readonly engine: Engine;
}

/** Runs a test against a server on a free port. */
export async function withServer(
  body: (served: Served) => Promise<void>,
  options: Partial<ServerOptions> & { forecaster?: Forecaster; store?: StateStore } = {},
): Promise<void> {
  const { forecaster = new OnlineForecaster({ horizon: 2 }), store = new MemoryStore() } = options;
  const engine = await Engine.open({ forecaster, store });
  try {
    const server = await startServer({ port: 0, ...options, engine });
    try {
      await body({ server, engine });
    } finally {
      await server.close();
    }
  } finally {
    await engine.close();
  }
}

/** Runs a test against the HTTP side without a port. */
export async function withApp(
  body: (app: App, engine: Engine, monitor: Monitor) => Promise<void>,
  options: { forecaster?: Forecaster; access?: AccessOptions; connectionsMax?: number } = {},
): Promise<void> {
  const { forecaster = new OnlineForecaster({ horizon: 2 }) } = options;
  const engine = await Engine.open({ forecaster, store: new MemoryStore() });
  const access = new Access(options.access);
  const monitor = new Monitor(engine);
  const metrics = new Metrics(engine, monitor, () => SUBSCRIBERS);
  const streams = new EventStreams(
    engine,
    access,
    new ConnectionLimit(options.connectionsMax ?? 100),
  );
  try {
    const readiness = new Readiness();
    await body(makeApp(engine, { access, streams, readiness, monitor, metrics }), engine, monitor);
  } finally {
    metrics.close();
    monitor.close();
    streams.close();
    await engine.close();
  }
}

/** Resolves when everything accepted has been forecast from. */
export async function settled(engine: Engine): Promise<void> {
  while (engine.health().waiting > 0) await new Promise((resolve) => setTimeout(resolve, 1));
}
