import type { StatusListener } from "../../streams/mod.ts";
import { PackedArrays } from "../forecast/packed_arrays.ts";
import type { Pipeline, PipelineSnapshot } from "../pipeline.ts";
import type { StateStore } from "../state/store.ts";

/** So many numbers are copied late in the time that it takes to take a series. */
const NUMBERS_OF_A_SERIES = 2048;
/** Bytes of memory that the system hands out in that time. */
const BYTES_OF_A_SERIES = 16_384;

/** A checkpoint that is being taken. */
interface Taking {
  readonly sequence: number;
  readonly packed: PackedArrays;
  readonly snapshot: PipelineSnapshot;
  /** What is no array, once every series was taken. */
  manifest?: Record<string, unknown>;
  readonly save: (saved: boolean | Promise<boolean>) => void;
}

/**
 * Takes checkpoints piece by piece, so that ticks wait for a piece and not for all state: first the
 * memory, then a copy of each series as it was when the checkpoint was begun, then what was put off
 * ({@linkcode LateCopy}). Call between two batches only.
 */
export class CheckpointTaker {
  readonly #pipeline: Pipeline;
  readonly #store: StateStore;
  readonly #onStatus: StatusListener;
  #packed = new PackedArrays();
  #taking: Taking | undefined;
  /** Bytes of the last one. */
  #bytes = 0;

  /** @param onStatus Hears of one that could not be taken. */
  constructor(pipeline: Pipeline, store: StateStore, onStatus: StatusListener) {
    this.#pipeline = pipeline;
    this.#store = store;
    this.#onStatus = onStatus;
  }

  /**
   * Takes a piece of memory for the next one.
   *
   * @param count How much at most: what takes as long as to take so many series.
   * @returns Whether there is as much as for the last.
   */
  reserve(count: number): boolean {
    return this.#packed.reserve(this.#bytes, count * BYTES_OF_A_SERIES);
  }

  /**
   * Begins one of where the pipeline stands now; the one before must be finished.
   *
   * @param sequence Ticks applied so far.
   * @returns Whether it was saved.
   */
  begin(sequence: number): Promise<boolean> {
    const packed = this.#packed;
    this.#packed = new PackedArrays();
    const { promise, resolve } = Promise.withResolvers<boolean>();
    try {
      const snapshot = this.#pipeline.beginSnapshot(packed.keep);
      this.#taking = { sequence, packed, snapshot, save: resolve };
    } catch (error) {
      this.#report(error);
      resolve(false);
    }
    return promise;
  }

  /**
   * Takes some more series, and when all are taken, copies what is copied late; after that the store has
   * it, and knows when it is done with it.
   *
   * @param count How many at most, or what takes as long.
   * @returns Whether there is more.
   */
  take(count: number): boolean {
    const taking = this.#taking;
    if (taking === undefined) return false;
    const { sequence, packed, snapshot, save } = taking;
    try {
      if (taking.manifest === undefined) {
        if (!snapshot.take(count)) return true;
        taking.manifest = snapshot.finish();
      }
      if (!packed.settle(count * NUMBERS_OF_A_SERIES)) return true;
      this.#bytes = packed.bytes;
      const { arrays } = packed;
      const given = { manifest: taking.manifest, arrays, given: true };
      save(this.#store.saveCheckpoint(given, sequence));
    } catch (error) {
      this.#report(error);
      save(false);
    }
    this.#taking = undefined;
    return false;
  }

  /** Copies all that is left. */
  finish(): void {
    this.take(Infinity);
  }

  /** Ticks go on without it, and the next one may succeed. */
  #report(error: unknown): void {
    const detail = `cannot take: ${error instanceof Error ? error.message : String(error)}`;
    this.#onStatus({ kind: "degraded", part: "checkpoint", detail });
  }
}
