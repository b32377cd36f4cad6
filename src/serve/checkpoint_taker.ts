import type { StatusListener } from "../../streams/mod.ts";
import { PackedArrays } from "../forecast/packed_arrays.ts";
import type { Pipeline, PipelineSnapshot } from "../pipeline.ts";
import type { StateStore } from "../state/store.ts";

/** So much of what is copied late takes no longer than a series before. */
const NUMBERS_OF_A_SERIES = 2048;

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
 * memory, then a copy of each series as it was when the checkpoint was begun. Call between two batches
 * only.
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

  /** Takes a piece of memory for the next one. @returns Whether there is as much as for the last. */
  reserve(): boolean {
    return this.#packed.reserve(this.#bytes);
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
   * Copies some more series; after the last the store has it, and knows when it is done with it.
   *
   * @param count How many at most.
   * @returns Whether there are more.
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
