import type { DeviceBuffer, ElementType } from "../backend.ts";

/** Memory on the GPU as the driver gave it, and whether anyone owns it. */
export interface GpuMemory {
  readonly handle: GPUBuffer;
  readonly type: ElementType;
  readonly byteLength: number;
  freed: boolean;
}

/**
 * A window onto GPU memory. The offset travels to the kernels as a number of elements rather than as
 * the offset of a binding, which would have to be a multiple of 256 bytes.
 */
export class GpuBuffer implements DeviceBuffer {
  constructor(
    readonly memory: GpuMemory,
    readonly offset: number,
    readonly length: number,
  ) {}

  get type(): ElementType {
    return this.memory.type;
  }

  slice(offset: number, length: number): GpuBuffer {
    return new GpuBuffer(this.memory, this.offset + offset, length);
  }
}

/** Checks that a buffer came from this kind of backend and is still owned. */
export function gpuBuffer(buffer: DeviceBuffer): GpuBuffer {
  if (!(buffer instanceof GpuBuffer)) {
    throw new TypeError("Cannot use the buffer: it belongs to another backend");
  }
  if (buffer.memory.freed) throw new TypeError("Cannot use the buffer: it was freed");
  return buffer;
}
