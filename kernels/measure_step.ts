import type { Backend, LayerShape } from "./backend.ts";

/** What a backend would have to do: one step of `series` rows through `layers`. */
export interface Workload {
  /** The recurrent layers, first to last. */
  readonly layers: readonly LayerShape[];
  /** Series that tick together. */
  readonly series: number;
}

/** Long enough to stand above a timer's grain and a scheduler's slice, short enough to wait for. */
const MEASURED_MS = 40;

/** Floats a series' forecast brings back to the host. */
const FORECAST_LENGTH = 16;

/**
 * How long a backend takes for one step of a workload, from writing the inputs to reading the forecasts,
 * after a first round that is not counted.
 *
 * @param backend The backend.
 * @param workload What it would have to do.
 * @returns Milliseconds, the median of rounds.
 *
 * @example
 * ```ts
 * import { measureStepMs, openBackend } from "@tickcast/tickcast/kernels";
 *
 * const backend = await openBackend("reference");
 * const layers = [{ cell: "gru", inputSize: 1, hiddenSize: 4 }] as const;
 * const stepMs = await measureStepMs(backend, { layers, series: 3 });
 * if (!(stepMs >= 0)) throw new Error("expected a duration");
 * backend.dispose();
 * ```
 */
export async function measureStepMs(backend: Backend, workload: Workload): Promise<number> {
  const { layers, series } = workload;
  const owned = new Array<ReturnType<Backend["allocate"]>>();
  const zeros = (length: number): typeof owned[number] => {
    const buffer = backend.allocate(length);
    owned.push(buffer);
    return buffer;
  };
  const inputs = new Float32Array(series * layers[0].inputSize);
  const first = zeros(inputs.length);
  let x = first;
  const steps = layers.map((shape) => {
    const length = series * shape.hiddenSize;
    const [packed, h, output] = [backend.packedLength(shape), length, length].map(zeros);
    const c = shape.cell === "lstm" ? { c: zeros(length) } : {};
    const step = backend.prepare("step", { shape, batch: series, x, packed, h, output, ...c });
    x = output;
    return step;
  });
  const forecasts = new Float32Array(Math.min(x.length, series * FORECAST_LENGTH));
  const round = async (): Promise<number> => {
    const started = performance.now();
    backend.write(first, inputs);
    for (const step of steps) step();
    await backend.read(x, forecasts);
    return performance.now() - started;
  };
  await round();
  const rounds: number[] = [];
  for (let spentMs = 0; spentMs < MEASURED_MS;) {
    const roundMs = await round();
    rounds.push(roundMs);
    // A coarse timer may show nothing: a round then counts as its grain.
    spentMs += Math.max(roundMs, 0.1);
  }
  for (const buffer of owned) backend.free(buffer);
  return rounds.sort((a, b) => a - b)[rounds.length >> 1];
}
