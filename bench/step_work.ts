// One step of a recurrent layer for some series: the work of the benchmarks of inference.
import {
  type Backend,
  type HostBackend,
  layerParameterLength,
  type LayerShape,
} from "../kernels/mod.ts";
import type { WasmBackend } from "../kernels/wasm/backend.ts";
import { Random } from "../src/model/random.ts";
import { PEAK, type Skipped, type Subject, timed } from "./harness.ts";
import { base64, type PyTorch, skipped } from "./peers/pytorch.ts";

/** What is stepped. */
export interface StepWork {
  readonly shape: LayerShape;
  readonly batch: number;
  /** `[batch, inputs]`, the same at every step. */
  readonly x: Float32Array;
  /** In PyTorch's layout. */
  readonly parameters: Float32Array;
  /** The order in which the rows stand in the states. */
  readonly rows: Uint32Array;
  /** Steps from zero after which subjects are compared. */
  readonly checkSteps: number;
}

/** How far two ways to add up may be apart after the steps of a check. */
export const TOLERANCE = 2e-6;

/** Random weights and inputs; the rows lie in the states in random order. */
export function stepWork(shape: LayerShape, batch: number): StepWork {
  const random = new Random(1);
  const scale = 1 / Math.sqrt(shape.hiddenSize);
  const uniform = (length: number, size: number): Float32Array =>
    Float32Array.from({ length }, () => size * (2 * random.uniform() - 1));
  const rows = Uint32Array.from({ length: batch }, (_, k) => k);
  random.shuffle(rows);
  return {
    shape,
    batch,
    x: uniform(batch * shape.inputSize, 1),
    parameters: uniform(layerParameterLength(shape), scale),
    rows,
    checkSteps: 3,
  };
}

/** Two operations for each weight and series. */
export function stepFlops({ shape, batch }: StepWork): number {
  const gates = shape.cell === "lstm" ? 4 : 3;
  return 2 * batch * gates * shape.hiddenSize * (shape.inputSize + shape.hiddenSize);
}

/** The step on a backend of ours, rows gathered by index where there are several. */
export function ownStep(name: string, backend: Backend, work: StepWork, threads = 1): Subject {
  const { shape, batch, checkSteps } = work;
  const length = batch * shape.hiddenSize;
  const parameters = backend.allocate(work.parameters.length);
  const packed = backend.allocate(backend.packedLength(shape));
  const x = backend.allocate(work.x.length);
  const [h, output] = [backend.allocate(length), backend.allocate(length)];
  const c = shape.cell === "lstm" ? { c: backend.allocate(length) } : {};
  const rows = batch > 1 ? { rows: backend.allocate(batch, "u32") } : {};
  backend.write(parameters, work.parameters);
  backend.write(x, work.x);
  if (rows.rows) backend.write(rows.rows, work.rows);
  backend.prepare("pack", { shape, parameters, packed })();
  const step = backend.prepare("step", { shape, batch, x, packed, h, output, ...c, ...rows });
  const zero = [h, ...c.c ? [c.c] : []].map((buffer) =>
    backend.prepare("fill", { buffer, value: 0 })
  );
  return {
    name,
    flops: stepFlops(work),
    run: timed(() => step(), threads),
    result: async (): Promise<Float32Array> => {
      for (const fill of zero) fill();
      for (let k = 0; k < checkSteps; k++) step();
      const values = new Float32Array(length);
      await backend.read(output, values);
      return values;
    },
    dispose: (): void => {
      const buffers = [parameters, packed, x, h, output, ...Object.values({ ...c, ...rows })];
      for (const buffer of buffers) backend.free(buffer);
    },
  };
}

/** The step in PyTorch, by its cell and as a sequence of one step. */
export async function torchSteps(
  torch: PyTorch | string,
  work: StepWork,
): Promise<(Subject | Skipped)[]> {
  const { shape, batch, checkSteps } = work;
  const name = shape.cell.toUpperCase();
  const names = [`PyTorch ${name}Cell`, `PyTorch nn.${name}`];
  if (typeof torch === "string") return skipped(torch, ...names);
  const subjects: Subject[] = [];
  for (const [k, kind] of ["cell", "sequence"].entries()) {
    const options = {
      kind,
      cell: shape.cell,
      inputs: shape.inputSize,
      hidden: shape.hiddenSize,
      batch,
      parameters: base64(work.parameters),
      x: base64(work.x),
    };
    subjects.push(await torch.subject(names[k], "step", options, checkSteps));
  }
  return subjects;
}

/** What multiply-adds in WASM reach at the most, from registers. */
export function peak(backend: WasmBackend): Subject {
  const rounds = 1000;
  const at = backend.allocate(8);
  const { pointer } = backend.own(at);
  return {
    name: PEAK,
    flops: rounds * 12 * 8,
    run: timed(() => backend.exports.multiplyAddPeak(rounds, pointer)),
    dispose: () => backend.free(at),
  };
}

/** Multiply-adds over weights that are streamed from wherever as many bytes stay in a cache. */
export function stream(backend: WasmBackend, bytes: number): Subject {
  const lines = 4 * Math.max(1, Math.round(bytes / 4 / 192));
  const [at, w] = [backend.allocate(8), backend.allocate(lines * 48)];
  const [to, from] = [backend.own(at).pointer, backend.own(w).pointer];
  return {
    name: "multiply-adds over as many weights",
    flops: lines * 12 * 8,
    run: timed(() => backend.exports.multiplyAddStream(lines, from, to)),
    dispose: (): void => {
      backend.free(at);
      backend.free(w);
    },
  };
}

/** What the reference computes. */
export async function expectedStep(reference: HostBackend, work: StepWork): Promise<Float32Array> {
  const subject = ownStep("", reference, work);
  const values = await subject.result!();
  subject.dispose!();
  return values;
}
