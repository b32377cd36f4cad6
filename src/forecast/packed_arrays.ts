import type { KeepArray, Snapshot } from "./forecaster.ts";

type SnapshotArray = Snapshot["arrays"][string];

/** Bytes of a buffer: so many series of a usual size that a checkpoint of thousands is a few dozen. */
const BUFFER_BYTES = 1024 * 1024;
const PAGE_BYTES = 4096;
/** Where an array may begin: at a multiple of its widest number. */
const ALIGNMENT_BYTES = 8;

/**
 * Copies of arrays, one behind the other in a few large buffers, since another thread takes over a buffer
 * in a microsecond or more, however small it is.
 */
export class PackedArrays {
  /** What was kept so far, by name. */
  readonly arrays: Snapshot["arrays"] = {};
  readonly #reserved: ArrayBuffer[] = [];
  #buffer = new ArrayBuffer(0);
  #used = 0;
  #bytes = 0;

  /** Bytes of what was kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Takes memory for arrays to come, a buffer a call: the system hands out fresh pages at a quarter of a
   * millisecond a megabyte or more, which is half of what it takes to keep small arrays.
   *
   * @param bytes How much there should be.
   * @returns Whether there is enough.
   */
  reserve(bytes: number): boolean {
    if (this.#reserved.length * BUFFER_BYTES >= bytes) return true;
    const buffer = new ArrayBuffer(BUFFER_BYTES);
    // A page is handed out when it is first written to.
    const pages = new Uint8Array(buffer);
    for (let at = 0; at < BUFFER_BYTES; at += PAGE_BYTES) pages[at] = 1;
    this.#reserved.push(buffer);
    return false;
  }

  /** Keeps a copy of an array. */
  readonly keep: KeepArray = (name, first, ...more) => {
    let length = first.length;
    for (const piece of more) length += piece.length;
    const bytes = Math.ceil(length * first.BYTES_PER_ELEMENT / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
    if (this.#used + bytes > this.#buffer.byteLength) {
      this.#buffer = bytes > BUFFER_BYTES
        ? new ArrayBuffer(bytes)
        : this.#reserved.pop() ?? new ArrayBuffer(BUFFER_BYTES);
      this.#used = 0;
    }
    const copy = viewLike(first, length, this.#buffer, this.#used);
    copy.set(first);
    let at = first.length;
    for (const piece of more) {
      copy.set(piece, at);
      at += piece.length;
    }
    this.arrays[name] = copy;
    this.#used += bytes;
    this.#bytes += bytes;
  };
}

function viewLike(
  array: SnapshotArray,
  length: number,
  buffer: ArrayBuffer,
  offset: number,
): SnapshotArray {
  if (array instanceof Float64Array) return new Float64Array(buffer, offset, length);
  if (array instanceof Float32Array) return new Float32Array(buffer, offset, length);
  return new Uint32Array(buffer, offset, length);
}
