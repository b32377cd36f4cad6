import { type Clock, systemClock, type Tick } from "../../streams/mod.ts";
import type { Snapshot } from "../forecast/forecaster.ts";
import { decodeBatch, encodeBatch } from "./batch_codec.ts";
import { IdWindow } from "./id_window.ts";
import {
  type Appended,
  type Checkpoint,
  CHECKPOINTS_KEPT,
  type FeedCursor,
  IDS_KEPT,
  type JournalRecord,
  type StateStore,
  type StoreStats,
} from "./store.ts";

/**
 * Ticks of a record at least: a record of one would be larger than the tick. As objects, millions of ticks
 * between two checkpoints make the collector of garbage go through all of them, and other ticks wait.
 */
const RECORD_TICKS = 256;

/** A stretch of the journal, encoded. */
interface Stretch {
  readonly first: number;
  readonly count: number;
  readonly bytes: Uint8Array;
}

/** A checkpoint; what is not an array as text, which nobody can change. */
interface Kept {
  readonly createdMs: number;
  readonly manifest: string;
  readonly arrays: Snapshot["arrays"];
}

/** How a {@linkcode MemoryStore} is made. */
export interface MemoryStoreOptions {
  /** Checkpoints kept; 3 where left out. */
  readonly checkpointsKept?: number;
  /** Ids remembered against repeated delivery; 131,072 where left out. */
  readonly idsKept?: number;
  /** Where time comes from. */
  readonly clock?: Clock;
}

/**
 * A store that lives as long as its process: for browsers, tests, and servers that need no memory. The
 * journal is kept from the oldest checkpoint on, so save one now and then.
 *
 * @example Append, save, go on
 * ```ts
 * import { MemoryStore } from "@tickcast/tickcast";
 *
 * const store = new MemoryStore();
 * await store.append([{ series: "room", time: 0, values: { value: 20 } }]);
 * await store.saveCheckpoint({ manifest: {}, arrays: {} }, 1);
 * if ((await store.loadCheckpoint())?.sequence !== 1) throw new Error();
 * ```
 */
export class MemoryStore implements StateStore {
  readonly #checkpointsKept: number;
  readonly #clock: Clock;
  readonly #ids: IdWindow;
  readonly #cursors = new Map<string, string>();
  readonly #checkpoints = new Map<number, Kept>();
  #records: Stretch[] = [];
  /** The last ticks, which are no record yet. */
  #last: Tick[] = [];
  #sequence = 0;

  /** An empty store. */
  constructor(options: MemoryStoreOptions = {}) {
    this.#checkpointsKept = options.checkpointsKept ?? CHECKPOINTS_KEPT;
    this.#clock = options.clock ?? systemClock;
    this.#ids = new IdWindow(options.idsKept ?? IDS_KEPT);
  }

  /** The sequence number of the last tick. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Keeps ticks; see {@linkcode StateStore.append}. */
  append(ticks: readonly Tick[], cursor?: FeedCursor): Promise<Appended> {
    const first = this.#sequence + 1;
    const fresh: Tick[] = [];
    const duplicates: number[] = [];
    ticks.forEach((tick, index) => {
      if (this.#ids.add(tick)) fresh.push(tick);
      else duplicates.push(index);
    });
    for (const tick of fresh) this.#last.push(tick);
    this.#sequence += fresh.length;
    if (this.#last.length >= RECORD_TICKS) this.#encodeLast();
    if (cursor !== undefined) this.#cursors.set(cursor.feed, cursor.position);
    return Promise.resolve({ first, ticks: fresh, duplicates });
  }

  /** The journal after a number of applied ticks; see {@linkcode StateStore.replay}. */
  *replay(after: number): Generator<JournalRecord> {
    this.#encodeLast();
    for (const { first, count, bytes } of [...this.#records]) {
      const known = Math.max(0, after + 1 - first);
      if (known < count) yield { first: first + known, ticks: decodeBatch(bytes).slice(known) };
    }
  }

  /** Where a feed was; see {@linkcode StateStore.cursor}. */
  cursor(feed: string): string | undefined {
    return this.#cursors.get(feed);
  }

  /** Saves a checkpoint; see {@linkcode StateStore.saveCheckpoint}. */
  saveCheckpoint(snapshot: Snapshot, sequence: number): Promise<boolean> {
    const { manifest, arrays, given } = snapshot;
    this.#checkpoints.set(sequence, {
      createdMs: this.#clock.now(),
      manifest: JSON.stringify(manifest),
      arrays: given ? arrays : structuredClone(arrays),
    });
    const kept = this.#sequences();
    for (const old of kept.splice(0, kept.length - this.#checkpointsKept)) {
      this.#checkpoints.delete(old);
    }
    this.#records = this.#records.filter(({ first, count }) => first + count - 1 > kept[0]);
    return Promise.resolve(true);
  }

  /** The newest checkpoint; see {@linkcode StateStore.loadCheckpoint}. */
  loadCheckpoint(): Promise<Checkpoint | undefined> {
    const sequence = this.#sequences().at(-1) ?? -1;
    const kept = this.#checkpoints.get(sequence);
    return Promise.resolve(
      kept && {
        sequence,
        createdMs: kept.createdMs,
        snapshot: { manifest: JSON.parse(kept.manifest), arrays: structuredClone(kept.arrays) },
      },
    );
  }

  /** Figures for metrics. */
  stats(): StoreStats {
    return {
      sequence: this.#sequence,
      journalBytes: 0,
      checkpoints: this.#sequences(),
      writable: true,
    };
  }

  /** Nothing to give back. */
  close(): Promise<void> {
    return Promise.resolve();
  }

  #encodeLast(): void {
    const count = this.#last.length;
    if (count === 0) return;
    const first = this.#sequence - count + 1;
    this.#records.push({ first, count, bytes: encodeBatch(this.#last) });
    this.#last = [];
  }

  #sequences(): number[] {
    return [...this.#checkpoints.keys()].sort((a, b) => a - b);
  }
}
