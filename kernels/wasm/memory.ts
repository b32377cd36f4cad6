/** What one page of WASM memory holds. */
const PAGE_BYTES = 65_536;
/** Buffers begin on cache lines, so that no two share one. */
const ALIGNMENT_BYTES = 64;
/** All that 32-bit addresses reach, less a page, so that a length never wraps. */
const MEMORY_BYTES_MAX = 65_535 * PAGE_BYTES;

/**
 * Gives out pieces of one WASM memory. A piece given back is used again for the next of its size, which
 * fits how models use memory: the same sizes over and over.
 */
export class WasmMemory {
  readonly #memory: WebAssembly.Memory;
  readonly #free = new Map<number, number[]>();
  #top: number;
  #floats: Float32Array = new Float32Array(0);
  #integers: Uint32Array = new Uint32Array(0);
  #scratchAddress = 0;
  #scratchBytes = 0;

  /** Takes over a memory from an address on. */
  constructor(memory: WebAssembly.Memory, base: number) {
    this.#memory = memory;
    this.#top = align(base);
  }

  /** The whole memory as floats; made anew after growth, which detaches the one before. */
  get floats(): Float32Array {
    if (this.#floats.buffer !== this.#memory.buffer) {
      this.#floats = new Float32Array(this.#memory.buffer);
    }
    return this.#floats;
  }

  /** The whole memory as unsigned integers. */
  get integers(): Uint32Array {
    if (this.#integers.buffer !== this.#memory.buffer) {
      this.#integers = new Uint32Array(this.#memory.buffer);
    }
    return this.#integers;
  }

  /**
   * The address of a zeroed piece.
   *
   * @throws {RangeError} when the memory is full.
   */
  allocate(bytes: number): number {
    const size = align(bytes);
    const address = this.#free.get(size)?.pop();
    if (address !== undefined) {
      this.floats.fill(0, address / 4, (address + size) / 4);
      return address;
    }
    const end = this.#top + size;
    if (end > MEMORY_BYTES_MAX) {
      throw new RangeError(`Cannot allocate ${bytes} bytes of WASM memory`);
    }
    const missing = end - this.#memory.buffer.byteLength;
    if (missing > 0) {
      try {
        this.#memory.grow(Math.ceil(missing / PAGE_BYTES));
      } catch (cause) {
        throw new RangeError(`Cannot allocate ${bytes} bytes of WASM memory`, { cause });
      }
    }
    const fresh = this.#top;
    this.#top = end;
    return fresh;
  }

  /** Takes a piece back. */
  free(address: number, bytes: number): void {
    const size = align(bytes);
    const pieces = this.#free.get(size);
    if (pieces === undefined) this.#free.set(size, [address]);
    else pieces.push(address);
  }

  /** Makes the one scratch area at least this large. Kernels run one after the other and share it. */
  reserveScratch(bytes: number): void {
    if (bytes <= this.#scratchBytes) return;
    if (this.#scratchBytes > 0) this.free(this.#scratchAddress, this.#scratchBytes);
    this.#scratchAddress = this.allocate(bytes);
    this.#scratchBytes = bytes;
  }

  /** Where the scratch area is now; it moves when it grows. */
  get scratch(): number {
    return this.#scratchAddress;
  }
}

function align(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
}
