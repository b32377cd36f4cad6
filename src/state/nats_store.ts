import type { ObjectStore } from "@nats-io/obj";
import type { StatusListener } from "../../streams/mod.ts";
import type { KeyValues } from "./key_values.ts";
import { decodeSnapshot, encodeSnapshot } from "./snapshot_codec.ts";
import type { Checkpoint } from "./store.ts";

/** Checkpoints that count: the newest and one to fall back to. */
const KEPT = 2;

/** One saved checkpoint: the object, and the last entry of the partition's stream it contains. */
interface Saved {
  readonly object: string;
  readonly sequence: number;
}

/** Where a partition's checkpoints are put. */
export interface NatsCheckpointsOptions {
  /** Holds the checkpoints. */
  readonly objects: ObjectStore;
  /** Holds which of them count. */
  readonly keyValues: KeyValues;
  /** The partition. */
  readonly partition: number;
  /** Tells the objects of one owner from those of another. */
  readonly owner: string;
  /** Hears of a damaged checkpoint. */
  readonly onStatus?: StatusListener;
}

/**
 * A partition's checkpoints in JetStream's object store. One key says which count, the newest and one to
 * fall back to; it is changed by compare-and-set, so that of two owners who each believe to be the only
 * one, the one who loaded first cannot save any more.
 */
export class NatsCheckpoints {
  readonly #options: NatsCheckpointsOptions;
  #saved: readonly Saved[] = [];
  #revision = 0;

  /** Reads nothing yet. */
  constructor(options: NatsCheckpointsOptions) {
    this.#options = options;
  }

  /** The oldest entry after which a restart may have to begin; 0 while there is none to fall back to. */
  get oldestSequence(): number {
    return this.#saved.length < KEPT ? 0 : this.#saved[KEPT - 1].sequence;
  }

  /** The newest sound checkpoint, and from now on the right to save the next one. */
  async load(): Promise<Checkpoint | undefined> {
    const { keyValues, owner, partition } = this.#options;
    const pointer = await keyValues.get(this.#key);
    this.#saved = pointer === undefined ? [] : JSON.parse(pointer.value).saved;
    // Writing the pointer anew takes the right to save from whoever loaded before.
    const revision = await keyValues.replace(
      this.#key,
      JSON.stringify({ owner, saved: this.#saved }),
      pointer?.revision ?? 0,
    );
    if (revision === undefined) throw new Error(`Partition ${partition} has another owner`);
    this.#revision = revision;
    await this.#sweep();
    for (const [index, { object }] of this.#saved.entries()) {
      const checkpoint = await this.#read(object);
      if (checkpoint === undefined) continue;
      this.#saved = this.#saved.slice(index);
      return checkpoint;
    }
    if (this.#saved.length === 0) return undefined;
    throw new Error(`Partition ${partition} has no sound checkpoint left`);
  }

  /** Saves a checkpoint. False when the partition has another owner by now. */
  async save(checkpoint: Checkpoint): Promise<boolean> {
    const { objects, keyValues, owner, partition } = this.#options;
    const { sequence } = checkpoint;
    const object = `checkpoint.${partition}.${sequence}.${owner}`;
    await objects.putBlob({ name: object }, encodeSnapshot(checkpoint));
    const kept = this.#saved.filter((saved) => saved.object !== object);
    const saved = [{ object, sequence }, ...kept.slice(0, KEPT - 1)];
    const value = JSON.stringify({ owner, saved });
    const revision = await keyValues.replace(this.#key, value, this.#revision);
    if (revision === undefined) {
      await objects.delete(object);
      return false;
    }
    for (const { object: old } of kept.slice(KEPT - 1)) await objects.delete(old).catch(() => {});
    this.#saved = saved;
    this.#revision = revision;
    return true;
  }

  /** One checkpoint; undefined, with a status, when it is damaged or gone. */
  async #read(object: string): Promise<Checkpoint | undefined> {
    try {
      const bytes = await this.#options.objects.getBlob(object);
      if (bytes !== null) return decodeSnapshot(bytes);
      this.#options.onStatus?.({
        kind: "degraded",
        part: object,
        detail: "The checkpoint is gone",
      });
    } catch (error) {
      const { name, message } = error as Error;
      // The store's own check of the digest has no class; anything else is the connection's trouble.
      if (name !== "SyntaxError" && !/digest|corrupt/i.test(message)) throw error;
      this.#options.onStatus?.({ kind: "degraded", part: object, detail: message });
    }
    return undefined;
  }

  /** Deletes what an owner put and, dying, never pointed to. */
  async #sweep(): Promise<void> {
    const { objects, partition } = this.#options;
    const kept = new Set(this.#saved.map(({ object }) => object));
    for (const { name } of await objects.list()) {
      if (name.startsWith(`checkpoint.${partition}.`) && !kept.has(name)) {
        await objects.delete(name);
      }
    }
  }

  get #key(): string {
    return `checkpoint.${this.#options.partition}`;
  }
}
