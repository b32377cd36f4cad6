import type { KV } from "@nats-io/kv";

/** A value and the revision it has. */
export interface Versioned {
  /** The value. */
  readonly value: string;
  /** Grows with every change of any key. */
  readonly revision: number;
}

/** Small shared values with compare-and-set: what leases and pointers need, and no more. */
export interface KeyValues {
  /** The value of a key; undefined where it has none. */
  get(key: string): Promise<Versioned | undefined>;
  /** The keys that begin with a prefix. */
  keys(prefix: string): Promise<string[]>;
  /** Sets a key whatever it was. The new revision. */
  put(key: string, value: string): Promise<number>;
  /** Sets a key only if its revision is the given one, 0 for a new key. Undefined when it is not. */
  replace(key: string, value: string, revision: number): Promise<number | undefined>;
  /** Lets go of a key. */
  remove(key: string): Promise<void>;
}

/** JetStream's answer when the last sequence of a subject is not the expected one. */
const WRONG_LAST_SEQUENCE = 10071;

/** The key-value store of JetStream. */
export function natsKeyValues(kv: KV): KeyValues {
  return {
    async get(key): Promise<Versioned | undefined> {
      const entry = await kv.get(key);
      if (entry === null || entry.operation !== "PUT") return undefined;
      return { value: entry.string(), revision: entry.revision };
    },
    async keys(prefix): Promise<string[]> {
      const keys: string[] = [];
      for await (const key of await kv.keys(`${prefix}*`)) keys.push(key);
      return keys;
    },
    put: (key, value) => kv.put(key, value),
    async replace(key, value, revision): Promise<number | undefined> {
      try {
        return revision === 0 ? await kv.create(key, value) : await kv.update(key, value, revision);
      } catch (error) {
        if ((error as { code?: number }).code === WRONG_LAST_SEQUENCE) return undefined;
        throw error;
      }
    },
    remove: (key) => kv.purge(key),
  };
}
