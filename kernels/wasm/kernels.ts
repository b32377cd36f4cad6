import {
  type CellKind,
  type DeviceBuffer,
  type Dispatch,
  gateCount,
  type KernelArguments,
  type KernelName,
  type LossKind,
} from "../backend.ts";
import { rowCount } from "../check_arguments.ts";
import type { WasmExports } from "./exports.ts";
import type { RowCall } from "./row_board.ts";
import type { RowThreads, SharedRows } from "./row_threads.ts";
import type { WasmBuffer } from "./wasm_buffer.ts";

/** What binding a kernel needs of the backend. */
export interface KernelHost {
  /** The kernels as compiled. */
  readonly exports: WasmExports;
  /** Where intermediate results go; it may move when more is reserved. */
  readonly scratch: number;
  /** Those who share rows, where there are any. */
  readonly rowThreads: RowThreads | undefined;
  /** A buffer of this backend. */
  own(buffer: DeviceBuffer): WasmBuffer;
  /** Makes room for intermediate results. */
  reserveScratch(bytes: number): void;
  /** Where constants stand in memory. */
  constants(values: readonly number[]): number;
}

/** The cells by the kernels' numbers. */
export const CELL_NUMBERS: Readonly<Record<CellKind, number>> = {
  lstm: 0,
  gru: 1,
  gru_reset_before: 2,
};

const LOSS_NUMBERS: Readonly<Record<LossKind, number>> = {
  pinball: 0,
  mse: 1,
  huber: 2,
  gaussian: 3,
};

/** A type of its own for each kernel, so that its arguments are known inside. */
type Kernels = {
  readonly [K in KernelName]: (args: KernelArguments[K], host: KernelHost) => Dispatch;
};

/** Resolves the arguments of each kernel to pointers, once. */
export const KERNELS: Kernels = {
  pack: ({ shape, parameters, packed }, host) => {
    const [from, to] = pointers(host, parameters, packed);
    const { cell, inputSize, hiddenSize } = numbers(shape);
    return () => host.exports.pack(cell, inputSize, hiddenSize, from, to);
  },

  step: (args, host) => {
    const { cell, inputSize, hiddenSize } = numbers(args.shape);
    const { batch } = args;
    const [x, packed, h, c, rows, output] = pointers(
      host,
      ...[args.x, args.packed, args.h, args.c, args.rows, args.output],
    );
    const capacity = Math.floor(args.h.length / hiddenSize);
    const { step, stepScratch } = host.exports;
    const scratchBytes = lines(stepScratch(cell, inputSize, hiddenSize, batch));
    host.reserveScratch(scratchBytes);
    const [xBytes, hBytes, indexBytes] = [4 * inputSize, 4 * hiddenSize, rows && 4];
    const stateBytes = rows ? 0 : hBytes;
    const alone = (taken: number): void => {
      const outside = step(
        cell,
        inputSize,
        hiddenSize,
        taken,
        x,
        packed,
        h,
        c,
        rows,
        capacity,
        output,
        host.scratch,
      );
      if (outside >= 0) refuseRow(outside, capacity);
    };
    const call: RowCall = {
      kernel: "step",
      args: [cell, inputSize, hiddenSize, 0, x, packed, h, c, rows, capacity, output],
      rowsAt: 3,
      strides: [0, 0, 0, 0, xBytes, 0, stateBytes, c && stateBytes, indexBytes, 0, hBytes],
      work: gateCount(args.shape.cell) * hiddenSize * (inputSize + hiddenSize),
      scratchBytes,
    };
    const run = shareRows(host, call, alone, (taken) => {
      if (args.rows) checkRows(host, args.rows, taken, capacity);
    });
    return (count) => run(rowCount(count, batch));
  },

  sequence: (args, host) => {
    const { cell, inputSize, hiddenSize } = numbers(args.shape);
    const { steps, batch } = args;
    const at = pointers(
      host,
      ...[args.x, args.packed, args.h0, args.c0, args.hs, args.cs, args.saved],
    );
    const { sequence, sequenceScratch } = host.exports;
    host.reserveScratch(sequenceScratch(cell, inputSize, hiddenSize, steps, batch));
    return () => sequence(cell, inputSize, hiddenSize, steps, batch, ...at, host.scratch);
  },

  sequence_backward: (args, host) => {
    const { cell, inputSize, hiddenSize } = numbers(args.shape);
    const { steps, batch } = args;
    const at = pointers(
      host,
      ...[args.x, args.parameters, args.h0, args.c0, args.hs, args.cs, args.saved],
      ...[args.dhs, args.gradient, args.dx],
    );
    const { sequenceBackward, backwardScratch } = host.exports;
    host.reserveScratch(backwardScratch(cell, inputSize, hiddenSize, steps, batch));
    return () => sequenceBackward(cell, inputSize, hiddenSize, steps, batch, ...at, host.scratch);
  },

  linear: ({ rows, inputSize, outputSize, ...args }, host) => {
    const [x, parameters, y] = pointers(host, args.x, args.parameters, args.y);
    const { linear } = host.exports;
    const alone = (taken: number): void => {
      linear(taken, inputSize, outputSize, x, parameters, y);
    };
    const run = shareRows(host, {
      kernel: "linear",
      args: [0, inputSize, outputSize, x, parameters, y],
      rowsAt: 0,
      strides: [0, 0, 0, 4 * inputSize, 0, 4 * outputSize],
      work: inputSize * outputSize,
      scratchBytes: 0,
    }, alone);
    return (count) => run(rowCount(count, rows));
  },

  linear_backward: ({ rows, inputSize, outputSize, ...args }, host) => {
    const at = pointers(host, args.x, args.parameters, args.dy, args.gradient, args.dx);
    const { linearBackward, linearScratch } = host.exports;
    host.reserveScratch(linearScratch(rows, inputSize, outputSize));
    return () => linearBackward(rows, inputSize, outputSize, ...at, host.scratch);
  },

  loss: ({ kind, rows, horizon, levels = [], delta = 1, ...args }, host) => {
    const at = pointers(
      host,
      ...[args.predictions, args.targets, args.mask, args.loss, args.gradient],
    );
    const width = kind === "pinball" ? levels.length : kind === "gaussian" ? 2 : 1;
    const levelsAt = kind === "pinball" ? host.constants(levels) : 0;
    const { loss } = host.exports;
    return () => loss(LOSS_NUMBERS[kind], rows * horizon, width, levelsAt, delta, ...at);
  },

  clip: ({ gradient, maxNorm, norm }, host) => {
    const [gradientAt, normAt] = pointers(host, gradient, norm);
    return () => host.exports.clip(gradientAt, gradient.length, maxNorm, normAt);
  },

  adam: ({ beta1, beta2, epsilon, weightDecay, decoupled, ...args }, host) => {
    const at = pointers(
      host,
      ...[args.parameters, args.gradient, args.m, args.v, args.schedule],
    );
    const { length } = args.parameters;
    const { adam } = host.exports;
    return () => adam(length, ...at, beta1, beta2, epsilon, weightDecay, decoupled);
  },

  sgd: ({ momentum, weightDecay, ...args }, host) => {
    const at = pointers(host, args.parameters, args.gradient, args.velocity, args.schedule);
    const { length } = args.parameters;
    return () => host.exports.sgd(length, ...at, momentum, weightDecay);
  },

  fill: ({ buffer, value }, host) => {
    const { pointer, type, length } = host.own(buffer);
    const bits = type === "f32" ? new Int32Array(Float32Array.of(value).buffer)[0] : value;
    return () => host.exports.fill(pointer, length, bits);
  },

  copy: ({ source, target }, host) => {
    const [from, to] = pointers(host, source, target);
    return () => host.exports.copyFloats(from, to, source.length);
  },

  multiply: ({ a, b, target }, host) => {
    const [aAt, bAt, targetAt] = pointers(host, a, b, target);
    return () => host.exports.multiply(aAt, bAt, targetAt, a.length);
  },

  gather: ({ width, source, rows, target }, host) => {
    const [from, index, to] = pointers(host, source, rows, target);
    const capacity = Math.floor(source.length / width);
    const { gather } = host.exports;
    return (count) => gather(width, from, index, to, checkedRows(host, rows, count, capacity));
  },

  scatter: ({ width, source, rows, target }, host) => {
    const [from, index, to] = pointers(host, source, rows, target);
    const capacity = Math.floor(target.length / width);
    const { scatter } = host.exports;
    return (count) => scatter(width, from, index, to, checkedRows(host, rows, count, capacity));
  },
};

/** Runs a kernel of rows on one thread, or where there are several on as many as pay. */
function shareRows(
  host: KernelHost,
  call: RowCall,
  alone: SharedRows["alone"],
  check?: SharedRows["check"],
): (rows: number) => void {
  const { rowThreads } = host;
  if (!rowThreads) return alone;
  const shared = rowThreads.bind(call, alone, check);
  host.reserveScratch(rowThreads.count * call.scratchBytes);
  return (rows) => rowThreads.run(shared, rows, host.scratch);
}

/** Bytes up to the end of the last cache line, so that no two threads write to one. */
function lines(bytes: number): number {
  return 64 * Math.ceil(bytes / 64);
}

/** Pointers of buffers, 0 for one that is left out. */
function pointers(host: KernelHost, ...buffers: (DeviceBuffer | undefined)[]): number[] {
  return buffers.map((buffer) => buffer ? host.own(buffer).pointer : 0);
}

function numbers(
  { cell, inputSize, hiddenSize }: { cell: CellKind; inputSize: number; hiddenSize: number },
): { cell: number; inputSize: number; hiddenSize: number } {
  return { cell: CELL_NUMBERS[cell], inputSize, hiddenSize };
}

/** The rows to run, once each index is known to lie within `capacity`. */
function checkedRows(
  host: KernelHost,
  rows: DeviceBuffer,
  count: number | undefined,
  capacity: number,
): number {
  const taken = rowCount(count, rows.length);
  checkRows(host, rows, taken, capacity);
  return taken;
}

function checkRows(host: KernelHost, rows: DeviceBuffer, count: number, capacity: number): void {
  const outside = host.exports.firstOutside(host.own(rows).pointer, count, capacity);
  if (outside >= 0) refuseRow(outside, capacity);
}

function refuseRow(row: number, capacity: number): never {
  throw new RangeError(`The index at place ${row} lies outside ${capacity} rows`);
}
