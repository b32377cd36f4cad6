import {
  type DeviceBuffer,
  type Dispatch,
  type ElementType,
  gateCount,
  type HostBackend,
  type KernelArguments,
  type KernelName,
  type LayerShape,
  type LossKind,
} from "../backend.ts";
import { checkLength, checkRange, checkRow, checkType } from "../buffer_checks.ts";
import { checkArguments, rowCount } from "../check_arguments.ts";
import type { WasmExports } from "./exports.ts";
import { WasmMemory } from "./memory.ts";

/** Units of a packed block: the lanes of a vector. */
const LANES = 4;
const LOSSES: Readonly<Record<LossKind, number>> = { pinball: 0, mse: 1, huber: 2, gaussian: 3 };

/**
 * The CPU backend: SIMD kernels in WebAssembly, built from `assembly/`. Its buffers lie in the module's
 * one memory, so that a prepared kernel is one call with fixed addresses.
 */
export class WasmBackend implements HostBackend {
  /** `"wasm"`. */
  readonly kind = "wasm";
  /** One line for people. */
  readonly description: string;
  readonly #exports: WasmExports;
  readonly #memory: WasmMemory;

  /** Runs on an instance of the module. */
  constructor(exports: WasmExports, flavour: string) {
    this.description = `wasm (${flavour})`;
    this.#exports = exports;
    this.#memory = new WasmMemory(exports.memory, exports.heapBase());
  }

  /** Elements of a layer's packed weights: whole blocks of four units, zeros in the units beyond. */
  packedLength({ cell, inputSize, hiddenSize }: LayerShape): number {
    const blocks = Math.ceil(hiddenSize / LANES);
    return blocks * LANES * (4 + gateCount(cell) * (inputSize + hiddenSize));
  }

  /** Zeroed memory. */
  allocate(length: number, type: ElementType = "f32"): DeviceBuffer {
    checkLength(length);
    return new WasmBuffer(type, length, this.#memory.allocate(4 * length), true);
  }

  /** A window onto part of a buffer. */
  slice(buffer: DeviceBuffer, offset: number, length: number): DeviceBuffer {
    checkRange(buffer, offset, length);
    return new WasmBuffer(buffer.type, length, own(buffer).address + 4 * offset, false);
  }

  /** Copies host values into a buffer. */
  write(buffer: DeviceBuffer, values: Float32Array | Uint32Array, offset = 0): void {
    checkRange(buffer, offset, values.length);
    checkType(buffer, values);
    this.#words(buffer).set(values, own(buffer).address / 4 + offset);
  }

  /** Binds a kernel to its buffers. */
  prepare<K extends KernelName>(kernel: K, args: KernelArguments[K]): Dispatch {
    checkArguments(this, kernel, args);
    return KERNELS[kernel](this.#exports, args, this.#memory);
  }

  /** Copies a buffer to the host. */
  read(buffer: DeviceBuffer, target: Float32Array | Uint32Array, offset = 0): Promise<void> {
    checkRange(buffer, offset, target.length);
    checkType(buffer, target);
    const from = own(buffer).address / 4 + offset;
    target.set(this.#words(buffer).subarray(from, from + target.length));
    return Promise.resolve();
  }

  /** Gives the memory back. */
  free(buffer: DeviceBuffer): void {
    const { address, length, root } = own(buffer);
    if (root) this.#memory.free(address, 4 * length);
  }

  /** The memory goes with the instance. */
  dispose(): void {}

  /** The buffer's memory itself. */
  view(buffer: DeviceBuffer): Float32Array {
    if (buffer.type !== "f32") throw new TypeError("The buffer holds indices");
    return own(buffer).floats(this.#memory.floats);
  }

  /** The memory of an index buffer. */
  viewIndex(buffer: DeviceBuffer): Uint32Array {
    if (buffer.type !== "u32") throw new TypeError("The buffer holds floats");
    return own(buffer).integers(this.#memory.integers);
  }

  #words(buffer: DeviceBuffer): Float32Array | Uint32Array {
    return buffer.type === "f32" ? this.#memory.floats : this.#memory.integers;
  }
}

class WasmBuffer implements DeviceBuffer {
  #floats: Float32Array | undefined;
  #integers: Uint32Array | undefined;

  constructor(
    readonly type: ElementType,
    readonly length: number,
    readonly address: number,
    /** Whether it owns its memory; a slice does not. */
    readonly root: boolean,
  ) {}

  floats(memory: Float32Array): Float32Array {
    if (this.#floats?.buffer !== memory.buffer) {
      this.#floats = memory.subarray(this.address / 4, this.address / 4 + this.length);
    }
    return this.#floats;
  }

  integers(memory: Uint32Array): Uint32Array {
    if (this.#integers?.buffer !== memory.buffer) {
      this.#integers = memory.subarray(this.address / 4, this.address / 4 + this.length);
    }
    return this.#integers;
  }
}

function own(buffer: DeviceBuffer): WasmBuffer {
  if (buffer instanceof WasmBuffer) return buffer;
  throw new TypeError("The buffer belongs to another backend");
}

function at(buffer: DeviceBuffer): number {
  return own(buffer).address;
}

/** The address of a buffer that may be absent: then 0, which is no buffer's. */
function atOptional(buffer: DeviceBuffer | undefined): number {
  return buffer === undefined ? 0 : own(buffer).address;
}

/** Refuses rows outside a slab: a kernel would write over other memory. */
function checkRows(
  memory: WasmMemory,
  rows: DeviceBuffer | undefined,
  count: number,
  capacity: number,
): void {
  if (rows === undefined) return;
  const integers = memory.integers;
  const first = at(rows) / 4;
  for (let b = first; b < first + count; b++) checkRow(integers[b], capacity);
}

/** A type of its own for each kernel, so that its arguments are known inside. */
type Kernels = {
  readonly [K in KernelName]: (
    wasm: WasmExports,
    args: KernelArguments[K],
    memory: WasmMemory,
  ) => Dispatch;
};

const KERNELS: Kernels = {
  pack: (wasm, { shape, parameters, packed }) => {
    const { inputSize, hiddenSize } = shape;
    const pack = shape.cell === "lstm" ? wasm.lstmPack : wasm.gruPack;
    const [from, to] = [at(parameters), at(packed)];
    return () => pack(inputSize, hiddenSize, from, to);
  },

  step: (wasm, args, memory) => {
    const { inputSize, hiddenSize, cell } = args.shape;
    const [packed, x, h] = [at(args.packed), at(args.x), at(args.h)];
    const [c, rows, output] = [atOptional(args.c), atOptional(args.rows), at(args.output)];
    const capacity = Math.floor(args.h.length / hiddenSize);
    const { batch } = args;
    if (cell === "gru_reset_before") memory.reserveScratch(4 * 4 * hiddenSize);
    return (asked) => {
      const count = rowCount(asked, batch);
      checkRows(memory, args.rows, count, capacity);
      if (cell === "lstm") {
        wasm.lstmStep(count, inputSize, hiddenSize, packed, x, h, c, rows, output);
      } else if (cell === "gru") {
        wasm.gruStep(count, inputSize, hiddenSize, packed, x, h, rows, output);
      } else {
        const { scratch } = memory;
        wasm.resetBeforeStep(count, inputSize, hiddenSize, packed, x, h, rows, output, scratch);
      }
    };
  },

  sequence: (wasm, args) => {
    const { steps, batch, shape: { cell, inputSize, hiddenSize } } = args;
    const [packed, x, h0, c0] = [at(args.packed), at(args.x), at(args.h0), atOptional(args.c0)];
    const [hs, cs, saved] = [at(args.hs), atOptional(args.cs), at(args.saved)];
    if (cell === "lstm") {
      return () =>
        wasm.lstmSequence(steps, batch, inputSize, hiddenSize, packed, x, h0, c0, hs, cs, saved);
    }
    const sequence = cell === "gru" ? wasm.gruSequence : wasm.resetBeforeSequence;
    return () => sequence(steps, batch, inputSize, hiddenSize, packed, x, h0, hs, saved);
  },

  sequence_backward: (wasm, args, memory) => {
    const { steps, batch, shape: { cell, inputSize, hiddenSize } } = args;
    const [x, parameters, h0, c0] = [
      at(args.x),
      at(args.parameters),
      at(args.h0),
      atOptional(args.c0),
    ];
    const [hs, cs, saved, dhs] = [at(args.hs), atOptional(args.cs), at(args.saved), at(args.dhs)];
    const [gradient, dx] = [at(args.gradient), atOptional(args.dx)];
    // The gradients of the gate sums of all steps (a GRU's twice), and two rows of states.
    const gates = cell === "gru" ? 6 : gateCount(cell);
    memory.reserveScratch(4 * batch * hiddenSize * (steps * gates + 2));
    if (cell === "lstm") {
      return () =>
        wasm.lstmBackward(
          ...[steps, batch, inputSize, hiddenSize, x, parameters] as const,
          ...[h0, c0, hs, cs, saved, dhs, gradient, dx, memory.scratch] as const,
        );
    }
    const backward = cell === "gru" ? wasm.gruBackward : wasm.resetBeforeBackward;
    return () =>
      backward(
        ...[steps, batch, inputSize, hiddenSize, x, parameters] as const,
        ...[h0, hs, saved, dhs, gradient, dx, memory.scratch] as const,
      );
  },

  linear: (wasm, args) => {
    const { rows, inputSize, outputSize } = args;
    const [x, parameters, y] = [at(args.x), at(args.parameters), at(args.y)];
    return (count) => wasm.linear(rowCount(count, rows), inputSize, outputSize, x, parameters, y);
  },

  linear_backward: (wasm, args) => {
    const { rows, inputSize, outputSize } = args;
    const [x, parameters, dy] = [at(args.x), at(args.parameters), at(args.dy)];
    const [gradient, dx] = [at(args.gradient), atOptional(args.dx)];
    return () => wasm.linearBackward(rows, inputSize, outputSize, x, parameters, dy, gradient, dx);
  },

  loss: (wasm, args, memory) => {
    const { kind, rows, horizon, levels = [], delta = 1 } = args;
    const width = kind === "pinball" ? levels.length : kind === "gaussian" ? 2 : 1;
    const values = Float32Array.from(levels);
    memory.reserveScratch(Math.max(4, values.byteLength));
    const [predictions, targets, mask] = [at(args.predictions), at(args.targets), at(args.mask)];
    const [result, gradient] = [at(args.loss), at(args.gradient)];
    return () => {
      const { scratch } = memory;
      memory.floats.set(values, scratch / 4);
      wasm.loss(
        ...[LOSSES[kind], rows * horizon, width, scratch, delta] as const,
        ...[predictions, targets, mask, result, gradient] as const,
      );
    };
  },

  clip: (wasm, args) => {
    const [gradient, norm] = [at(args.gradient), at(args.norm)];
    return () => wasm.clip(args.gradient.length, gradient, args.maxNorm, norm);
  },

  adam: (wasm, args) => {
    const { beta1, beta2, epsilon, weightDecay } = args;
    const [parameters, gradient, m, v] = [
      at(args.parameters),
      at(args.gradient),
      at(args.m),
      at(args.v),
    ];
    const [schedule, count] = [at(args.schedule), args.parameters.length];
    const decoupled = Number(args.decoupled);
    return () =>
      wasm.adam(
        ...[count, parameters, gradient, m, v, schedule] as const,
        ...[beta1, beta2, epsilon, weightDecay, decoupled] as const,
      );
  },

  sgd: (wasm, args) => {
    const { momentum, weightDecay, parameters: { length } } = args;
    const [parameters, gradient] = [at(args.parameters), at(args.gradient)];
    const [velocity, schedule] = [at(args.velocity), at(args.schedule)];
    return () => wasm.sgd(length, parameters, gradient, velocity, schedule, momentum, weightDecay);
  },

  fill: (_wasm, { buffer, value }, memory) => {
    const from = at(buffer) / 4;
    const to = from + buffer.length;
    return () =>
      void (buffer.type === "f32" ? memory.floats : memory.integers).fill(value, from, to);
  },

  copy: (_wasm, { source, target }, memory) => {
    const [from, to] = [at(source) / 4, at(target) / 4];
    return () => void memory.integers.copyWithin(to, from, from + source.length);
  },

  multiply: (wasm, args) => {
    const [a, b, target] = [at(args.a), at(args.b), at(args.target)];
    return () => wasm.multiply(args.target.length, a, b, target);
  },

  gather: (wasm, { width, source, rows, target }, memory) => {
    const capacity = Math.floor(source.length / width);
    const [from, index, to] = [at(source), at(rows), at(target)];
    return (asked) => {
      const count = rowCount(asked, rows.length);
      checkRows(memory, rows, count, capacity);
      wasm.gather(count, width, from, index, to);
    };
  },

  scatter: (wasm, { width, source, rows, target }, memory) => {
    const capacity = Math.floor(target.length / width);
    const [from, index, to] = [at(source), at(rows), at(target)];
    return (asked) => {
      const count = rowCount(asked, rows.length);
      checkRows(memory, rows, count, capacity);
      wasm.scatter(count, 4 * width, index, from, to);
    };
  },
};
