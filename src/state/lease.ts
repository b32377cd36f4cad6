import type { Clock } from "../../streams/mod.ts";
import type { KeyValues } from "./key_values.ts";

/** Of a lease's time, how much its holder uses: it stops well before anyone else may start. */
const USED_SHARE = 0.7;
/** Neighbours by ordinal begin their search so far apart; coprime with usual numbers of partitions. */
const FIRST_CHOICE_STRIDE = 7;
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

interface Entry extends Owner {
  readonly partition: number;
  readonly revision: number;
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
  /** When the last turn that succeeded began. */
  #renewedMs = -Infinity;
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
    const { clock, leaseMs } = this.#options;
    return this.#owned.has(partition) && clock.now() < this.#renewedMs + leaseMs * USED_SHARE;
  }

  /** Renews the lease, and takes or marks partitions so that every live worker has its share. */
  async turn(): Promise<Turn> {
    const { keyValues, clock, worker, leaseMs } = this.#options;
    const startedMs = clock.now();
    await keyValues.put(`worker.${worker}`, JSON.stringify({ beat: ++this.#beat }));
    // Owners first and heartbeats after: whoever had become an owner by then has a heartbeat.
    const entries = await this.#entries();
    const live = await this.#liveWorkers(startedMs);
    const share = Math.ceil(this.#options.partitions / live.size);

    const gained: number[] = [];
    const lost: number[] = [];
    const free: Entry[] = [];
    for (const entry of entries) {
      const { partition, owner, epoch } = entry;
      if (owner === worker && this.#owned.get(partition) === epoch) {
        // Nobody can have taken this worker for dead yet, and its new heartbeat is there to be seen.
        if (clock.now() < this.#renewedMs + leaseMs) continue;
        // Somebody may be about to take it: let compare-and-set decide.
        if (await this.#take(entry)) continue;
      }
      if (this.#owned.delete(partition)) lost.push(partition);
      // One that an earlier life of this worker had is taken anew.
      else if (owner === "" || owner === worker || !live.has(owner)) free.push(entry);
    }
    for (const entry of free) {
      if (this.#owned.size < share) {
        if (await this.#take(entry)) gained.push(entry.partition);
      } else if (entry.owner === worker) {
        await this.#write(entry, "");
      }
    }
    this.#renewedMs = startedMs;
    return { gained, lost, surplus: [...this.#owned.keys()].slice(share) };
  }

  /** Gives a partition up, after its checkpoint was saved. A turn may be under way. */
  async release(partition: number): Promise<void> {
    const epoch = this.#owned.get(partition);
    if (!this.#owned.delete(partition)) return;
    const entry = await this.#entry(partition);
    // A turn may have taken it anew meanwhile.
    if (entry.owner === this.#options.worker && entry.epoch === epoch) await this.#write(entry, "");
  }

  /** Leaves: gives up every partition and the place among the workers. */
  async leave(): Promise<void> {
    for (const partition of this.owned) await this.release(partition);
    await this.#options.keyValues.remove(`worker.${this.#options.worker}`);
  }

  /** Who has each partition, beginning where this worker looks first. */
  async #entries(): Promise<Entry[]> {
    const { partitions, ordinal } = this.#options;
    const entries: Entry[] = [];
    for (let index = 0; index < partitions; index++) {
      entries.push(await this.#entry((ordinal * FIRST_CHOICE_STRIDE + index) % partitions));
    }
    return entries;
  }

  async #entry(partition: number): Promise<Entry> {
    const entry = await this.#options.keyValues.get(`partition.${partition}`);
    if (entry === undefined) return { partition, owner: "", epoch: 0, revision: 0 };
    const { owner, epoch }: Owner = JSON.parse(entry.value);
    return { partition, owner, epoch, revision: entry.revision };
  }

  /** Becomes the owner, unless somebody else did since the entry was read. */
  async #take(entry: Entry): Promise<boolean> {
    const taken = await this.#write(entry, this.#options.worker);
    if (taken) this.#owned.set(entry.partition, entry.epoch + 1);
    return taken;
  }

  async #write({ partition, epoch, revision }: Entry, owner: string): Promise<boolean> {
    const value = JSON.stringify({ owner, epoch: epoch + 1 });
    const { keyValues } = this.#options;
    return await keyValues.replace(`partition.${partition}`, value, revision) !== undefined;
  }

  /** The workers whose heartbeat still changes, this one included. */
  async #liveWorkers(startedMs: number): Promise<Set<string>> {
    const { keyValues, clock, worker, leaseMs } = this.#options;
    // After an outage nobody's heartbeat has changed, and everybody deserves a whole lease again.
    const late = startedMs - this.#turnMs > leaseMs / 2 || startedMs < this.#turnMs;
    this.#turnMs = startedMs;
    const live = new Set([worker]);
    for (const key of await keyValues.keys("worker.")) {
      const name = key.slice("worker.".length);
      if (name === worker) continue;
      const beforeMs = clock.now();
      const revision = (await keyValues.get(key))?.revision ?? 0;
      const seen = this.#heartbeats.get(name);
      if (seen === undefined || seen.revision !== revision || late) {
        // Counted from after the reading, so that the worker's own count has begun before.
        this.#heartbeats.set(name, { revision, sinceMs: clock.now() });
        live.add(name);
      } else if (beforeMs - seen.sinceMs < leaseMs) {
        live.add(name);
      } else if (beforeMs - seen.sinceMs > leaseMs * SWEEP_LEASES) {
        await keyValues.remove(key);
        this.#heartbeats.delete(name);
      }
    }
    return live;
  }
}
