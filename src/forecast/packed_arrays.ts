import type { KeepArray, Snapshot } from "./forecaster.ts";
import { LateCopy } from "./late_copy.ts";

type SnapshotArray = Snapshot["arrays"][string];

/** Bytes of a block: so many series of a usual size that a checkpoint of thousands is a few dozen. */
const BLOCK_BYTES = 1024 * 1024;
const PAGE_BYTES = 4096;
/** Where an array may begin: at a multiple of its widest number. */
const ALIGNMENT_BYTES = 8;
/** To name an array takes as long as to copy so many numbers. */
const NAMING_NUMBERS = 256;

/** Memory that arrays are packed into, as numbers of each kind: a view an array would take longer than its copy. */
class Block {
  readonly doubles: Float64Array;
  readonly floats: Float32Array;
  readonly words: Uint32Array;

  constructor(bytes: number) {
    const buffer = new ArrayBuffer(bytes);
    this.doubles = new Float64Array(buffer);
    this.floats = new Float32Array(buffer);
    this.words = new Uint32Array(buffer);
  }

  get bytes(): number {
    return this.words.byteLength;
  }

  /** All of it as numbers of a kind. */
  like(array: SnapshotArray): SnapshotArray {
    if (array instanceof Float64Array) return this.doubles;
    return array instanceof Float32Array ? this.floats : this.words;
  }
}

/** An array that has its place. */
interface Placed {
  readonly name: string;
  /** Where it lies. */
  readonly whole: SnapshotArray;
  readonly at: number;
  readonly length: number;
  /** Its pieces after the first: some may not be copied yet. */
  readonly more: readonly (SnapshotArray | LateCopy)[];
}

/**
 * Copies of arrays, one behind the other in a few large blocks, since another thread takes over a buffer
 * in a microsecond or more, however small it is.
 */
export class PackedArrays {
  /** What was settled, by name. */
  readonly arrays: Snapshot["arrays"] = {};
  readonly #reserved: Block[] = [];
  /** Bytes of what was reserved that the system has handed out. */
  #touched = 0;
  /** What is not settled yet, from `#next` on. */
  readonly #placed: Placed[] = [];
  #next = 0;
  #block = new Block(0);
  #used = 0;
  #bytes = 0;

  /** Bytes of what was kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Takes memory for arrays to come, piece by piece: the system hands out fresh pages at a quarter of a
   * millisecond a megabyte or more, which is half of what it takes to keep small arrays.
   *
   * @param bytes How much there should be.
   * @param bytesAtOnce How much is taken now, at most.
   * @returns Whether there is enough.
   */
  reserve(bytes: number, bytesAtOnce: number): boolean {
    for (let taken = 0; this.#touched < bytes && taken < bytesAtOnce; taken += PAGE_BYTES) {
      const at = this.#touched % BLOCK_BYTES;
      if (at === 0) this.#reserved.push(new Block(BLOCK_BYTES));
      // A page is handed out when it is first written to.
      this.#reserved.at(-1)!.words[at / 4] = 1;
      this.#touched += PAGE_BYTES;
    }
    return this.#touched >= bytes;
  }

  /** Keeps an array: copies what is not to be copied late, and gives all of it its place. */
  readonly keep: KeepArray = (name, first, ...more) => {
    let length = first.length;
    for (const piece of more) length += piece.length;
    const width = first.BYTES_PER_ELEMENT;
    const bytes = Math.ceil(length * width / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
    if (this.#used + bytes > this.#block.bytes) {
      this.#block = bytes > BLOCK_BYTES
        ? new Block(bytes)
        : this.#reserved.pop() ?? new Block(BLOCK_BYTES);
      this.#used = 0;
    }
    const whole = this.#block.like(first);
    const start = this.#used / width;
    whole.set(first, start);
    let at = start + first.length;
    for (const piece of more) {
      if (piece instanceof LateCopy) piece.into(whole, at);
      else whole.set(piece, at);
      at += piece.length;
    }
    this.#placed.push({ name, whole, at: start, length, more });
    this.#used += bytes;
    this.#bytes += bytes;
  };

  /**
   * Makes some of what was kept into arrays, their late copies included.
   *
   * @param numbers How many, about.
   * @returns Whether nothing is left.
   */
  settle(numbers: number = Infinity): boolean {
    const placed = this.#placed;
    while (numbers > 0 && this.#next < placed.length) {
      const { name, whole, at, length, more } = placed[this.#next++];
      for (const piece of more) if (piece instanceof LateCopy) piece.finish();
      this.arrays[name] = whole.subarray(at, at + length);
      numbers -= NAMING_NUMBERS + length;
    }
    if (this.#next < placed.length) return false;
    placed.length = this.#next = 0;
    return true;
  }
}
