/**
 * What a server needs beside the library: state that survives the process. For Deno, not for browsers.
 *
 * @module
 */
export { SqliteStore, type SqliteStoreOptions } from "./src/state/sqlite_store.ts";
export {
  type Appended,
  type Checkpoint,
  type FeedCursor,
  JournalError,
  type JournalRecord,
  type StateStore,
  type StoreStats,
  type SwapRecord,
} from "./src/state/store.ts";
export type { Snapshot } from "./src/forecast/forecaster.ts";
export { type Clock, type Status, type StatusListener, type Tick } from "./streams/mod.ts";
