import {
  type Backend,
  type CellKind,
  type DeviceBuffer,
  type KernelName,
  layerParameterLength,
  savedLength,
} from "./backend.ts";
import { ReferenceBackend } from "./reference/backend.ts";

/** Largest error relative to the largest element: far above rounding, far below a wrong result. */
const TOLERANCE = 1e-4;

const CELLS: readonly CellKind[] = ["lstm", "gru", "gru_reset_before"];

/** Sizes that no tile divides. */
const [STEPS, BATCH, INPUTS, HIDDEN, OUTPUTS] = [3, 5, 3, 7, 4];

/**
 * Runs every kernel on a tiny case and compares it with the reference, so that a driver that computes
 * wrongly is found before it forecasts.
 *
 * @param backend The backend to check; what it allocates for this is given back.
 * @throws {Error} naming the kernel and the two numbers when one differs.
 *
 * @example
 * ```ts
 * import { openBackend, selfCheck } from "@tickcast/tickcast/kernels";
 *
 * const backend = await openBackend("reference");
 * await selfCheck(backend);
 * backend.dispose();
 * ```
 */
export async function selfCheck(backend: Backend): Promise<void> {
  const expected = await new Trial(new ReferenceBackend()).run();
  const actual = await new Trial(backend).run();
  for (const [name, values] of expected) {
    const scale = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    values.forEach((value, index) => {
      const found = actual.get(name)![index];
      // Written so that a NaN fails.
      if (Math.abs(found - value) <= TOLERANCE * scale) return;
      throw new Error(
        `Cannot use ${backend.description}: ${name} gives ${found} where ${value} is right`,
      );
    });
  }
}

/** One run over all kernels: the same numbers in, on any backend. */
class Trial {
  readonly #buffers: DeviceBuffer[] = [];
  readonly #results: [string, DeviceBuffer][] = [];
  #seed = 0;

  constructor(readonly backend: Backend) {}

  /** The results by kernel, read at once. */
  async run(): Promise<Map<string, Float32Array>> {
    for (const cell of CELLS) this.#recurrent(cell);
    this.#linear();
    this.#losses();
    this.#optimisers();
    this.#rows();
    const results = new Map<string, Float32Array>();
    await Promise.all(this.#results.map(([name, buffer]) => {
      const values = new Float32Array(buffer.length);
      results.set(name, values);
      return this.backend.read(buffer, values);
    }));
    for (const buffer of this.#buffers) this.backend.free(buffer);
    return results;
  }

  #zeros(length: number): DeviceBuffer {
    const buffer = this.backend.allocate(length);
    this.#buffers.push(buffer);
    return buffer;
  }

  /** Numbers in (−1, 1) without a pattern that a wrong index could keep. */
  #numbers(length: number): DeviceBuffer {
    const buffer = this.#zeros(length);
    const seed = this.#seed++;
    this.backend.write(
      buffer,
      Float32Array.from({ length }, (_, k) => Math.sin(seed + 1.7 * k + 0.01 * k * k)),
    );
    return buffer;
  }

  #keep(kernel: KernelName, part: string, buffer: DeviceBuffer): void {
    this.#results.push([`${kernel} (${part})`, buffer]);
  }

  #recurrent(cell: CellKind): void {
    const shape = { cell, inputSize: INPUTS, hiddenSize: HIDDEN };
    const lstm = cell === "lstm";
    const rows = STEPS * BATCH;
    const parameters = this.#numbers(layerParameterLength(shape));
    const packed = this.#zeros(this.backend.packedLength(shape));
    this.backend.prepare("pack", { shape, parameters, packed })();

    const [h, c] = [this.#numbers(BATCH * HIDDEN), this.#numbers(BATCH * HIDDEN)];
    const hs = this.#zeros(rows * HIDDEN);
    const saved = this.#zeros(rows * savedLength(shape));
    const sequence = {
      shape,
      steps: STEPS,
      batch: BATCH,
      x: this.#numbers(rows * INPUTS),
      h0: h,
      hs,
      saved,
      ...(lstm ? { c0: c, cs: this.#zeros(rows * HIDDEN) } : {}),
    };
    const gradient = this.#zeros(parameters.length);
    const dx = this.#zeros(rows * INPUTS);
    const dhs = this.#numbers(rows * HIDDEN);
    this.backend.prepare("sequence", { ...sequence, packed })();
    this.backend.prepare("sequence_backward", { ...sequence, parameters, dhs, gradient, dx })();
    this.#keep("sequence", `${cell} hs`, hs);
    this.#keep("sequence", `${cell} saved`, saved);
    this.#keep("sequence_backward", `${cell} gradient`, gradient);
    this.#keep("sequence_backward", `${cell} dx`, dx);

    // The rows stand in another order than in the slab, and one is left out.
    const rowsOfSlab = this.backend.allocate(BATCH, "u32");
    this.#buffers.push(rowsOfSlab);
    this.backend.write(rowsOfSlab, Uint32Array.of(3, 0, 4, 1, 2));
    const output = this.#zeros(BATCH * HIDDEN);
    const step = { shape, batch: BATCH, x: this.#numbers(BATCH * INPUTS), packed, h, output };
    this.backend.prepare("step", { ...step, rows: rowsOfSlab, ...(lstm ? { c } : {}) })(BATCH - 1);
    this.#keep("step", `${cell} output`, output);
    this.#keep("step", `${cell} h`, h);
    if (lstm) this.#keep("step", `${cell} c`, c);
  }

  #linear(): void {
    const sizes = { rows: BATCH, inputSize: HIDDEN, outputSize: OUTPUTS };
    const x = this.#numbers(BATCH * HIDDEN);
    const parameters = this.#numbers(OUTPUTS * (HIDDEN + 1));
    const [y, dx] = [this.#zeros(BATCH * OUTPUTS), this.#zeros(BATCH * HIDDEN)];
    const gradient = this.#numbers(OUTPUTS * (HIDDEN + 1));
    const dy = this.#numbers(BATCH * OUTPUTS);
    this.backend.prepare("linear", { ...sizes, x, parameters, y })();
    this.backend.prepare("linear_backward", { ...sizes, x, parameters, dy, gradient, dx })();
    this.#keep("linear", "y", y);
    this.#keep("linear_backward", "gradient", gradient);
    this.#keep("linear_backward", "dx", dx);
  }

  #losses(): void {
    const [rows, horizon] = [BATCH, 2];
    const levels = [0.1, 0.5, 0.9];
    for (const kind of ["pinball", "mse", "huber", "gaussian"] as const) {
      const width = kind === "pinball" ? levels.length : kind === "gaussian" ? 2 : 1;
      const predictions = this.#numbers(rows * horizon * width);
      const targets = this.#numbers(rows * horizon);
      const mask = this.#zeros(rows * horizon);
      this.backend.write(mask, Float32Array.from({ length: rows * horizon }, (_, k) => k % 3 && 1));
      const [loss, gradient] = [this.#zeros(1), this.#zeros(predictions.length)];
      const buffers = { predictions, targets, mask, loss, gradient };
      this.backend.prepare("loss", { kind, rows, horizon, levels, delta: 0.5, ...buffers })();
      this.#keep("loss", kind, loss);
      this.#keep("loss", `${kind} gradient`, gradient);
    }
  }

  #optimisers(): void {
    const length = 37;
    const [gradient, norm] = [this.#numbers(length), this.#zeros(1)];
    this.backend.prepare("clip", { gradient, maxNorm: 0.5, norm })();
    this.#keep("clip", "gradient", gradient);
    this.#keep("clip", "norm", norm);

    const schedule = this.#zeros(3);
    this.backend.write(schedule, Float32Array.of(0.01, 0.1, 0.001));
    const adam = { parameters: this.#numbers(length), m: this.#zeros(length) };
    this.backend.prepare("adam", {
      ...adam,
      v: this.#zeros(length),
      gradient,
      schedule,
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-8,
      weightDecay: 0.01,
      decoupled: true,
    })();
    this.#keep("adam", "parameters", adam.parameters);
    this.#keep("adam", "m", adam.m);

    const sgd = { parameters: this.#numbers(length), velocity: this.#numbers(length) };
    this.backend.prepare("sgd", { ...sgd, gradient, schedule, momentum: 0.9, weightDecay: 0.01 })();
    this.#keep("sgd", "parameters", sgd.parameters);
    this.#keep("sgd", "velocity", sgd.velocity);
  }

  #rows(): void {
    const width = 3;
    const rows = this.backend.allocate(2, "u32");
    this.#buffers.push(rows);
    this.backend.write(rows, Uint32Array.of(2, 0));
    const slab = this.#numbers(3 * width);
    const [gathered, scattered] = [this.#zeros(2 * width), this.#zeros(3 * width)];
    this.backend.prepare("fill", { buffer: scattered, value: 0.25 })();
    this.backend.prepare("gather", { width, source: slab, rows, target: gathered })();
    this.backend.prepare("scatter", { width, source: gathered, rows, target: scattered })();
    const product = this.#zeros(3 * width);
    this.backend.prepare("multiply", { a: slab, b: scattered, target: product })();
    const copied = this.#zeros(3 * width);
    this.backend.prepare("copy", { source: scattered, target: copied })();
    this.#keep("gather", "rows", gathered);
    this.#keep("copy", "of scattered and filled rows", copied);
    this.#keep("multiply", "product", product);
  }
}
