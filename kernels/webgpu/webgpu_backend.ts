import type {
  Backend,
  DeviceBuffer,
  Dispatch,
  ElementType,
  KernelArguments,
  KernelName,
  LayerShape,
} from "../backend.ts";
import { checkRange, checkType } from "../buffer_checks.ts";
import { checkArguments, rowCount } from "../check_arguments.ts";
import { DeviceLostError } from "../device_lost_error.ts";
import { BufferPool, gpuMemory, paddedBytes, type PoolCounts } from "./buffer_pool.ts";
import { CommandStream } from "./command_stream.ts";
import { GpuBuffer, gpuBuffer } from "./gpu_buffer.ts";
import { KERNELS } from "./kernels/mod.ts";
import { packedLength } from "./kernels/pack.ts";
import { type PipelineCache, Program } from "./program.ts";
import { THREADS } from "./stage.ts";
import { GROUPS_WANTED, type TileLimits } from "./tile.ts";

/** Enough for the partial sums of a small network. */
const SCRATCH_LENGTH_MIN = 64 * 1024;

/** Kernels whose dispatch takes a count. */
const COUNTED = new Set<KernelName>(["step", "linear", "gather", "scatter"]);

/** Kernels in WGSL on a GPU: the network's states, parameters and training never leave the device. */
export class WebGpuBackend implements Backend {
  /** `"webgpu"`. */
  readonly kind = "webgpu";
  /** One line for people. */
  readonly description: string;
  /** Resolves with the reason when the device is lost, by `dispose` too. */
  readonly lost: Promise<string>;
  readonly #device: GPUDevice;
  readonly #buffers: BufferPool;
  readonly #commands: CommandStream;
  readonly #pipelines: PipelineCache = new Map();
  readonly #limits: TileLimits;
  #scratch: GpuBuffer | undefined;
  #failure: Error | undefined;

  /** Takes over a device. `groupsWanted`: workgroups wanted of a kernel before they take more rows. */
  constructor(device: GPUDevice, description: string, groupsWanted: number = GROUPS_WANTED) {
    this.#device = device;
    this.description = description;
    this.#buffers = new BufferPool(
      device,
      GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
    );
    this.#commands = new CommandStream(device, () => this.#failure);
    this.#limits = {
      workgroupBytes: device.limits.maxComputeWorkgroupStorageSize,
      threads: Math.min(THREADS, device.limits.maxComputeInvocationsPerWorkgroup),
      groupsWanted,
    };
    device.addEventListener("uncapturederror", (event) => {
      const { error } = event as GPUUncapturedErrorEvent;
      this.#failure ??= new Error(`The GPU refused its work: ${error.message}`);
      event.preventDefault();
    });
    this.lost = device.lost.then(({ reason, message }) => {
      const detail = [reason, message].filter(Boolean).join(": ");
      this.#failure = new DeviceLostError(`The GPU was lost: ${detail}`);
      return detail;
    });
  }

  /** What is allocated, pooled and submitted: constant in a loop that leaks nothing. */
  get counts(): {
    buffers: PoolCounts;
    staging: PoolCounts;
    pipelines: number;
    submissions: number;
  } {
    return {
      buffers: this.#buffers.counts,
      staging: this.#commands.staging.counts,
      pipelines: this.#pipelines.size,
      submissions: this.#commands.submissions,
    };
  }

  /** Elements of a layer's packed weights. */
  packedLength(shape: LayerShape): number {
    return packedLength(shape);
  }

  /** Zeroed memory. */
  allocate(length: number, type: ElementType = "f32"): DeviceBuffer {
    if (!Number.isInteger(length) || length < 1) {
      throw new RangeError(`Cannot allocate ${length} elements`);
    }
    const bytes = paddedBytes(length);
    if (bytes > this.#bytesMax) {
      throw new RangeError(
        `Cannot allocate ${bytes} bytes: the adapter's largest buffer is ${this.#bytesMax}`,
      );
    }
    const { handle, used } = this.#buffers.take(bytes);
    const memory = gpuMemory(handle, type);
    if (used) this.#commands.clear(memory);
    return new GpuBuffer(memory, 0, length);
  }

  /** A window onto part of a buffer. */
  slice(buffer: DeviceBuffer, offset: number, length: number): DeviceBuffer {
    checkRange(buffer, offset, length);
    return gpuBuffer(buffer).slice(offset, length);
  }

  /** Copies host values into a buffer. */
  write(buffer: DeviceBuffer, values: Float32Array | Uint32Array, offset = 0): void {
    checkRange(buffer, offset, values.length);
    checkType(buffer, values);
    const target = gpuBuffer(buffer);
    const byteOffset = 4 * (target.offset + offset);
    this.#commands.write(target.memory, target.memory.handle, byteOffset, values);
  }

  /** Compiles a kernel, once for its shape, and binds it to its buffers. */
  prepare<K extends KernelName>(kernel: K, args: KernelArguments[K]): Dispatch {
    checkArguments(this, kernel, args);
    const stages = KERNELS[kernel](args, this.#limits, (length) => this.#scratchOf(length));
    const programs = stages.map((stage) =>
      new Program(this.#device, this.#commands, this.#pipelines, stage)
    );
    if (!COUNTED.has(kernel)) return () => programs.forEach((program) => program.run());
    const [program] = programs;
    const rows = stages[0].count;
    return (count) => program.run(rowCount(count, rows));
  }

  /**
   * Copies a buffer to the host.
   *
   * @throws {DeviceLostError} when the device is lost.
   */
  read(buffer: DeviceBuffer, target: Float32Array | Uint32Array, offset = 0): Promise<void> {
    checkRange(buffer, offset, target.length);
    checkType(buffer, target);
    if (this.#failure) return Promise.reject(this.#failure);
    const source = gpuBuffer(buffer);
    return this.#commands.read(source.memory, 4 * (source.offset + offset), target);
  }

  /** Gives the memory back. */
  free(buffer: DeviceBuffer): void {
    const { memory } = gpuBuffer(buffer);
    this.#commands.flush();
    memory.freed = true;
    this.#buffers.give(memory.handle);
  }

  /** Gives everything back; reads still waiting are rejected. */
  dispose(): void {
    this.#commands.dispose();
    this.#buffers.dispose();
    this.#device.destroy();
  }

  /**
   * Memory for the insides of a kernel, shared by all of them, since they run one after the other. A
   * kernel prepared before it grew keeps the smaller one; growing by doubling bounds what these add up
   * to.
   */
  #scratchOf(length: number): GpuBuffer {
    if (this.#scratch === undefined || this.#scratch.length < length) {
      let grown = SCRATCH_LENGTH_MIN;
      while (grown < length) grown *= 2;
      this.#scratch = gpuBuffer(this.allocate(grown * 4 > this.#bytesMax ? length : grown));
    }
    return this.#scratch.slice(0, length);
  }

  /** The largest buffer a kernel can be bound to. */
  get #bytesMax(): number {
    const { maxStorageBufferBindingSize, maxBufferSize } = this.#device.limits;
    return Math.min(maxStorageBufferBindingSize, maxBufferSize);
  }
}
