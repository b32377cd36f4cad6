/**
 * What a server needs beside the library: an engine with durable state, and HTTP and WebSockets in front
 * of it. For Deno, not for browsers.
 *
 * @module
 */
export {
  Engine,
  type EngineHealth,
  type EngineOptions,
  type ForecastListener,
  type RecentTick,
} from "./src/serve/engine.ts";
export type { AppliedListener } from "./src/serve/durable_engine.ts";
export type { AccessOptions } from "./src/serve/access/access.ts";
export type { Rate } from "./src/serve/access/rate_limiter.ts";
export { type Grant, parseTokens, type Scope, type Token } from "./src/serve/access/tokens.ts";
export {
  DEFAULT_PORT,
  type Server,
  type ServerOptions,
  startServer,
  type TlsOptions,
} from "./src/serve/server.ts";
export { SqliteStore, type SqliteStoreOptions } from "./src/state/sqlite_store.ts";
export {
  type Appended,
  type Checkpoint,
  type FeedCursor,
  JournalError,
  type JournalRecord,
  type StateStore,
  type StoreStats,
} from "./src/state/store.ts";
export type { Snapshot } from "./src/forecast/forecaster.ts";
export { type Clock, type Status, type StatusListener, type Tick } from "./streams/mod.ts";
