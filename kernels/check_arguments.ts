import {
  type Backend,
  type DeviceBuffer,
  type KernelArguments,
  type KernelName,
  layerParameterLength,
  type LayerShape,
  savedLength,
} from "./backend.ts";

/** What is asked of each kernel's arguments. */
type Checks = {
  readonly [K in KernelName]: (args: KernelArguments[K], check: ArgumentCheck) => void;
};

/**
 * The one place where kernel arguments are checked, called by every backend's `prepare`: element types,
 * lengths, sizes and hyper-parameters. A buffer may be longer than needed.
 *
 * @param backend The backend that is to run the kernel, for the length of its packed weights.
 * @param kernel The kernel.
 * @param args Its arguments.
 * @throws {RangeError} when a size, length or number is out of range.
 * @throws {TypeError} when a buffer is missing or holds the wrong type of element.
 *
 * @example
 * ```ts
 * import { checkArguments, openBackend } from "@tickcast/tickcast/kernels";
 * import { throws } from "node:assert/strict";
 *
 * const backend = await openBackend("reference");
 * const [source, target] = [backend.allocate(4), backend.allocate(3)];
 * throws(() => checkArguments(backend, "copy", { source, target }), RangeError);
 * backend.dispose();
 * ```
 */
export function checkArguments<K extends KernelName>(
  backend: Pick<Backend, "packedLength">,
  kernel: K,
  args: KernelArguments[K],
): void {
  const checkKernel = CHECKS[kernel];
  if (!checkKernel) throw new TypeError(`Cannot prepare "${kernel}": there is no such kernel`);
  checkKernel(args, new ArgumentCheck(backend, kernel));
}

/**
 * Rows a dispatch runs on.
 *
 * @param count What the caller asked for; all rows where left out.
 * @param rows How many there are.
 * @returns The number of rows.
 * @throws {RangeError} when more rows are asked for than there are, or a part of one.
 *
 * @example
 * ```ts
 * import { rowCount } from "@tickcast/tickcast/kernels";
 *
 * if (rowCount(undefined, 5) !== 5 || rowCount(2, 5) !== 2) throw new Error();
 * ```
 */
export function rowCount(count: number | undefined, rows: number): number {
  if (count === undefined) return rows;
  if (Number.isInteger(count) && count >= 0 && count <= rows) return count;
  throw new RangeError(`Cannot run ${count} rows: the kernel was prepared for ${rows}`);
}

/** Collects what is known about one call, so that every message names the kernel and the argument. */
class ArgumentCheck {
  constructor(
    private readonly backend: Pick<Backend, "packedLength">,
    private readonly kernel: KernelName,
  ) {}

  buffer(name: string, buffer: DeviceBuffer | undefined, length: number, type = "f32"): void {
    if (!buffer) throw new TypeError(this.#message(name, "is missing"));
    if (buffer.type !== type) {
      throw new TypeError(this.#message(name, `must hold ${type}, holds ${buffer.type}`));
    }
    if (buffer.length < length) {
      throw new RangeError(this.#message(name, `needs ${length} elements, has ${buffer.length}`));
    }
  }

  optional(name: string, buffer: DeviceBuffer | undefined, length: number): void {
    if (buffer) this.buffer(name, buffer, length);
  }

  sizes(sizes: Readonly<Record<string, number>>): void {
    for (const [name, size] of Object.entries(sizes)) {
      if (!Number.isInteger(size) || size < 1) {
        throw new RangeError(this.#message(name, `must be a positive whole number, is ${size}`));
      }
    }
  }

  number(name: string, value: number, valid: boolean, wanted: string): void {
    if (Number.isFinite(value) && valid) return;
    throw new RangeError(this.#message(name, `must be ${wanted}, is ${value}`));
  }

  shape(shape: LayerShape): void {
    if (!["lstm", "gru", "gru_reset_before"].includes(shape.cell)) {
      throw new TypeError(this.#message("cell", `is unknown: "${shape.cell}"`));
    }
    this.sizes({ inputSize: shape.inputSize, hiddenSize: shape.hiddenSize });
  }

  packed(shape: LayerShape, packed: DeviceBuffer): void {
    this.buffer("packed", packed, this.backend.packedLength(shape));
  }

  /** A cell state: an LSTM needs it, a GRU must not be given one. */
  cellState(
    name: string,
    shape: LayerShape,
    buffer: DeviceBuffer | undefined,
    length: number,
  ): void {
    if (shape.cell === "lstm") this.buffer(name, buffer, length);
    else if (buffer) throw new TypeError(this.#message(name, "has no meaning for a GRU"));
  }

  sameLength(name: string, buffer: DeviceBuffer, other: DeviceBuffer): void {
    this.buffer(name, buffer, 0, other.type);
    if (buffer.length === other.length) return;
    throw new RangeError(
      this.#message(name, `needs exactly ${other.length} elements, has ${buffer.length}`),
    );
  }

  #message(name: string, detail: string): string {
    return `Cannot prepare "${this.kernel}": ${name} ${detail}`;
  }
}

const CHECKS: Checks = {
  pack: ({ shape, parameters, packed }, check) => {
    check.shape(shape);
    check.buffer("parameters", parameters, layerParameterLength(shape));
    check.packed(shape, packed);
  },

  step: ({ shape, batch, x, packed, h, c, rows, output }, check) => {
    check.shape(shape);
    check.sizes({ batch });
    const { inputSize, hiddenSize } = shape;
    check.buffer("x", x, batch * inputSize);
    check.packed(shape, packed);
    const stateLength = rows ? hiddenSize : batch * hiddenSize;
    check.buffer("h", h, stateLength);
    check.cellState("c", shape, c, stateLength);
    if (c) check.sameLength("c", c, h);
    if (rows) check.buffer("rows", rows, batch, "u32");
    check.buffer("output", output, batch * hiddenSize);
  },

  sequence: (args, check) => {
    checkSequence(args, check);
    check.packed(args.shape, args.packed);
  },

  sequence_backward: (args, check) => {
    checkSequence(args, check);
    const { shape, steps, batch, parameters, dhs, gradient, dx } = args;
    check.buffer("parameters", parameters, layerParameterLength(shape));
    check.buffer("dhs", dhs, steps * batch * shape.hiddenSize);
    check.buffer("gradient", gradient, layerParameterLength(shape));
    check.optional("dx", dx, steps * batch * shape.inputSize);
  },

  linear: ({ rows, inputSize, outputSize, x, parameters, y }, check) => {
    check.sizes({ rows, inputSize, outputSize });
    check.buffer("x", x, rows * inputSize);
    check.buffer("parameters", parameters, outputSize * (inputSize + 1));
    check.buffer("y", y, rows * outputSize);
  },

  linear_backward: ({ rows, inputSize, outputSize, x, parameters, dy, gradient, dx }, check) => {
    check.sizes({ rows, inputSize, outputSize });
    check.buffer("x", x, rows * inputSize);
    check.buffer("parameters", parameters, outputSize * (inputSize + 1));
    check.buffer("dy", dy, rows * outputSize);
    check.buffer("gradient", gradient, outputSize * (inputSize + 1));
    check.optional("dx", dx, rows * inputSize);
  },

  loss: (args, check) => {
    const { kind, rows, horizon, levels = [], delta = 1 } = args;
    check.sizes({ rows, horizon });
    if (kind === "pinball") check.sizes({ levels: levels.length });
    levels.forEach((level, k) => {
      const ascending = level > (k === 0 ? 0 : levels[k - 1]) && level < 1;
      check.number(`levels[${k}]`, level, ascending, "in (0, 1) and above the level before");
    });
    check.number("delta", delta, delta > 0, "above 0");
    const width = kind === "pinball" ? levels.length : kind === "gaussian" ? 2 : 1;
    check.buffer("predictions", args.predictions, rows * horizon * width);
    check.buffer("targets", args.targets, rows * horizon);
    check.buffer("mask", args.mask, rows * horizon);
    check.buffer("loss", args.loss, 1);
    check.buffer("gradient", args.gradient, rows * horizon * width);
  },

  clip: ({ gradient, maxNorm, norm }, check) => {
    check.buffer("gradient", gradient, 0);
    check.number("maxNorm", maxNorm, maxNorm > 0, "above 0");
    check.buffer("norm", norm, 1);
  },

  adam: ({ parameters, gradient, m, v, schedule, beta1, beta2, epsilon, weightDecay }, check) => {
    check.buffer("parameters", parameters, 0);
    for (const [name, buffer] of Object.entries({ gradient, m, v })) {
      check.sameLength(name, buffer, parameters);
    }
    check.buffer("schedule", schedule, 3);
    check.number("beta1", beta1, beta1 >= 0 && beta1 < 1, "in [0, 1)");
    check.number("beta2", beta2, beta2 >= 0 && beta2 < 1, "in [0, 1)");
    check.number("epsilon", epsilon, epsilon > 0, "above 0");
    check.number("weightDecay", weightDecay, weightDecay >= 0, "0 or more");
  },

  sgd: ({ parameters, gradient, velocity, schedule, momentum, weightDecay }, check) => {
    check.buffer("parameters", parameters, 0);
    check.sameLength("gradient", gradient, parameters);
    check.sameLength("velocity", velocity, parameters);
    check.buffer("schedule", schedule, 1);
    check.number("momentum", momentum, momentum >= 0 && momentum < 1, "in [0, 1)");
    check.number("weightDecay", weightDecay, weightDecay >= 0, "0 or more");
  },

  fill: ({ buffer }, check) => {
    check.buffer("buffer", buffer, 0, buffer?.type);
  },

  copy: ({ source, target }, check) => {
    check.sameLength("target", target, source);
  },

  multiply: ({ a, b, target }, check) => {
    check.buffer("a", a, 0);
    check.sameLength("b", b, a);
    check.sameLength("target", target, a);
  },

  gather: ({ width, source, rows, target }, check) => {
    check.sizes({ width });
    check.buffer("source", source, width);
    check.buffer("rows", rows, 1, "u32");
    check.buffer("target", target, rows.length * width);
  },

  scatter: ({ width, source, rows, target }, check) => {
    check.sizes({ width });
    check.buffer("rows", rows, 1, "u32");
    check.buffer("source", source, rows.length * width);
    check.buffer("target", target, width);
  },
};

function checkSequence(
  args: Omit<KernelArguments["sequence"], "packed">,
  check: ArgumentCheck,
): void {
  const { shape, steps, batch, x, h0, c0, hs, cs, saved } = args;
  check.shape(shape);
  check.sizes({ steps, batch });
  const rows = steps * batch;
  check.buffer("x", x, rows * shape.inputSize);
  check.buffer("h0", h0, batch * shape.hiddenSize);
  check.cellState("c0", shape, c0, batch * shape.hiddenSize);
  check.buffer("hs", hs, rows * shape.hiddenSize);
  check.cellState("cs", shape, cs, rows * shape.hiddenSize);
  check.buffer("saved", saved, rows * savedLength(shape));
}
