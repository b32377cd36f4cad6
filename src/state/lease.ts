import type { Clock } from "../../streams/mod.ts";
import type { KeyValues } from "./key_values.ts";

/** Of a lease's time, how much its holder uses: it stops well before anyone else may start. */
const USED_SHARE = 0.7;
/** Leases a dead worker's entry outlives it: long enough for others to see, then it is swept. */
const SWEEP_LEASES = 20;

/** A worker's part in sharing out partitions. */
export interface LeaseOptions {
  /** Where workers and owners are written. */
  readonly keyValues: KeyValues;
  /** Where time comes from. */
  readonly clock: Clock;
  /** This worker, unique: letters, digits, `-` and `_`. */
  readonly worker: string;
  /** Partitions there are. */
  readonly partitions: number;
  /** A worker silent for so long loses its partitions. */
  readonly leaseMs: number;
  /** Where this worker begins to look for partitions, so that workers rarely want the same. */
  readonly ordinal: number;
}

/** Who has a partition. `epoch` grows with every change. */
interface Owner {
  readonly owner: string;
  readonly epoch: number;
}

/** What one turn changed. */
export interface Turn {
  /** Partitions that are this worker's now. */
  readonly gained: readonly number[];
  /** Partitions that another has taken: stop at once. */
  readonly lost: readonly number[];
  /** Partitions to hand over: save a checkpoint, then call `release`. */
  readonly surplus: readonly number[];
}

/**
 * Shares partitions out among workers, each to one at a time.
 *
 * A worker's heartbeat is its lease on all it owns. Others judge it by their own clock: a heartbeat
 * whose revision has not changed for `leaseMs` is dead, so clocks need not agree. Every change of owner
 * is a compare-and-set. Correctness does not hang on it: were two to work on a partition at once, their
 * forecasts would be identical, the server would keep one of each, and one of them could not save.
 */
export class Lease {
  readonly #options: LeaseOptions;
  /** Revision of each worker's heartbeat and when it was first seen. */
  readonly #heartbeats = new Map<string, { revision: number; sinceMs: number }>();
  readonly #owned = new Map<number, number>();
  #heldUntilMs = -Infinity;
  #turnMs = -Infinity;
  #beat = 0;

  /** Owns nothing yet. */
  constructor(options: LeaseOptions) {
    this.#options = options;
  }

  /** The partitions owned. */
  get owned(): ReadonlySet<number> {
    return new Set(this.#owned.keys());
  }

  /** Whether work on a partition may go on now. */
  holds(partition: number): boolean {
    return this.#owned.has(partition) && this.#options.clock.now() < this.#heldUntilMs;
  }

  /** Renews the lease, and takes or marks partitions so that every live worker has its share. */
  async turn(): Promise<Turn> {
    const { keyValues, clock, worker, partitions, leaseMs, ordinal } = this.#options;
    const startedMs = clock.now();
    await keyValues.put(`worker.${worker}`, JSON.stringify({ beat: ++this.#beat }));
    const live = await this.#liveWorkers(startedMs);
    const share = Math.ceil(partitions / live.size);

    const gained: number[] = [];
    const lost: number[] = [];
    const before = new Set(this.#owned.keys());
    const free: { partition: number; epoch: number; revision: number }[] = [];
    for (let index = 0; index < partitions; index++) {
      const partition = (ordinal * share + index) % partitions;
      const entry = await keyValues.get(`partition.${partition}`);
      const { owner, epoch }: Owner = entry === undefined
        ? { owner: "", epoch: 0 }
        : JSON.parse(entry.value);
      if (owner === worker) {
        // Taken earlier in this life; one of an earlier life is not known here, and is taken anew.
        if (before.has(partition)) continue;
      } else if (before.has(partition)) {
        this.#owned.delete(partition);
        lost.push(partition);
      }
      if (owner === "" || owner === worker || !live.has(owner)) {
        free.push({ partition, epoch, revision: entry?.revision ?? 0 });
      }
    }
    for (const { partition, epoch, revision } of free) {
      if (this.#owned.size >= share) break;
      const value = JSON.stringify({ owner: worker, epoch: epoch + 1 });
      if (await keyValues.replace(`partition.${partition}`, value, revision) === undefined) {
        continue;
      }
      this.#owned.set(partition, epoch + 1);
      gained.push(partition);
    }
    this.#heldUntilMs = startedMs + leaseMs * USED_SHARE;
    return { gained, lost, surplus: [...this.#owned.keys()].slice(share) };
  }

  /** Gives a partition up, after its checkpoint was saved. */
  async release(partition: number): Promise<void> {
    const epoch = this.#owned.get(partition);
    if (epoch === undefined) return;
    const { keyValues, worker } = this.#options;
    this.#owned.delete(partition);
    const key = `partition.${partition}`;
    const entry = await keyValues.get(key);
    if (entry === undefined || JSON.parse(entry.value).owner !== worker) return;
    await keyValues.replace(key, JSON.stringify({ owner: "", epoch: epoch + 1 }), entry.revision);
  }

  /** Leaves: gives up every partition and the place among the workers. */
  async leave(): Promise<void> {
    for (const partition of this.owned) await this.release(partition);
    await this.#options.keyValues.remove(`worker.${this.#options.worker}`);
  }

  /** The workers whose heartbeat still changes, this one included. */
  async #liveWorkers(nowMs: number): Promise<Set<string>> {
    const { keyValues, worker, leaseMs } = this.#options;
    // After an outage nobody's heartbeat has changed, and everybody deserves a whole lease again.
    const late = nowMs - this.#turnMs > leaseMs / 2 || nowMs < this.#turnMs;
    this.#turnMs = nowMs;
    const live = new Set([worker]);
    for (const key of await keyValues.keys("worker.")) {
      const name = key.slice("worker.".length);
      if (name === worker) continue;
      const revision = (await keyValues.get(key))?.revision ?? 0;
      const seen = this.#heartbeats.get(name);
      if (seen === undefined || seen.revision !== revision || late) {
        this.#heartbeats.set(name, { revision, sinceMs: nowMs });
        live.add(name);
      } else if (nowMs - seen.sinceMs < leaseMs) {
        live.add(name);
      } else if (nowMs - seen.sinceMs > leaseMs * SWEEP_LEASES) {
        await keyValues.remove(key);
        this.#heartbeats.delete(name);
      }
    }
    return live;
  }
}
