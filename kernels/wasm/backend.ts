import type {
  DeviceBuffer,
  Dispatch,
  ElementType,
  HostBackend,
  KernelArguments,
  KernelName,
  LayerShape,
} from "../backend.ts";
import { checkLength, checkRange, checkType } from "../buffer_checks.ts";
import { checkArguments } from "../check_arguments.ts";
import type { WasmExports } from "./exports.ts";
import { Heap } from "./heap.ts";
import { CELL_NUMBERS, KERNELS } from "./kernels.ts";
import type { RowThreads } from "./row_threads.ts";
import { WasmBuffer } from "./wasm_buffer.ts";

/** On how many threads a {@linkcode WasmBackend} runs. */
export interface WasmThreads {
  /** The threads; the caller's alone where left out. */
  readonly threads?: RowThreads;
  /** Why it is the caller's alone, where more were asked for. */
  readonly why?: string;
}

/**
 * The CPU backend: 128-bit SIMD kernels in WebAssembly. Its memory is at most 4 GiB, what 32-bit pointers
 * reach.
 */
export class WasmBackend implements HostBackend {
  /** `"wasm"`. */
  readonly kind = "wasm";
  /** The kernels as compiled. */
  readonly exports: WasmExports;
  /** Those who share steps of many rows, where there are any. */
  readonly rowThreads: RowThreads | undefined;
  readonly #flavour: string;
  readonly #why: string | undefined;
  readonly #memory: WebAssembly.Memory;
  readonly #heap: Heap;
  readonly #constants: Map<string, number> = new Map();
  #scratch = 0;
  #scratchBytes = 0;

  /** Runs on a fresh instance of the module; `openWasm` makes one. */
  constructor(exports: WasmExports, flavour: string, { threads, why }: WasmThreads = {}) {
    this.exports = exports;
    this.rowThreads = threads;
    this.#flavour = flavour;
    this.#why = why;
    this.#memory = exports.memory;
    this.#heap = new Heap(exports.memory, exports.heapBase());
  }

  /** Threads that share steps of many rows, the caller's among them. */
  get threads(): number {
    return this.rowThreads?.count ?? 1;
  }

  /** One line for people. */
  get description(): string {
    const count = this.threads;
    const why = this.#why === undefined ? "" : `: ${this.#why}`;
    return `wasm (${this.#flavour}, ${count} ${count === 1 ? "thread" : "threads"}${why})`;
  }

  /** Elements of a layer's packed weights. */
  packedLength({ cell, inputSize, hiddenSize }: LayerShape): number {
    return this.exports.packedLength(CELL_NUMBERS[cell], inputSize, hiddenSize);
  }

  /** Zeroed memory. */
  allocate(length: number, type: ElementType = "f32"): DeviceBuffer {
    checkLength(length);
    return new WasmBuffer(this.#memory, type, length, this.#heap.allocate(4 * length));
  }

  /** A window onto part of a buffer. */
  slice(buffer: DeviceBuffer, offset: number, length: number): DeviceBuffer {
    const { pointer, type, owner } = this.own(buffer);
    checkRange(buffer, offset, length);
    return new WasmBuffer(this.#memory, type, length, pointer + 4 * offset, owner);
  }

  /** Copies host values into a buffer. */
  write(buffer: DeviceBuffer, values: Float32Array | Uint32Array, offset = 0): void {
    checkRange(buffer, offset, values.length);
    checkType(buffer, values);
    this.own(buffer).view.set(values, offset);
  }

  /** Binds a kernel to its buffers: what it returns makes one call into the module. */
  prepare<K extends KernelName>(kernel: K, args: KernelArguments[K]): Dispatch {
    checkArguments(this, kernel, args);
    return KERNELS[kernel](args, this);
  }

  /** Copies a buffer to the host. */
  read(buffer: DeviceBuffer, target: Float32Array | Uint32Array, offset = 0): Promise<void> {
    checkRange(buffer, offset, target.length);
    checkType(buffer, target);
    target.set(this.own(buffer).view.subarray(offset, offset + target.length));
    return Promise.resolve();
  }

  /** Gives a buffer's memory back; a slice has none of its own. */
  free(buffer: DeviceBuffer): void {
    const own = this.own(buffer);
    if (own.owner !== own) {
      throw new TypeError("Cannot free a slice: free the buffer it is part of");
    }
    this.#heap.free(own.pointer);
    own.freed = true;
  }

  /** Ends the workers; the garbage collector gives the module and its memory back. */
  dispose(): void {
    this.rowThreads?.dispose();
  }

  /** The buffer's memory itself. */
  view(buffer: DeviceBuffer): Float32Array {
    const { view } = this.own(buffer);
    if (view instanceof Float32Array) return view;
    throw new TypeError("The buffer holds indices");
  }

  /** The memory of an index buffer. */
  viewIndex(buffer: DeviceBuffer): Uint32Array {
    const { view } = this.own(buffer);
    if (view instanceof Uint32Array) return view;
    throw new TypeError("The buffer holds floats");
  }

  /** A buffer of this backend, still in use. @throws {TypeError} for any other. */
  own(buffer: DeviceBuffer): WasmBuffer {
    if (buffer instanceof WasmBuffer && buffer.isUsable(this.#memory)) return buffer;
    throw new TypeError("The buffer belongs to another backend, or was freed");
  }

  /** Makes room for a kernel's intermediate results. Kernels share it, since one runs at a time. */
  reserveScratch(bytes: number): void {
    if (bytes <= this.#scratchBytes) return;
    if (this.#scratch) this.#heap.free(this.#scratch);
    [this.#scratch, this.#scratchBytes] = [0, 0];
    this.#scratch = this.#heap.allocate(bytes);
    this.#scratchBytes = bytes;
  }

  /** Where that room is now. */
  get scratch(): number {
    return this.#scratch;
  }

  /** Where constants stand in memory; equal ones are kept once, as long as the backend lives. */
  constants(values: readonly number[]): number {
    const key = values.join();
    let pointer = this.#constants.get(key);
    if (pointer === undefined) {
      pointer = this.#heap.allocate(4 * values.length);
      new Float32Array(this.#memory.buffer, pointer, values.length).set(values);
      this.#constants.set(key, pointer);
    }
    return pointer;
  }
}
