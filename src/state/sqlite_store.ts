import { setImmediate } from "node:timers";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { type Clock, type StatusListener, systemClock, type Tick } from "../../streams/mod.ts";
import type { Snapshot } from "../forecast/forecaster.ts";
import { decodeCheckpoint } from "./checkpoint.ts";
import { CheckpointFiles } from "./checkpoint_files.ts";
import { CheckpointWriter } from "./checkpoint_writer.ts";
import { IdWindow } from "./id_window.ts";
import { SqliteJournal } from "./sqlite_journal.ts";
import {
  type Appended,
  type Checkpoint,
  CHECKPOINTS_KEPT,
  type FeedCursor,
  IDS_KEPT,
  JournalError,
  type JournalRecord,
  type StateStore,
  type StoreStats,
} from "./store.ts";

/** Bytes of journal where nothing else is said: about 100 million ticks between two checkpoints. */
const JOURNAL_BYTES_MAX = 4 * 1024 ** 3;

/** While the journal cannot be written, it is tried so often whether it can be again. */
const PROBE_EVERY_MS = 1_000;

/** Rows of the journal that are let go of at once: some milliseconds. */
const ROWS_AT_ONCE = 512;

/** Commits after which the write-ahead log is put into the database: each writes two pages or more. */
const COMMITS_UNTIL_SETTLED = 1024;

/** How a {@linkcode SqliteStore} is opened. */
export interface SqliteStoreOptions {
  /** The folder that holds everything; made where it is missing. One process at a time may use it. */
  readonly folder: string;
  /**
   * `process` (the default): what is acknowledged survives `kill -9`. `power`: it also survives a loss
   * of power; a commit then waits for the disk.
   */
  readonly durability?: "process" | "power";
  /** Checkpoints kept; 3 where left out. */
  readonly checkpointsKept?: number;
  /** Bytes the journal may take; 4 GiB where left out. */
  readonly journalBytesMax?: number;
  /** Ids remembered against repeated delivery; 131,072 where left out. */
  readonly idsKept?: number;
  /** Receives what went wrong and what recovered. */
  readonly onStatus?: StatusListener;
  /** Where time comes from. */
  readonly clock?: Clock;
}

interface Waiting {
  readonly fresh: Tick[];
  readonly duplicates: number[];
  readonly cursor?: FeedCursor;
  readonly resolve: (appended: Appended) => void;
  readonly reject: (error: JournalError) => void;
}

/**
 * The embedded store: a journal in SQLite (write-ahead log) and checkpoints as files beside it.
 *
 * Commits run on the calling thread: one takes about 12 µs, less than handing the ticks to a worker and
 * back (84 µs), and whatever arrived in one turn of the event loop shares one.
 *
 * @example Ticks survive the process
 * ```ts
 * import { SqliteStore } from "@tickcast/tickcast/server";
 *
 * const folder = await Deno.makeTempDir();
 * let store = SqliteStore.open({ folder });
 * await store.append([{ series: "room", time: 0, values: { value: 20 }, id: "a" }]);
 * await store.close();
 *
 * store = SqliteStore.open({ folder });
 * const again = await store.append([{ series: "room", time: 0, values: { value: 20 }, id: "a" }]);
 * if (store.sequence !== 1 || again.duplicates.length !== 1) throw new Error();
 * await store.close();
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export class SqliteStore implements StateStore {
  readonly #lock: DatabaseSync;
  readonly #journal: SqliteJournal;
  readonly #journalPath: string;
  readonly #checkpoints: CheckpointFiles;
  readonly #writer: CheckpointWriter;
  readonly #ids: IdWindow;
  readonly #idsKept: number;
  readonly #checkpointsKept: number;
  readonly #onStatus: StatusListener;
  readonly #clock: Clock;
  readonly #degraded = new Set<string>();
  readonly #closing = new AbortController();
  #probing: Promise<void> | undefined;
  #sequence: number;
  #waiting: Waiting[] = [];
  #commits = 0;
  /** Checkpoints are saved one after the other. */
  #saving: Promise<unknown> = Promise.resolve();

  private constructor(options: SqliteStoreOptions) {
    this.#onStatus = options.onStatus ?? ((): void => {});
    this.#clock = options.clock ?? systemClock;
    this.#idsKept = options.idsKept ?? IDS_KEPT;
    this.#checkpointsKept = options.checkpointsKept ?? CHECKPOINTS_KEPT;
    if (!(this.#checkpointsKept >= 1)) throw new RangeError("A store keeps at least 1 checkpoint");
    this.#checkpoints = new CheckpointFiles(join(options.folder, "checkpoints"));
    this.#writer = new CheckpointWriter(this.#checkpoints);
    this.#journalPath = join(options.folder, "journal.sqlite");
    this.#lock = lockFolder(options.folder);
    try {
      this.#journal = this.#openJournal(options);
      this.#sequence = this.#journal.last();
      this.#ids = new IdWindow(this.#idsKept);
      this.#rememberIds();
    } catch (error) {
      this.#closing.abort();
      this.#lock.close();
      throw error;
    }
  }

  /**
   * Opens a folder. A damaged journal is put aside and reported, and the newest checkpoint goes on.
   *
   * @throws {Error} when another process uses the folder.
   * @throws {SyntaxError} when a newer release wrote it.
   */
  static open(options: SqliteStoreOptions): SqliteStore {
    return new SqliteStore(options);
  }

  /** The sequence number of the last durable tick. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Makes ticks durable; see {@linkcode StateStore.append}. */
  append(ticks: readonly Tick[], cursor?: FeedCursor): Promise<Appended> {
    const fresh: Tick[] = [];
    const duplicates: number[] = [];
    ticks.forEach((tick, index) => {
      if (this.#ids.add(tick)) fresh.push(tick);
      else duplicates.push(index);
    });
    return new Promise((resolve, reject) => {
      if (this.#waiting.length === 0) setImmediate(() => this.#commit());
      this.#waiting.push({ fresh, duplicates, cursor, resolve, reject });
    });
  }

  /** The journal after a number of applied ticks; see {@linkcode StateStore.replay}. */
  *replay(after: number): Generator<JournalRecord> {
    const first = this.#journal.first();
    if (first > after + 1 && first <= this.#sequence) {
      this.#report("journal", `ticks ${after + 1} to ${first - 1} are gone`);
    }
    try {
      yield* this.#journal.replay(after);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      this.#report("journal", error.message);
    }
  }

  /** Where a feed was; see {@linkcode StateStore.cursor}. */
  cursor(feed: string): string | undefined {
    return this.#journal.cursor(feed);
  }

  /** Saves a checkpoint; see {@linkcode StateStore.saveCheckpoint}. */
  saveCheckpoint(snapshot: Snapshot, sequence: number): Promise<boolean> {
    const write = this.#writer.prepare(snapshot, sequence, this.#clock.now());
    const saved = this.#saving.then(async () => {
      try {
        await write();
        await this.#letGo();
      } catch (error) {
        this.#report("checkpoint", `cannot save: ${messageOf(error)}`);
        return false;
      }
      this.#recovered("checkpoint");
      return true;
    });
    this.#saving = saved;
    return saved;
  }

  /** The newest sound checkpoint; see {@linkcode StateStore.loadCheckpoint}. */
  async loadCheckpoint(): Promise<Checkpoint | undefined> {
    for (const sequence of this.#checkpoints.list().reverse()) {
      try {
        return await decodeCheckpoint(await this.#checkpoints.read(sequence));
      } catch (error) {
        this.#report("checkpoint", `checkpoint ${sequence} is passed over: ${messageOf(error)}`);
      }
    }
    return undefined;
  }

  /** Figures for metrics. */
  stats(): StoreStats {
    return {
      sequence: this.#sequence,
      journalBytes: this.#journal.bytes(),
      checkpoints: this.#checkpoints.list(),
      writable: !this.#degraded.has("journal"),
    };
  }

  /** Commits what waits and gives everything back. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#probing;
    this.#commit();
    await this.#saving;
    await this.#writer.close();
    this.#journal.close();
    this.#lock.close();
  }

  /** One transaction for everything that waits. */
  #commit(): void {
    const group = this.#waiting;
    this.#waiting = [];
    if (group.length === 0) return;
    if (++this.#commits % COMMITS_UNTIL_SETTLED === 0) void this.#writer.settle(this.#journalPath);
    const ticks = group.length === 1 ? group[0].fresh : group.flatMap(({ fresh }) => fresh);
    const cursors = group.flatMap(({ cursor }) => cursor ?? []);
    try {
      // Nothing new and no cursor moved: all of it is durable already.
      if (ticks.length > 0 || cursors.length > 0) {
        this.#write(() => this.#journal.append(this.#sequence + 1, ticks, cursors));
      }
    } catch (error) {
      this.#ids.remove(ticks);
      for (const { reject } of group) reject(error as JournalError);
      return;
    }
    for (const { fresh, duplicates, resolve } of group) {
      resolve({ first: this.#sequence + 1, ticks: fresh, duplicates });
      this.#sequence += fresh.length;
    }
  }

  #write(body: () => void): void {
    try {
      body();
    } catch (error) {
      const detail = `cannot write: ${messageOf(error)}`;
      this.#report("journal", detail);
      throw new JournalError(`Journal ${detail}`, { cause: error });
    }
    this.#recovered("journal");
  }

  /** Finds out when the journal can be written again, also when nobody dares to send ticks. */
  async #probe(): Promise<void> {
    const { signal } = this.#closing;
    while (this.#degraded.has("journal")) {
      await this.#clock.sleep(PROBE_EVERY_MS, signal);
      if (signal.aborted) return;
      try {
        this.#journal.setPosition(0);
        this.#recovered("journal");
      } catch {
        // Not yet; it was reported when it began.
      }
    }
  }

  /** Keeps the last checkpoints, and the journal from the oldest of them on. */
  async #letGo(): Promise<void> {
    const kept = this.#checkpoints.list();
    for (const sequence of kept.splice(0, kept.length - this.#checkpointsKept)) {
      await this.#checkpoints.remove(sequence);
    }
    // While the journal cannot be written, room matters more than older checkpoints to fall back to.
    const oldest = this.#degraded.has("journal") ? kept[kept.length - 1] : kept[0];
    if (this.#degraded.has("journal")) this.#journal.release(oldest);
    else {
      const sequence = Math.min(oldest, this.#sequence - this.#idsKept);
      // Ticks come first.
      while (this.#journal.release(sequence, ROWS_AT_ONCE)) await turn();
      // So that little is left to be done here.
      await this.#writer.settle(this.#journalPath);
    }
    this.#journal.settle();
  }

  #openJournal(options: SqliteStoreOptions): SqliteJournal {
    const path = this.#journalPath;
    const open = (): SqliteJournal =>
      new SqliteJournal({
        path,
        durability: options.durability ?? "process",
        bytesMax: options.journalBytesMax ?? JOURNAL_BYTES_MAX,
      });
    let journal: SqliteJournal;
    try {
      journal = open();
    } catch (error) {
      if (!/malformed|not a database/.test(messageOf(error))) throw error;
      const aside = `${path}.damaged-${this.#clock.now()}`;
      Deno.renameSync(path, aside);
      for (const suffix of ["-wal", "-shm"]) {
        try {
          Deno.removeSync(path + suffix);
        } catch {
          // It was not there.
        }
      }
      this.#report("journal", `it is damaged (${messageOf(error)}) and put aside as ${aside}`);
      journal = open();
    }
    const newest = this.#checkpoints.list().at(-1) ?? 0;
    if (journal.last() < newest) journal.setPosition(newest);
    return journal;
  }

  #rememberIds(): void {
    try {
      for (const { ticks } of this.#journal.replay(Math.max(0, this.#sequence - this.#idsKept))) {
        for (const tick of ticks) this.#ids.add(tick);
      }
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      this.#report("journal", error.message);
    }
  }

  #report(part: "journal" | "checkpoint", detail: string): void {
    this.#degraded.add(part);
    if (part === "journal") {
      this.#probing ??= this.#probe().finally(() => this.#probing = undefined);
    }
    this.#onStatus({ kind: "degraded", part, detail });
  }

  #recovered(part: "journal" | "checkpoint"): void {
    if (this.#degraded.delete(part)) this.#onStatus({ kind: "recovered", part });
  }
}

/** A turn of the event loop. */
function turn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

/** Holds a folder for this process; the lock ends with the process, however it ends. */
function lockFolder(folder: string): DatabaseSync {
  const lock = new DatabaseSync(join(folder, "lock.sqlite"));
  try {
    lock.exec("BEGIN EXCLUSIVE");
  } catch (cause) {
    lock.close();
    throw new Error(`Cannot open state: another process uses ${folder}`, { cause });
  }
  return lock;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
