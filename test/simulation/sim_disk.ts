import type { Random } from "./random.ts";
import type { Tally } from "./tally.ts";

/** No room. */
export class DiskFullError extends Error {
  override readonly name = "DiskFullError";
}

interface SimFile {
  /** What a crash leaves. */
  durable: Uint8Array;
  /** Written and not yet synced. */
  pending: Uint8Array[];
}

/**
 * A disk with the habits of real ones: writes are lost at a crash unless synced, the last ones may be
 * torn in the middle, files rot, and there may be no room.
 */
export class SimDisk {
  /** While true, every write stops half way. */
  full = false;
  readonly #files = new Map<string, SimFile>();

  constructor(readonly tally: Tally) {}

  /** Writes at the end of a file. @throws {DiskFullError} after a part of it was written. */
  append(name: string, bytes: Uint8Array): void {
    let file = this.#files.get(name);
    if (file === undefined) {
      this.#files.set(name, file = { durable: new Uint8Array(), pending: [] });
    }
    if (this.full) {
      file.pending.push(bytes.slice(0, bytes.length >> 1));
      this.tally.add("disk full");
      throw new DiskFullError("No space left on device");
    }
    file.pending.push(bytes);
  }

  /** Makes what was written durable. */
  sync(name: string): void {
    const file = this.#files.get(name);
    if (file === undefined || file.pending.length === 0) return;
    file.durable = concat([file.durable, ...file.pending]);
    file.pending = [];
  }

  /** Cuts a file to a length, durably. */
  truncate(name: string, length: number): void {
    const file = this.#files.get(name);
    if (file === undefined) return;
    file.durable = concat([file.durable, ...file.pending]).slice(0, length);
    file.pending = [];
  }

  /** Gives a synced file another name in place of what stood there: atomic, as in a journaled file system. */
  rename(from: string, to: string): void {
    const file = this.#files.get(from);
    if (file === undefined) throw new Error(`No such file: ${from}`);
    this.#files.delete(from);
    this.#files.set(to, file);
  }

  remove(name: string): void {
    this.#files.delete(name);
  }

  read(name: string): Uint8Array {
    const file = this.#files.get(name);
    return file === undefined ? new Uint8Array() : concat([file.durable, ...file.pending]);
  }

  list(): string[] {
    return [...this.#files.keys()].sort();
  }

  /** Power fails: of each file's unsynced bytes a random beginning survives, its end perhaps garbled. */
  crash(random: Random): void {
    for (const file of this.#files.values()) {
      if (file.pending.length === 0) continue;
      const pending = concat(file.pending);
      const torn = pending.slice(0, random.integer(pending.length + 1));
      if (torn.length > 0 && torn.length < pending.length) this.tally.add("torn write");
      if (torn.length > 0 && random.chance(0.3)) {
        torn[torn.length - 1] ^= 0x5a;
        this.tally.add("garbled write");
      }
      file.durable = concat([file.durable, torn]);
      file.pending = [];
    }
  }

  /** One bit of a file flips. */
  rot(name: string, random: Random): void {
    const file = this.#files.get(name);
    if (file === undefined || file.durable.length === 0) return;
    file.durable = file.durable.slice();
    file.durable[random.integer(file.durable.length)] ^= 1 << random.integer(8);
    this.tally.add("rotten checkpoint");
  }
}

function concat(parts: Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0];
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
}
