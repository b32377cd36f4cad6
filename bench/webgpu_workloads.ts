// What the WebGPU benchmark runs: bodies that its test runs on small sizes too.
import {
  type Backend,
  type DeviceBuffer,
  type Dispatch,
  layerParameterLength,
  type LayerShape,
} from "../kernels/mod.ts";
import { Random } from "../src/model/random.ts";

/** A piece of work on a device, done again and again. */
export interface Workload {
  /** Starts it once. */
  run(): void;
  /** Waits for all that was started; gives a few floats that depend on it. */
  finish(): Promise<Float32Array>;
  /** Floating-point operations of one run: two a multiply-add of the matrix products. */
  readonly flops: number;
  /** Bytes of one run that memory must move at the least: each operand and result once. */
  readonly bytes: number;
  /** Gives the memory back. */
  free(): void;
}

const LEVELS = [0.1, 0.5, 0.9];
const HORIZON = 12;

/** Memory of one workload, given back together. */
class Arena {
  readonly #buffers: DeviceBuffer[] = [];
  readonly #random = new Random(1);

  constructor(readonly backend: Backend) {}

  zeros(length: number): DeviceBuffer {
    const buffer = this.backend.allocate(length);
    this.#buffers.push(buffer);
    return buffer;
  }

  normals(length: number, scale = 1): DeviceBuffer {
    const buffer = this.zeros(length);
    const values = Float32Array.from({ length }, () => scale * this.#random.normal());
    this.backend.write(buffer, values);
    return buffer;
  }

  async firstOf(buffer: DeviceBuffer): Promise<Float32Array> {
    const values = new Float32Array(Math.min(16, buffer.length));
    await this.backend.read(buffer, values);
    return values;
  }

  free(): void {
    for (const buffer of this.#buffers) this.backend.free(buffer);
  }
}

function packed(arena: Arena, shape: LayerShape, parameters: DeviceBuffer): DeviceBuffer {
  const target = arena.zeros(arena.backend.packedLength(shape));
  arena.backend.prepare("pack", { shape, parameters, packed: target })();
  return target;
}

/** One step of every series, all states resident. */
export function stepping(backend: Backend, shape: LayerShape, series: number): Workload {
  const arena = new Arena(backend);
  const { inputSize: I, hiddenSize: H } = shape;
  const parameters = arena.normals(layerParameterLength(shape), 1 / Math.sqrt(H));
  const [h, c, output] = [1, 2, 3].map(() => arena.zeros(series * H));
  const step = backend.prepare("step", {
    shape,
    batch: series,
    x: arena.normals(series * I),
    packed: packed(arena, shape, parameters),
    h,
    c,
    output,
  });
  return {
    run: () => step(),
    finish: () => arena.firstOf(output),
    flops: 2 * series * 4 * H * (I + H),
    bytes: 4 * (series * (I + 5 * H) + 4 * H * (I + H + 1)),
    free: () => arena.free(),
  };
}

/** One training step: forward, loss, backward through time, clipping, Adam. */
export function training(
  backend: Backend,
  shape: LayerShape,
  batch: number,
  steps: number,
): Workload {
  const arena = new Arena(backend);
  const { inputSize: I, hiddenSize: H } = shape;
  const rows = steps * batch;
  const outputs = HORIZON * LEVELS.length;
  const layerLength = layerParameterLength(shape);
  const all = arena.normals(layerLength + outputs * (H + 1), 0.5 / Math.sqrt(H));
  const gradient = arena.zeros(all.length);
  const part = (buffer: DeviceBuffer): [DeviceBuffer, DeviceBuffer] => [
    backend.slice(buffer, 0, layerLength),
    backend.slice(buffer, layerLength, buffer.length - layerLength),
  ];
  const [[layer, head], [layerGradient, headGradient]] = [part(all), part(gradient)];
  const target = arena.zeros(backend.packedLength(shape));
  const [hs, cs, dhs] = [1, 2, 3].map(() => arena.zeros(rows * H));
  const zero = arena.zeros(batch * H);
  const lastAt = (buffer: DeviceBuffer): DeviceBuffer =>
    backend.slice(buffer, (steps - 1) * batch * H, batch * H);
  const sequence = {
    shape,
    steps,
    batch,
    x: arena.normals(rows * I),
    h0: zero,
    c0: zero,
    hs,
    cs,
    saved: arena.zeros(rows * 4 * H),
  };
  const linear = {
    rows: batch,
    inputSize: H,
    outputSize: outputs,
    x: lastAt(hs),
    parameters: head,
  };
  const predictions = arena.zeros(batch * outputs);
  const dy = arena.zeros(batch * outputs);
  const mask = arena.zeros(batch * HORIZON);
  backend.write(mask, new Float32Array(mask.length).fill(1));
  const loss = arena.zeros(1);
  const schedule = arena.zeros(3);
  backend.write(schedule, Float32Array.of(1e-3, 0.1, 0.001));
  const dispatches: Dispatch[] = [
    backend.prepare("pack", { shape, parameters: layer, packed: target }),
    backend.prepare("sequence", { ...sequence, packed: target }),
    backend.prepare("linear", { ...linear, y: predictions }),
    backend.prepare("loss", {
      kind: "pinball",
      rows: batch,
      horizon: HORIZON,
      levels: LEVELS,
      predictions,
      targets: arena.normals(batch * HORIZON),
      mask,
      loss,
      gradient: dy,
    }),
    backend.prepare("fill", { buffer: gradient, value: 0 }),
    backend.prepare("linear_backward", {
      ...linear,
      dy,
      gradient: headGradient,
      dx: lastAt(dhs),
    }),
    backend.prepare("sequence_backward", {
      ...sequence,
      parameters: layer,
      dhs,
      gradient: layerGradient,
    }),
    backend.prepare("clip", { gradient, maxNorm: 1, norm: arena.zeros(1) }),
    backend.prepare("adam", {
      parameters: all,
      gradient,
      m: arena.zeros(all.length),
      v: arena.zeros(all.length),
      schedule,
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-8,
      weightDecay: 0,
      decoupled: true,
    }),
  ];
  const products = 2 * rows * 4 * H * (I + H) + 2 * batch * outputs * H;
  return {
    run: () => dispatches.forEach((dispatch) => dispatch()),
    finish: () => arena.firstOf(loss),
    // Backward: the weights' gradients as much again, the state's less the inputs' part.
    flops: 2 * products + 2 * rows * 4 * H * H + 2 * batch * outputs * H,
    bytes: 4 * rows * (3 * I + 6 * H + 3 * 4 * H + 2 * 4 * H),
    free: () => arena.free(),
  };
}

/** Seconds of one run, the median of several timings, each ended by a read. */
export async function measureSeconds(workload: Workload, timingMs: number): Promise<number> {
  workload.run();
  await workload.finish();
  let runs = 1;
  const timings: number[] = [];
  while (timings.length < 5) {
    const started = performance.now();
    for (let k = 0; k < runs; k++) workload.run();
    await workload.finish();
    const elapsedMs = performance.now() - started;
    // Long enough that the read at the end, some ten milliseconds in Deno, does not count.
    if (elapsedMs < timingMs) runs = Math.ceil(runs * Math.min(10, 1.2 * timingMs / elapsedMs));
    else timings.push(elapsedMs / runs / 1000);
  }
  return timings.sort((a, b) => a - b)[2];
}
