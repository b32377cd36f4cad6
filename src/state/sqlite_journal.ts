import { DatabaseSync, type StatementSync } from "node:sqlite";
import { crc32 } from "node:zlib";
import type { Tick } from "../../streams/mod.ts";
import { decodeBatch, encodeBatch } from "./batch_codec.ts";
import type { FeedCursor, JournalRecord } from "./store.ts";

/** Marks a database as a journal of ours ("TCKJ"), so that no other one is taken for it. */
const APPLICATION_ID = 0x54434b4a;

/** The layout written. A newer one is refused. */
const JOURNAL_FORMAT_VERSION = 1;

const PAGE_BYTES = 4096;

/** Bytes the write-ahead log is cut back to after a checkpoint of the database. */
const WAL_BYTES_KEPT = 4 * 1024 * 1024;

/**
 * Pages of the write-ahead log after which a commit puts it into the database itself, and waits for the
 * disk: 64 MB, which a store whose worker does so in time never sees.
 */
const WAL_PAGES_MAX = 16_384;

/** What a journal needs to know. */
export interface SqliteJournalOptions {
  /** The database file. */
  readonly path: string;
  /** `process`: commits survive the process being killed. `power`: they are also flushed to disk. */
  readonly durability: "process" | "power";
  /** Bytes the database may take; beyond them it is full. */
  readonly bytesMax: number;
}

/** The journal in one SQLite database: one row a micro-batch, so that a tick costs a few bytes. */
export class SqliteJournal {
  readonly #database: DatabaseSync;
  readonly #insertBatch: StatementSync;
  readonly #upsertCursor: StatementSync;
  readonly #deleteBatches: StatementSync;
  readonly #selectBatches: StatementSync;

  /**
   * Opens or makes the database.
   *
   * @throws {SyntaxError} when the file is another database or written by a newer release.
   */
  constructor(options: SqliteJournalOptions) {
    const database = this.#database = new DatabaseSync(options.path);
    try {
      database.exec(`
        PRAGMA page_size = ${PAGE_BYTES};
        PRAGMA journal_mode = WAL;
        PRAGMA synchronous = ${options.durability === "power" ? "FULL" : "NORMAL"};
        PRAGMA journal_size_limit = ${WAL_BYTES_KEPT};
        PRAGMA wal_autocheckpoint = ${WAL_PAGES_MAX};
        PRAGMA busy_timeout = 5000;
        PRAGMA max_page_count = ${Math.ceil(options.bytesMax / PAGE_BYTES)};`);
      this.#create();
    } catch (error) {
      database.close();
      throw error;
    }
    this.#insertBatch = database.prepare("INSERT INTO batches VALUES (?, ?, ?, ?)");
    this.#upsertCursor = database.prepare("INSERT OR REPLACE INTO cursors VALUES (?, ?)");
    this.#deleteBatches = database.prepare(
      "DELETE FROM batches WHERE first IN " +
        "(SELECT first FROM batches WHERE first + count - 1 <= ? ORDER BY first LIMIT ?)",
    );
    this.#selectBatches = database.prepare(
      "SELECT first, checksum, data FROM batches WHERE first + count > ? ORDER BY first LIMIT 1",
    );
  }

  /** The sequence number of the last tick, also when the rows up to it have been let go. */
  last(): number {
    const row = this.#database.prepare(
      "SELECT max(coalesce((SELECT max(first + count - 1) FROM batches), 0), released) AS last " +
        "FROM position",
    ).get() as { last: number };
    return row.last;
  }

  /** The sequence number of the first tick still there, one past the last where there is none. */
  first(): number {
    const row = this.#database.prepare("SELECT min(first) AS first FROM batches").get();
    return (row?.first as number | null) ?? this.last() + 1;
  }

  /** Commits ticks and cursors in one transaction. */
  append(first: number, ticks: readonly Tick[], cursors: readonly FeedCursor[]): void {
    const data = encodeBatch(ticks);
    this.#transaction(() => {
      if (ticks.length > 0) this.#insertBatch.run(first, ticks.length, crc32(data), data);
      for (const { feed, position } of cursors) this.#upsertCursor.run(feed, position);
    });
  }

  /**
   * The ticks after `after`, in order, reading one row at a time.
   *
   * @throws {SyntaxError} when a row is damaged.
   */
  *replay(after: number): Generator<JournalRecord> {
    let position = after;
    for (;;) {
      const batch = this.#batchAfter(position);
      if (batch === undefined) return;
      const { first, ticks } = batch;
      const known = Math.max(0, position + 1 - first);
      yield { first: first + known, ticks: known === 0 ? ticks : ticks.slice(known) };
      position = first + ticks.length - 1;
    }
  }

  /** Where a feed was. */
  cursor(feed: string): string | undefined {
    const row = this.#database.prepare("SELECT position FROM cursors WHERE feed = ?").get(feed);
    return row?.position as string | undefined;
  }

  /**
   * Lets go of whole rows that end at or before `sequence`, the oldest first.
   *
   * @param rowsMax How many at most.
   * @returns Whether there may be more.
   */
  release(sequence: number, rowsMax: number = Infinity): boolean {
    const rows = Math.min(rowsMax, Number.MAX_SAFE_INTEGER);
    let changes: number | bigint = 0;
    this.#transaction(() => {
      ({ changes } = this.#deleteBatches.run(sequence, rows));
      if (changes > 0) this.setPosition(sequence);
    });
    return Number(changes) === rows;
  }

  /** Puts the write-ahead log into the database and cuts it off. */
  settle(): void {
    this.#database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  }

  /** Says that everything up to `sequence` is accounted for elsewhere; always writes. */
  setPosition(sequence: number): void {
    this.#database.prepare("UPDATE position SET released = max(released, ?)").run(sequence);
  }

  /** Bytes in use, without what is free for new rows. */
  bytes(): number {
    const pragma = (name: string): number =>
      Object.values(this.#database.prepare(`PRAGMA ${name}`).get() ?? {})[0] as number;
    return (pragma("page_count") - pragma("freelist_count")) * PAGE_BYTES;
  }

  /** Gives the database back. */
  close(): void {
    this.#database.close();
  }

  #create(): void {
    const pragma = (name: string): number =>
      Object.values(this.#database.prepare(`PRAGMA ${name}`).get() ?? {})[0] as number;
    const version = pragma("user_version");
    const application = pragma("application_id");
    const isNew = pragma("schema_version") === 0;
    if (!isNew && application !== APPLICATION_ID) {
      throw new SyntaxError("Cannot open journal: the file is another database");
    }
    if (version > JOURNAL_FORMAT_VERSION) {
      throw new SyntaxError(
        `Cannot open journal: it has format version ${version}, and this release reads up to ` +
          `${JOURNAL_FORMAT_VERSION}; a newer release wrote it`,
      );
    }
    if (!isNew) return;
    this.#transaction(() =>
      this.#database.exec(`
        CREATE TABLE batches (
          first INTEGER PRIMARY KEY, count INTEGER NOT NULL, checksum INTEGER NOT NULL,
          data BLOB NOT NULL
        ) STRICT;
        CREATE TABLE cursors (feed TEXT PRIMARY KEY, position TEXT NOT NULL) STRICT;
        CREATE TABLE position (released INTEGER NOT NULL) STRICT;
        INSERT INTO position VALUES (0);
        PRAGMA application_id = ${APPLICATION_ID};
        PRAGMA user_version = ${JOURNAL_FORMAT_VERSION};`)
    );
  }

  /** The batch that holds the tick after `position`, or the next one there is. */
  #batchAfter(position: number): JournalRecord | undefined {
    const row = this.#selectBatches.get(position + 1) as
      | { first: number; checksum: number; data: Uint8Array }
      | undefined;
    if (row === undefined) return undefined;
    if (crc32(row.data) !== row.checksum) {
      throw new SyntaxError(`Cannot read journal: the record at tick ${row.first} is damaged`);
    }
    return { first: row.first, ticks: decodeBatch(row.data) };
  }

  #transaction(body: () => void): void {
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      body();
      this.#database.exec("COMMIT");
    } catch (error) {
      // SQLite rolls back by itself after some errors (a full disk), and refuses a second time.
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      throw error;
    }
  }
}
