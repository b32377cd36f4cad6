import { type Clock, systemClock, type Tick } from "../../streams/mod.ts";
import type { Snapshot } from "../forecast/forecaster.ts";
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
  #batches: { first: number; ticks: readonly Tick[] }[] = [];
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
    if (fresh.length > 0) this.#batches.push({ first, ticks: fresh });
    this.#sequence += fresh.length;
    if (cursor !== undefined) this.#cursors.set(cursor.feed, cursor.position);
    return Promise.resolve({ first, ticks: fresh, duplicates });
  }

  /** The journal after a number of applied ticks; see {@linkcode StateStore.replay}. */
  *replay(after: number): Generator<JournalRecord> {
    for (const { first, ticks } of [...this.#batches]) {
      const known = Math.max(0, after + 1 - first);
      if (known < ticks.length) yield { first: first + known, ticks: ticks.slice(known) };
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
    this.#batches = this.#batches.filter(({ first, ticks }) => first + ticks.length - 1 > kept[0]);
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

  #sequences(): number[] {
    return [...this.#checkpoints.keys()].sort((a, b) => a - b);
  }
}
