import {
  type DeviceBuffer,
  type Dispatch,
  type ElementType,
  type HostBackend,
  type KernelArguments,
  type KernelName,
  layerParameterLength,
  type LayerShape,
} from "../backend.ts";
import { checkLength, checkRange, checkRow, checkType } from "../buffer_checks.ts";
import { checkArguments, rowCount } from "../check_arguments.ts";
import { linear, linearBackward } from "./linear.ts";
import { loss } from "./loss.ts";
import { adam, clip, sgd } from "./optimise.ts";
import { stepRow } from "./recurrent.ts";
import { sequence, sequenceBackward } from "./sequence.ts";

/**
 * Plain TypeScript that reads like the equations: the oracle that every other backend is held to.
 * Buffers hold 32-bit floats; every sum within a kernel is taken in 64 bits and rounded once.
 *
 * @example
 * ```ts
 * import { ReferenceBackend } from "@tickcast/tickcast/kernels";
 *
 * const backend = new ReferenceBackend();
 * const buffer = backend.allocate(3);
 * backend.prepare("fill", { buffer, value: 0.5 })();
 * if (backend.view(buffer).join() !== "0.5,0.5,0.5") throw new Error();
 * backend.dispose();
 * ```
 */
export class ReferenceBackend implements HostBackend {
  /** `"reference"`. */
  readonly kind = "reference";
  /** One line for people. */
  readonly description: string = "reference (plain TypeScript)";

  /** Elements of a layer's packed weights: here they are PyTorch's layout itself. */
  packedLength(shape: LayerShape): number {
    return layerParameterLength(shape);
  }

  /** Zeroed memory. */
  allocate(length: number, type: ElementType = "f32"): DeviceBuffer {
    checkLength(length);
    return new ReferenceBuffer(type === "f32" ? new Float32Array(length) : new Uint32Array(length));
  }

  /** A window onto part of a buffer. */
  slice(buffer: DeviceBuffer, offset: number, length: number): DeviceBuffer {
    checkRange(buffer, offset, length);
    return new ReferenceBuffer(own(buffer).memory.subarray(offset, offset + length));
  }

  /** Copies host values into a buffer. */
  write(buffer: DeviceBuffer, values: Float32Array | Uint32Array, offset = 0): void {
    checkRange(buffer, offset, values.length);
    checkType(buffer, values);
    own(buffer).memory.set(values, offset);
  }

  /** Binds a kernel to its buffers. */
  prepare<K extends KernelName>(kernel: K, args: KernelArguments[K]): Dispatch {
    checkArguments(this, kernel, args);
    return KERNELS[kernel](args);
  }

  /** Copies a buffer to the host. */
  read(buffer: DeviceBuffer, target: Float32Array | Uint32Array, offset = 0): Promise<void> {
    checkRange(buffer, offset, target.length);
    checkType(buffer, target);
    target.set(own(buffer).memory.subarray(offset, offset + target.length));
    return Promise.resolve();
  }

  /** The garbage collector gives the memory back. */
  free(buffer: DeviceBuffer): void {
    own(buffer);
  }

  /** Holds nothing. */
  dispose(): void {}

  /** The buffer's memory itself. */
  view(buffer: DeviceBuffer): Float32Array {
    return floats(buffer);
  }

  /** The memory of an index buffer. */
  viewIndex(buffer: DeviceBuffer): Uint32Array {
    return indices(buffer);
  }
}

class ReferenceBuffer implements DeviceBuffer {
  readonly type: ElementType;
  readonly length: number;

  constructor(readonly memory: Float32Array | Uint32Array) {
    this.type = memory instanceof Float32Array ? "f32" : "u32";
    this.length = memory.length;
  }
}

function own(buffer: DeviceBuffer): ReferenceBuffer {
  if (buffer instanceof ReferenceBuffer) return buffer;
  throw new TypeError("The buffer belongs to another backend");
}

function floats(buffer: DeviceBuffer): Float32Array {
  const { memory } = own(buffer);
  if (memory instanceof Float32Array) return memory;
  throw new TypeError("The buffer holds indices");
}

function optionalFloats(buffer: DeviceBuffer | undefined): Float32Array | undefined {
  return buffer && floats(buffer);
}

function indices(buffer: DeviceBuffer): Uint32Array {
  const { memory } = own(buffer);
  if (memory instanceof Uint32Array) return memory;
  throw new TypeError("The buffer holds floats");
}

/** A type of its own for each kernel, so that its arguments are known inside. */
type Kernels = { readonly [K in KernelName]: (args: KernelArguments[K]) => Dispatch };

const KERNELS: Kernels = {
  pack: ({ shape, parameters, packed }) => {
    const source = floats(parameters).subarray(0, layerParameterLength(shape));
    return () => floats(packed).set(source);
  },

  step: (args) => {
    const { shape, batch } = args;
    const { inputSize, hiddenSize } = shape;
    const [x, packed, h] = [floats(args.x), floats(args.packed), floats(args.h)];
    const [c, output] = [optionalFloats(args.c), floats(args.output)];
    const rows = args.rows && indices(args.rows);
    const saved = new Float64Array(4 * hiddenSize);
    return (count) => {
      for (let b = 0; b < rowCount(count, batch); b++) {
        const at = checkRow(rows ? rows[b] : b, h.length / hiddenSize) * hiddenSize;
        stepRow(shape, packed, {
          x,
          xAt: b * inputSize,
          hPrevious: h,
          hPreviousAt: at,
          cPrevious: c,
          cPreviousAt: at,
          c,
          cAt: at,
          h,
          hAt: at,
        }, saved);
        output.set(h.subarray(at, at + hiddenSize), b * hiddenSize);
      }
    };
  },

  sequence: (args) => {
    const arrays = { ...sequenceArrays(args), parameters: floats(args.packed) };
    return () => sequence(args.shape, arrays);
  },

  sequence_backward: (args) => {
    const arrays = {
      ...sequenceArrays(args),
      parameters: floats(args.parameters),
      dhs: floats(args.dhs),
      gradient: floats(args.gradient),
      dx: optionalFloats(args.dx),
    };
    return () => sequenceBackward(args.shape, arrays);
  },

  linear: (args) => {
    const { rows, x, parameters, y, ...sizes } = args;
    const arrays = { ...sizes, x: floats(x), parameters: floats(parameters), y: floats(y) };
    return (count) => linear(arrays, rowCount(count, rows));
  },

  linear_backward: (args) => {
    const arrays = {
      ...args,
      x: floats(args.x),
      parameters: floats(args.parameters),
      dy: floats(args.dy),
      gradient: floats(args.gradient),
      dx: optionalFloats(args.dx),
    };
    return () => linearBackward(arrays);
  },

  loss: (args) => {
    const arrays = {
      ...args,
      predictions: floats(args.predictions),
      targets: floats(args.targets),
      mask: floats(args.mask),
      loss: floats(args.loss),
      gradient: floats(args.gradient),
    };
    return () => loss(arrays);
  },

  clip: ({ gradient, maxNorm, norm }) => {
    return () => clip(floats(gradient), maxNorm, floats(norm));
  },

  adam: (args) => {
    const arrays = {
      ...args,
      parameters: floats(args.parameters),
      gradient: floats(args.gradient),
      m: floats(args.m),
      v: floats(args.v),
      schedule: floats(args.schedule),
    };
    return () => adam(arrays);
  },

  sgd: (args) => {
    const arrays = {
      ...args,
      parameters: floats(args.parameters),
      gradient: floats(args.gradient),
      velocity: floats(args.velocity),
      schedule: floats(args.schedule),
    };
    return () => sgd(arrays);
  },

  fill: ({ buffer, value }) => {
    const { memory } = own(buffer);
    return () => void memory.fill(value);
  },

  copy: ({ source, target }) => {
    return () => own(target).memory.set(own(source).memory);
  },

  multiply: (args) => {
    const [a, b, target] = [floats(args.a), floats(args.b), floats(args.target)];
    return () => {
      for (let k = 0; k < a.length; k++) target[k] = a[k] * b[k];
    };
  },

  gather: ({ width, ...args }) => {
    const [source, rows, target] = [floats(args.source), indices(args.rows), floats(args.target)];
    return (count) => {
      for (let b = 0; b < rowCount(count, rows.length); b++) {
        const at = checkRow(rows[b], source.length / width) * width;
        target.set(source.subarray(at, at + width), b * width);
      }
    };
  },

  scatter: ({ width, ...args }) => {
    const [source, rows, target] = [floats(args.source), indices(args.rows), floats(args.target)];
    return (count) => {
      for (let b = 0; b < rowCount(count, rows.length); b++) {
        const at = checkRow(rows[b], target.length / width) * width;
        target.set(source.subarray(b * width, (b + 1) * width), at);
      }
    };
  },
};

/** What the two passes over a sequence share. */
function sequenceArrays(args: Omit<KernelArguments["sequence"], "packed">): {
  steps: number;
  batch: number;
  x: Float32Array;
  h0: Float32Array;
  c0?: Float32Array;
  hs: Float32Array;
  cs?: Float32Array;
  saved: Float32Array;
} {
  const { steps, batch } = args;
  return {
    steps,
    batch,
    x: floats(args.x),
    h0: floats(args.h0),
    c0: optionalFloats(args.c0),
    hs: floats(args.hs),
    cs: optionalFloats(args.cs),
    saved: floats(args.saved),
  };
}
