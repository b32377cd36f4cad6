import { BufferPool } from "./buffer_pool.ts";
import type { GpuMemory } from "./gpu_buffer.ts";

/**
 * Kernels encoded before they are submitted without being asked to: large enough that submitting costs
 * nothing beside them, small enough that the GPU starts early and memory stays bounded.
 */
const ENCODED_MAX = 256;

/** Smallest staging buffer, so that the few floats of many forecasts share one. */
const STAGING_BYTES_MIN = 64 * 1024;
/** Each further one of a task is twice as large up to this, so that thousands of reads wait for a few. */
const STAGING_BYTES_MAX = 16 * 1024 * 1024;

interface Fetch {
  readonly offset: number;
  readonly target: Float32Array | Uint32Array;
  resolve(): void;
  reject(reason: Error): void;
}

interface Staging {
  readonly handle: GPUBuffer;
  end: number;
  readonly fetches: Fetch[];
}

/** One kernel, ready to be encoded. */
export interface Encodable {
  readonly pipeline: GPUComputePipeline;
  readonly bindings: GPUBindGroup;
  readonly memories: readonly object[];
}

/**
 * Puts kernels, writes and reads on the device's queue in the order in which they were asked for, in
 * as few submissions as that order allows. Work is submitted at the end of the current task at the
 * latest; reads asked for in one task share a staging buffer and one wait.
 */
export class CommandStream {
  readonly #device: GPUDevice;
  readonly #staging: BufferPool;
  readonly #failure: () => Error | undefined;
  readonly #touched = new Set<object>();
  #encoder: GPUCommandEncoder | undefined;
  #pass: GPUComputePassEncoder | undefined;
  #stagings: Staging[] = [];
  #encoded = 0;
  #submissions = 0;

  /** `failure` tells what went wrong on the device so far, for the next reader to hear. */
  constructor(device: GPUDevice, failure: () => Error | undefined) {
    this.#device = device;
    this.#failure = failure;
    this.#staging = new BufferPool(device, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST);
  }

  /** Submissions so far. */
  get submissions(): number {
    return this.#submissions;
  }

  /** Staging buffers, used and pooled. */
  get staging(): BufferPool {
    return this.#staging;
  }

  run(kernel: Encodable, groups: number, groupsPerRow: number): void {
    this.#pass ??= this.#open().beginComputePass();
    this.#pass.setPipeline(kernel.pipeline);
    this.#pass.setBindGroup(0, kernel.bindings);
    if (groups <= groupsPerRow) this.#pass.dispatchWorkgroups(groups);
    else this.#pass.dispatchWorkgroups(groupsPerRow, Math.ceil(groups / groupsPerRow));
    for (const memory of kernel.memories) this.#touched.add(memory);
    if (++this.#encoded >= ENCODED_MAX) this.flush();
  }

  clear(memory: GpuMemory): void {
    this.#leavePass().clearBuffer(memory.handle);
    this.#touched.add(memory);
  }

  /** Writes at once where nothing encoded touches the memory; a queue write overtakes what is encoded. */
  write(
    memory: object,
    handle: GPUBuffer,
    byteOffset: number,
    values: Float32Array | Uint32Array,
  ): void {
    if (this.#touched.has(memory)) this.flush();
    const bytes = values as Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;
    this.#device.queue.writeBuffer(handle, byteOffset, bytes);
  }

  read(memory: GpuMemory, byteOffset: number, target: Float32Array | Uint32Array): Promise<void> {
    if (target.length === 0) return Promise.resolve();
    const staging = this.#stagingFor(target.byteLength);
    const encoder = this.#leavePass();
    const offset = staging.end;
    encoder.copyBufferToBuffer(
      memory.handle,
      byteOffset,
      staging.handle,
      offset,
      target.byteLength,
    );
    this.#touched.add(memory);
    staging.end += target.byteLength;
    return new Promise((resolve, reject) => {
      staging.fetches.push({ offset, target, resolve, reject });
    });
  }

  /** Submits what is encoded and starts the reads. */
  flush(): void {
    if (this.#encoder === undefined) return;
    this.#pass?.end();
    this.#device.queue.submit([this.#encoder.finish()]);
    this.#submissions++;
    this.#encoder = this.#pass = undefined;
    this.#encoded = 0;
    this.#touched.clear();
    for (const staging of this.#stagings) this.#deliver(staging);
    this.#stagings = [];
  }

  dispose(): void {
    this.flush();
    this.#staging.dispose();
  }

  #open(): GPUCommandEncoder {
    if (this.#encoder === undefined) {
      this.#encoder = this.#device.createCommandEncoder();
      queueMicrotask(() => this.flush());
    }
    return this.#encoder;
  }

  #leavePass(): GPUCommandEncoder {
    const encoder = this.#open();
    this.#pass?.end();
    this.#pass = undefined;
    return encoder;
  }

  #stagingFor(byteLength: number): Staging {
    const last = this.#stagings.at(-1);
    if (last !== undefined && last.end + byteLength <= last.handle.size) return last;
    let size = last === undefined
      ? STAGING_BYTES_MIN
      : Math.min(2 * last.handle.size, STAGING_BYTES_MAX);
    while (size < byteLength) size *= 2;
    const staging = { handle: this.#staging.take(size).handle, end: 0, fetches: [] };
    this.#stagings.push(staging);
    return staging;
  }

  async #deliver({ handle, end, fetches }: Staging): Promise<void> {
    try {
      await handle.mapAsync(GPUMapMode.READ, 0, end);
      const failure = this.#failure();
      if (failure) throw failure;
      const mapped = handle.getMappedRange(0, end);
      for (const { offset, target, resolve } of fetches) {
        new Uint8Array(target.buffer, target.byteOffset, target.byteLength)
          .set(new Uint8Array(mapped, offset, target.byteLength));
        resolve();
      }
      handle.unmap();
      this.#staging.give(handle);
    } catch (cause) {
      const failure = this.#failure() ?? new Error("Cannot read from the GPU", { cause });
      for (const { reject } of fetches) reject(failure);
    }
  }
}
