import type { ElementType } from "../backend.ts";
import type { GpuMemory } from "./gpu_buffer.ts";

/** Bytes kept for reuse: enough for the buffers of a retraining, little beside any GPU's memory. */
const POOLED_BYTES_MAX = 64 * 1024 * 1024;

/** What a pool holds, to see that nothing leaks. */
export interface PoolCounts {
  /** Buffers in use. */
  readonly used: number;
  /** Their bytes. */
  readonly usedBytes: number;
  /** Buffers kept for reuse. */
  readonly pooled: number;
  /** Their bytes. */
  readonly pooledBytes: number;
  /** Buffers ever created. */
  readonly created: number;
}

/** GPU memory by size. What is given back is handed out again, contents and all. */
export class BufferPool {
  readonly #device: GPUDevice;
  readonly #usage: number;
  readonly #pooled = new Map<number, GPUBuffer[]>();
  readonly #used = new Set<GPUBuffer>();
  #usedBytes = 0;
  #pooledBytes = 0;
  #pooledCount = 0;
  #created = 0;

  constructor(device: GPUDevice, usage: number) {
    this.#device = device;
    this.#usage = usage;
  }

  get counts(): PoolCounts {
    return {
      used: this.#used.size,
      usedBytes: this.#usedBytes,
      pooled: this.#pooledCount,
      pooledBytes: this.#pooledBytes,
      created: this.#created,
    };
  }

  /** Memory of exactly `byteLength`, and whether it was used before and so is not zero. */
  take(byteLength: number): { handle: GPUBuffer; used: boolean } {
    let handle = this.#pooled.get(byteLength)?.pop();
    const used = handle !== undefined;
    if (handle === undefined) {
      handle = this.#device.createBuffer({ size: byteLength, usage: this.#usage });
      this.#created++;
    } else {
      this.#pooledBytes -= byteLength;
      this.#pooledCount--;
    }
    this.#used.add(handle);
    this.#usedBytes += byteLength;
    return { handle, used };
  }

  /** Takes memory back. */
  give(handle: GPUBuffer): void {
    if (!this.#used.delete(handle)) return;
    const byteLength = handle.size;
    this.#usedBytes -= byteLength;
    if (this.#pooledBytes + byteLength > POOLED_BYTES_MAX) return handle.destroy();
    const shelf = this.#pooled.get(byteLength);
    if (shelf) shelf.push(handle);
    else this.#pooled.set(byteLength, [handle]);
    this.#pooledBytes += byteLength;
    this.#pooledCount++;
  }

  /** Destroys everything, used or not. */
  dispose(): void {
    for (const handle of this.#used) handle.destroy();
    for (const shelf of this.#pooled.values()) for (const handle of shelf) handle.destroy();
    this.#used.clear();
    this.#pooled.clear();
    this.#usedBytes = this.#pooledBytes = this.#pooledCount = 0;
  }
}

/** Bytes of a buffer, rounded up so that it can be bound as four-element vectors. */
export function paddedBytes(length: number): number {
  return Math.max(16, Math.ceil(length / 4) * 16);
}

/** Fresh bookkeeping for memory just taken. */
export function gpuMemory(handle: GPUBuffer, type: ElementType): GpuMemory {
  return { handle, type, byteLength: handle.size, freed: false };
}
