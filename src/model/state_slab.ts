import type { Backend, DeviceBuffer } from "../../kernels/mod.ts";
import { type Architecture, layerShape } from "./architecture.ts";
import { readBuffer } from "./host_access.ts";

/** The states of one recurrent layer: `h [capacity, hidden]` and, for an LSTM, `c` of the same shape. */
export interface LayerStates {
  /** The hidden states. */
  readonly h: DeviceBuffer;
  /** The cell states of an LSTM. */
  readonly c?: DeviceBuffer;
}

/**
 * Series one slab holds at most. At 64 hidden units of an LSTM, 512 bytes a series and layer, a million
 * series take half a gigabyte: beyond that a process is better split.
 */
export const SERIES_LIMIT = 1 << 20;

/**
 * The recurrent states of many series in device memory, one row a series. Steps gather the rows that
 * ticked. A row is read and written exactly, so that a series moves or resumes to the last bit.
 *
 * @example
 * ```ts
 * import { StateSlab } from "@tickcast/tickcast";
 * import { openBackend } from "@tickcast/tickcast/kernels";
 *
 * const backend = await openBackend("reference");
 * const slab = new StateSlab(backend, {
 *   cell: "lstm", inputSize: 1, hiddenSize: 2, layers: 1, outputSize: 1,
 * });
 * const row = slab.allocateRow();
 * slab.writeRow(row, Float32Array.of(1, 2, 3, 4));
 * const values = new Float32Array(slab.rowLength);
 * slab.readRow(row, values);
 * if (values.join() !== "1,2,3,4") throw new Error();
 * backend.dispose();
 * ```
 */
export class StateSlab {
  /** Rises whenever the buffers were replaced by larger ones: what was bound to the old must be bound anew. */
  generation = 0;
  /** The buffers of each layer. */
  layers: readonly LayerStates[];
  /** Numbers in the state of one series: layers × hidden, twice that for an LSTM. */
  readonly rowLength: number;
  readonly #backend: Backend;
  readonly #architecture: Architecture;
  readonly #limit: number;
  #capacity: number;
  #used = 0;
  readonly #released = new Set<number>();

  /**
   * Takes device memory for a number of series.
   *
   * @param backend Where the states live.
   * @param architecture The network whose states they are.
   * @param options `capacity`: series to begin with, it doubles when full; `limit`: series at most.
   */
  constructor(
    backend: Backend,
    architecture: Architecture,
    options: { capacity?: number; limit?: number } = {},
  ) {
    this.#backend = backend;
    this.#architecture = architecture;
    this.#limit = options.limit ?? SERIES_LIMIT;
    this.#capacity = Math.min(options.capacity ?? 1, this.#limit);
    this.layers = this.#allocate(this.#capacity);
    const parts = architecture.cell === "lstm" ? 2 : 1;
    this.rowLength = architecture.layers * parts * architecture.hiddenSize;
  }

  /** Rows there is room for without growing. */
  get capacity(): number {
    return this.#capacity;
  }

  /** Rows in use. */
  get size(): number {
    return this.#used - this.#released.size;
  }

  /**
   * Takes a row, its state zero. The slab grows where it must.
   *
   * @returns The row.
   * @throws {RangeError} when the limit is reached.
   */
  allocateRow(): number {
    for (const released of this.#released) {
      this.#released.delete(released);
      this.writeRow(released, new Float32Array(this.rowLength));
      return released;
    }
    if (this.#used === this.#capacity) this.#grow();
    return this.#used++;
  }

  /**
   * Gives a row back for another series.
   *
   * @param row A row that `allocateRow` gave.
   * @throws {RangeError} when the row is not in use.
   */
  releaseRow(row: number): void {
    this.#check(row);
    this.#released.add(row);
  }

  /**
   * Copies the state of one series to the host.
   *
   * @param row The series' row.
   * @param target `[rowLength]`: h of each layer, each followed by its c for an LSTM.
   * @returns Nothing, or a promise where the device makes the host wait.
   */
  readRow(row: number, target: Float32Array): void | Promise<void> {
    this.#check(row);
    const length = this.#architecture.hiddenSize;
    const waits: Promise<void>[] = [];
    let at = 0;
    for (const { h, c } of this.layers) {
      for (const buffer of c ? [h, c] : [h]) {
        const part = target.subarray(at, at += length);
        const wait = readBuffer(this.#backend, buffer, part, row * length);
        if (wait !== undefined) waits.push(wait);
      }
    }
    if (waits.length > 0) return Promise.all(waits).then(() => {});
  }

  /**
   * Sets the state of one series.
   *
   * @param row The series' row.
   * @param values What `readRow` filled.
   * @throws {RangeError} when the row is not in use or the values are not `rowLength` long.
   */
  writeRow(row: number, values: Float32Array): void {
    if (values.length !== this.rowLength) {
      throw new RangeError(`A state has ${this.rowLength} numbers, not ${values.length}`);
    }
    for (const [buffer, offset, length] of this.#parts(row)) {
      this.#backend.write(buffer, values.subarray(offset, offset + length));
    }
  }

  /** Gives the device memory back. */
  dispose(): void {
    for (const layer of this.layers) free(this.#backend, layer);
  }

  /** Each part of a row's state: its place on the device, and within the flat state. */
  #parts(row: number): [DeviceBuffer, number, number][] {
    this.#check(row);
    const length = this.#architecture.hiddenSize;
    const buffers = this.layers.flatMap(({ h, c }) => c ? [h, c] : [h]);
    return buffers.map((buffer, k) => [
      this.#backend.slice(buffer, row * length, length),
      k * length,
      length,
    ]);
  }

  #check(row: number): void {
    if (Number.isInteger(row) && row >= 0 && row < this.#used && !this.#released.has(row)) {
      return;
    }
    throw new RangeError(`Row ${row} is not in use`);
  }

  #grow(): void {
    const capacity = Math.min(2 * this.#capacity, this.#limit);
    if (capacity === this.#capacity) {
      throw new RangeError(`There is room for ${this.#limit} series, and it is taken`);
    }
    const before = this.layers;
    this.layers = this.#allocate(capacity);
    before.forEach((old, layer) => {
      const grown = this.layers[layer];
      copyStart(this.#backend, old.h, grown.h);
      if (old.c && grown.c) copyStart(this.#backend, old.c, grown.c);
      free(this.#backend, old);
    });
    this.#capacity = capacity;
    this.generation++;
  }

  #allocate(capacity: number): LayerStates[] {
    return Array.from({ length: this.#architecture.layers }, (_, layer) => {
      const { cell, hiddenSize } = layerShape(this.#architecture, layer);
      const h = this.#backend.allocate(capacity * hiddenSize);
      return cell === "lstm" ? { h, c: this.#backend.allocate(capacity * hiddenSize) } : { h };
    });
  }
}

function copyStart(backend: Backend, source: DeviceBuffer, larger: DeviceBuffer): void {
  const target = backend.slice(larger, 0, source.length);
  backend.prepare("copy", { source, target })();
}

function free(backend: Backend, { h, c }: LayerStates): void {
  backend.free(h);
  if (c) backend.free(c);
}
