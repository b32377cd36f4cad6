import type { Tick } from "../../streams/mod.ts";
import type { Snapshot } from "../../src/forecast/forecaster.ts";
import { decodeBatch, encodeBatch } from "../../src/state/batch_codec.ts";
import { IdWindow } from "../../src/state/id_window.ts";
import {
  type Appended,
  type Checkpoint,
  CHECKPOINTS_KEPT,
  type FeedCursor,
  JournalError,
  type JournalRecord,
  type StateStore,
  type StoreStats,
} from "../../src/state/store.ts";
import type { SimDisk } from "./sim_disk.ts";
import type { SimProcess } from "./sim_process.ts";

const JOURNAL = "journal";
const CHECKPOINT_PREFIX = "checkpoint-";
/** More than any simulated client repeats. */
const IDS_KEPT = 4096;

interface Waiting {
  readonly ticks: readonly Tick[];
  readonly resolve: (appended: Appended) => void;
  readonly reject: (error: Error) => void;
}

/** A state store over a simulated disk: records under a checksum, one sync for all that wait. */
export class SimStore implements StateStore {
  sequence = 0;
  readonly #disk: SimDisk;
  readonly #process: SimProcess;
  readonly #syncMs: () => number;
  readonly #records: JournalRecord[] = [];
  readonly #ids = new IdWindow(IDS_KEPT);
  readonly #waiting: Waiting[] = [];
  #journalBytes = 0;
  #flushing: Promise<void> | undefined;
  #writable = true;

  /** Opens what a disk holds; `syncMs` says how long the next sync takes. */
  constructor(disk: SimDisk, process: SimProcess, syncMs: () => number) {
    this.#disk = disk;
    this.#process = process;
    this.#syncMs = syncMs;
    const bytes = disk.read(JOURNAL);
    for (const payload of frames(bytes)) {
      this.#journalBytes += FRAME_BYTES + payload.length;
      this.#take(decodeRecord(payload));
    }
    // What follows the last sound record was never acknowledged.
    disk.truncate(JOURNAL, this.#journalBytes);
  }

  append(ticks: readonly Tick[], _cursor?: FeedCursor): Promise<Appended> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ticks, resolve, reject });
      this.#flushing ??= this.#flush().finally(() => this.#flushing = undefined);
    });
  }

  *replay(after: number): Iterable<JournalRecord> {
    for (const record of this.#records) {
      if (record.first + record.ticks.length - 1 > after) yield record;
    }
  }

  cursor(): undefined {}

  async saveCheckpoint(snapshot: Snapshot, sequence: number): Promise<boolean> {
    const bytes = frame(
      encodeCheckpoint({ sequence, createdMs: this.#process.clock.now(), snapshot }),
    );
    const name = CHECKPOINT_PREFIX + String(sequence).padStart(9, "0");
    try {
      this.#disk.remove("new");
      this.#disk.append("new", bytes);
    } catch {
      return false;
    }
    await this.#process.clock.sleep(this.#syncMs());
    this.#disk.sync("new");
    this.#disk.rename("new", name);
    const kept = this.#checkpointNames();
    for (const old of kept.slice(0, -CHECKPOINTS_KEPT)) this.#disk.remove(old);
    return true;
  }

  loadCheckpoint(): Promise<Checkpoint | undefined> {
    for (const name of this.#checkpointNames().reverse()) {
      const [payload] = frames(this.#disk.read(name));
      if (payload !== undefined) return Promise.resolve(decodeCheckpoint(payload));
    }
    return Promise.resolve(undefined);
  }

  stats(): StoreStats {
    return {
      sequence: this.sequence,
      journalBytes: this.#journalBytes,
      checkpoints: this.#checkpointNames().map((name) =>
        Number(name.slice(CHECKPOINT_PREFIX.length))
      ),
      writable: this.#writable,
    };
  }

  async close(): Promise<void> {
    await this.#flushing;
  }

  #checkpointNames(): string[] {
    return this.#disk.list().filter((name) => name.startsWith(CHECKPOINT_PREFIX));
  }

  async #flush(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0);
      const appended: Appended[] = [];
      const records: JournalRecord[] = [];
      const before = this.#journalBytes;
      let first = this.sequence + 1;
      try {
        for (const { ticks } of group) {
          const duplicates: number[] = [];
          const fresh = ticks.filter((tick, index) => {
            const isNew = this.#ids.add(tick);
            if (!isNew) duplicates.push(index);
            return isNew;
          });
          appended.push({ first, ticks: fresh, duplicates });
          if (fresh.length > 0) {
            const record: JournalRecord = { first, ticks: fresh };
            records.push(record);
            this.#write(record);
          }
          first += fresh.length;
        }
        await this.#process.clock.sleep(this.#syncMs());
        this.#disk.sync(JOURNAL);
      } catch (cause) {
        this.#disk.truncate(JOURNAL, before);
        this.#journalBytes = before;
        this.#writable = false;
        for (const { ticks } of appended) this.#ids.remove(ticks);
        const error = new JournalError("Cannot write journal: the disk is full", { cause });
        for (const { reject } of group) reject(error);
        continue;
      }
      this.#writable = true;
      this.#records.push(...records);
      this.sequence = first - 1;
      group.forEach(({ resolve }, index) => resolve(appended[index]));
    }
  }

  #write(record: JournalRecord): void {
    const bytes = frame(encodeRecord(record));
    this.#disk.append(JOURNAL, bytes);
    this.#journalBytes += bytes.length;
  }

  #take(record: JournalRecord): void {
    this.#records.push(record);
    for (const tick of record.ticks) this.#ids.add(tick);
    this.sequence = record.first + record.ticks.length - 1;
  }
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Bytes before a payload: its length and its checksum. */
const FRAME_BYTES = 8;

function frame(payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(FRAME_BYTES + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, payload.length);
  view.setUint32(4, checksum(payload));
  bytes.set(payload, FRAME_BYTES);
  return bytes;
}

/** The payloads of all sound frames before the first unsound one. */
function* frames(bytes: Uint8Array): Generator<Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let offset = 0;
  while (offset + FRAME_BYTES <= bytes.length) {
    const length = view.getUint32(offset);
    const payload = bytes.subarray(offset + FRAME_BYTES, offset + FRAME_BYTES + length);
    if (payload.length !== length || checksum(payload) !== view.getUint32(offset + 4)) return;
    yield payload;
    offset += FRAME_BYTES + length;
  }
}

/** FNV-1a: finds what a simulated disk does to bytes. */
function checksum(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ bytes[i], 0x01000193);
  return hash >>> 0;
}

function encodeRecord(record: JournalRecord): Uint8Array {
  const batch = encodeBatch(record.ticks);
  const bytes = new Uint8Array(8 + batch.length);
  new DataView(bytes.buffer).setFloat64(0, record.first);
  bytes.set(batch, 8);
  return bytes;
}

function decodeRecord(bytes: Uint8Array): JournalRecord {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { first: view.getFloat64(0), ticks: decodeBatch(bytes.subarray(8)) };
}

/** A header in JSON, and the arrays one after another. */
function encodeCheckpoint({ sequence, createdMs, snapshot }: Checkpoint): Uint8Array {
  const arrays = Object.entries(snapshot.arrays);
  const header = encoder.encode(JSON.stringify({
    sequence,
    createdMs,
    manifest: snapshot.manifest,
    arrays: arrays.map(([name, data]) => [name, data.constructor.name, data.byteLength]),
  }));
  const bytes = new Uint8Array(
    4 + header.length + arrays.reduce((sum, [, data]) => sum + data.byteLength, 0),
  );
  new DataView(bytes.buffer).setUint32(0, header.length);
  bytes.set(header, 4);
  let offset = 4 + header.length;
  for (const [, data] of arrays) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset);
    offset += data.byteLength;
  }
  return bytes;
}

const ARRAY_TYPES = { Float32Array, Float64Array, Uint32Array };

function decodeCheckpoint(bytes: Uint8Array): Checkpoint {
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  const header = JSON.parse(decoder.decode(bytes.subarray(4, 4 + length)));
  const arrays: Record<string, Float32Array | Float64Array | Uint32Array> = {};
  let offset = 4 + length;
  for (const [name, type, size] of header.arrays) {
    const buffer = bytes.slice(offset, offset + size).buffer;
    arrays[name] = new ARRAY_TYPES[type as keyof typeof ARRAY_TYPES](buffer);
    offset += size;
  }
  const { sequence, createdMs, manifest } = header;
  return { sequence, createdMs, snapshot: { manifest, arrays } };
}
