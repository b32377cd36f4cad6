/** Blocks start at cache lines. */
const ALIGNMENT = 64;

/** Bytes behind the last block, so that whole vectors may be read at the end of a row. */
const MARGIN = 64;

const PAGE = 65536;

interface FreeBlock {
  address: number;
  size: number;
}

/**
 * Hands out blocks of a WebAssembly memory and takes them back. Free blocks are kept in order of address
 * and joined with their neighbours; the smallest that fits is taken. The memory grows when none fits.
 */
export class Heap {
  readonly #memory: WebAssembly.Memory;
  readonly #free: FreeBlock[] = [];
  readonly #sizes: Map<number, number> = new Map();
  #end: number;

  /** Hands out a memory from an address on, which is above 0: for the kernels 0 is no address. */
  constructor(memory: WebAssembly.Memory, base: number) {
    this.#memory = memory;
    this.#end = Math.ceil(base / ALIGNMENT) * ALIGNMENT;
  }

  /** A zeroed block. @returns its address. @throws {RangeError} when the memory cannot grow. */
  allocate(bytes: number): number {
    const size = Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
    const address = this.#takeFree(size) ?? this.#extend(size);
    this.#sizes.set(address, size);
    new Uint8Array(this.#memory.buffer, address, size).fill(0);
    return address;
  }

  /** Takes a block back. @throws {TypeError} when it is not in use. */
  free(address: number): void {
    const size = this.#sizes.get(address);
    if (size === undefined) throw new TypeError("Cannot free memory that is not in use");
    this.#sizes.delete(address);
    const after = this.#free.findIndex((block) => block.address > address);
    const index = after < 0 ? this.#free.length : after;
    this.#free.splice(index, 0, { address, size });
    this.#join(index);
    if (index > 0) this.#join(index - 1);
  }

  #takeFree(size: number): number | undefined {
    let best: FreeBlock | undefined;
    for (const block of this.#free) {
      if (block.size >= size && (!best || block.size < best.size)) best = block;
    }
    if (!best) return undefined;
    const { address } = best;
    best.address += size;
    best.size -= size;
    if (best.size === 0) this.#free.splice(this.#free.indexOf(best), 1);
    return address;
  }

  #extend(size: number): number {
    const address = this.#end;
    const missing = address + size + MARGIN - this.#memory.buffer.byteLength;
    if (missing > 0) {
      try {
        this.#memory.grow(Math.ceil(missing / PAGE));
      } catch (cause) {
        throw new RangeError(`Cannot allocate ${size} bytes: the WASM memory is full`, { cause });
      }
    }
    this.#end += size;
    return address;
  }

  /** Joins a free block with the one behind it, where they touch. */
  #join(index: number): void {
    const [block, next] = [this.#free[index], this.#free[index + 1]];
    if (!next || block.address + block.size !== next.address) return;
    block.size += next.size;
    this.#free.splice(index + 1, 1);
  }
}
