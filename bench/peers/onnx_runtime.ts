// ONNX Runtime at one step of a recurrent layer, states going in and coming out.
import type { InferenceSession, Tensor } from "onnxruntime-web";
import type { LayerShape } from "../../kernels/mod.ts";
import { keepingWorker } from "../../src/interop/keep_worker.ts";
import { OnnxGraph } from "../../src/interop/onnx_graph.ts";
import { type Skipped, type Subject, timedAsync } from "../harness.ts";
import type { StepWork } from "../step_work.ts";

interface Runtime {
  readonly InferenceSession: {
    create(file: Uint8Array, options: InferenceSession.SessionOptions): Promise<InferenceSession>;
  };
  readonly Tensor: new (type: "float32", data: Float32Array, shape: readonly number[]) => Tensor;
}

/** PyTorch's gates in the order of ONNX: i o f c of i f g o, z r h of r z n. */
const ONNX_GATES = { lstm: [0, 3, 1, 2], gru: [1, 0, 2], gru_reset_before: [1, 0, 2] } as const;

/** One layer as a model: `x`, `h` (and `c`) in, `h_out` (and `c_out`) out. */
export function layerModel(shape: LayerShape, parameters: Float32Array): Uint8Array {
  const { cell, inputSize: I, hiddenSize: H } = shape;
  const order = ONNX_GATES[cell];
  const gates = order.length;
  let offset = 0;
  const take = (columns: number): Float32Array => {
    const part = parameters.subarray(offset, offset += gates * H * columns);
    const turned = new Float32Array(part.length);
    order.forEach((from, to) =>
      turned.set(part.subarray(from * H * columns, (from + 1) * H * columns), to * H * columns)
    );
    return turned;
  };
  const graph = new OnnxGraph();
  const letters = cell === "lstm" ? ["h", "c"] : ["h"];
  const x = graph.input("x", [1, "batch", I]);
  const states = letters.map((letter) => graph.input(letter, [1, "batch", H]));
  const w = graph.constant("w", take(I), [1, gates * H, I]);
  const r = graph.constant("r", take(H), [1, gates * H, H]);
  const biases = new Float32Array(2 * gates * H);
  biases.set(take(1));
  biases.set(take(1), gates * H);
  const b = graph.constant("b", biases, [1, 2 * gates * H]);
  graph.node(
    cell === "lstm" ? "LSTM" : "GRU",
    [x, w, r, b, "", ...states],
    ["", ...letters.map((letter) => `${letter}_out`)],
    { hidden_size: H, ...cell === "gru" && { linear_before_reset: 1 } },
  );
  for (const letter of letters) graph.output(`${letter}_out`, [1, "batch", H]);
  return graph.finish({});
}

/** The step on one of ONNX Runtime's builds. */
export async function onnxStep(
  name: string,
  load: () => Promise<Runtime>,
  work: StepWork,
  threads: number,
): Promise<Subject | Skipped> {
  let runtime: Runtime;
  try {
    runtime = await load();
  } catch (error) {
    return { name, skipped: String(error).split("\n")[0] };
  }
  const { shape, batch, x, parameters, checkSteps } = work;
  const session = await keepingWorker(() =>
    runtime.InferenceSession.create(layerModel(shape, parameters), {
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      // Between its turns its threads leave the cores to the others.
      extra: { session: { force_spinning_stop: "1" } },
    })
  );
  const letters = shape.cell === "lstm" ? ["h", "c"] : ["h"];
  const zero = (): Tensor =>
    new runtime.Tensor("float32", new Float32Array(batch * shape.hiddenSize), [
      1,
      batch,
      shape.hiddenSize,
    ]);
  const input = new runtime.Tensor("float32", x, [1, batch, shape.inputSize]);
  let feeds: Record<string, Tensor> = {};
  const start = (): void => {
    feeds = { x: input, ...Object.fromEntries(letters.map((letter) => [letter, zero()])) };
  };
  const step = async (): Promise<void> => {
    const said = await session.run(feeds);
    for (const letter of letters) feeds[letter] = said[`${letter}_out`] as Tensor;
  };
  start();
  return {
    name,
    run: timedAsync(step, threads),
    result: async (): Promise<Float32Array> => {
      start();
      for (let k = 0; k < checkSteps; k++) await step();
      return feeds.h.data as Float32Array;
    },
    dispose: () => session.release(),
  };
}

/** The build for browsers, on the CPU in WASM with one thread. */
export function onnxWebStep(work: StepWork): Promise<Subject | Skipped> {
  const load = async (): Promise<Runtime> => await import("onnxruntime-web/wasm") as Runtime;
  return onnxStep("onnxruntime-web (wasm)", load, work, 1);
}

/** The native build. */
export function onnxNodeStep(work: StepWork, threads: number): Promise<Subject | Skipped> {
  const load = async (): Promise<Runtime> => await import("onnxruntime-node") as unknown as Runtime;
  return onnxStep("onnxruntime-node", load, work, threads);
}
