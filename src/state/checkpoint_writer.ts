import type { Snapshot } from "../forecast/forecaster.ts";
import { type ArrayParcel, packParcel } from "./array_parcel.ts";
import { encodeCheckpoint } from "./checkpoint.ts";
import type { CheckpointFiles } from "./checkpoint_files.ts";

/** Bytes from which a worker is worth its start, which holds ticks up for tens of milliseconds, once. */
const WORKER_BYTES_MIN = 4 * 1024 * 1024;

/** Bytes of a write-ahead log from which it is left to the worker. */
const WAL_BYTES_MIN = 4 * 1024 * 1024;

/** What the worker is asked to write. */
export interface WriteRequest {
  /** Where. */
  readonly folder: string;
  readonly sequence: number;
  readonly createdMs: number;
  /** The manifest as JSON, which is quicker to hand over than what it describes. */
  readonly manifest: string;
  readonly parcel: ArrayParcel;
}

/** What the worker is asked to put from a journal's write-ahead log into its database. */
export interface SettleRequest {
  /** The database. */
  readonly journal: string;
}

/** What the worker does. */
export type WorkerRequest = WriteRequest | SettleRequest;

/** Why it could not; empty where it could. */
export interface WorkerAnswer {
  readonly error?: string;
}

/**
 * Writes checkpoints into files, large ones in a worker, so that nobody waits while tens of megabytes are
 * copied, summed and written.
 */
export class CheckpointWriter {
  readonly #files: CheckpointFiles;
  #worker: Worker | undefined;
  /** The worker does one thing after the other. */
  #busy: Promise<unknown> = Promise.resolve();
  /** Whether a worker ended: what comes later is written here. */
  #alone = false;

  /** @param files Where they go. */
  constructor(files: CheckpointFiles) {
    this.#files = files;
  }

  /**
   * Makes a checkpoint ready. What is not given (`Snapshot.given`) is copied before this returns.
   *
   * @returns What writes it; to be called for one after the other.
   */
  prepare(snapshot: Snapshot, sequence: number, createdMs: number): () => Promise<void> {
    const { manifest, arrays, given } = snapshot;
    let bytes = 0;
    for (const name in arrays) bytes += arrays[name].byteLength;
    if (!given || bytes < WORKER_BYTES_MIN || this.#alone) {
      const encoded = encodeCheckpoint(snapshot, sequence, createdMs);
      return async (): Promise<void> => this.#files.write(sequence, await encoded);
    }
    const { folder } = this.#files;
    const parcel = packParcel(arrays);
    const text = JSON.stringify(manifest);
    const request: WriteRequest = { folder, sequence, createdMs, manifest: text, parcel };
    return () => this.#ask(request, [...parcel.buffers]);
  }

  /**
   * Puts what is in a journal's write-ahead log into its database, which waits for the disk, while
   * others go on writing to it.
   *
   * @param journal The database.
   * @returns Whether it was done: a short log is not worth it.
   */
  async settle(journal: string): Promise<boolean> {
    try {
      const { size } = await Deno.stat(`${journal}-wal`);
      if (size < WAL_BYTES_MIN || this.#alone) return false;
      await this.#ask({ journal });
      return true;
    } catch {
      return false;
    }
  }

  /** Waits for what the worker is doing, which holds files of the store, and ends it. */
  async close(): Promise<void> {
    // Nothing is asked of it any more.
    this.#alone = true;
    await this.#busy;
    this.#end();
  }

  #end(): void {
    this.#worker?.terminate();
    this.#worker = undefined;
  }

  #ask(request: WorkerRequest, transfer: ArrayBuffer[] = []): Promise<void> {
    const answered = this.#busy.then(() => this.#askNow(request, transfer));
    this.#busy = answered.catch(() => {});
    return answered;
  }

  #askNow(request: WorkerRequest, transfer: ArrayBuffer[]): Promise<void> {
    const worker = this.#worker ??= new Worker(
      new URL("./checkpoint_worker.ts", import.meta.url),
      { type: "module", name: "checkpoint writer" },
    );
    return new Promise((resolve, reject) => {
      worker.onmessage = ({ data: { error } }: MessageEvent<WorkerAnswer>): void => {
        if (error === undefined) resolve();
        else reject(new Error(error));
      };
      worker.onerror = (event: ErrorEvent): void => {
        event.preventDefault();
        this.#end();
        this.#alone = true;
        reject(new Error(`The checkpoint worker ended: ${event.message}`));
      };
      worker.postMessage(request, transfer);
    });
  }
}
