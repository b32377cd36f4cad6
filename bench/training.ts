// How long does one training step take: truncated backpropagation through time and Adam?
//
//   deno task bench training [--tiny] [--json]
import { type Backend, layerParameterLength } from "../kernels/mod.ts";
import { ReferenceBackend } from "../kernels/reference/backend.ts";
import { openWasm } from "../kernels/wasm/open_wasm.ts";
import { TrainingProgram } from "../src/learn/training_program.ts";
import { Random } from "../src/model/random.ts";
import {
  type Answer,
  compare,
  type Effort,
  FULL,
  print,
  type Subject,
  timed,
  TINY,
} from "./harness.ts";
import { base64, PyTorch, skipped } from "./peers/pytorch.ts";
import { peak } from "./step_work.ts";

/** What is measured. */
export interface Sizes {
  readonly steps: number;
  readonly batch: number;
  readonly hiddenSize: number;
  readonly horizon: number;
  readonly effort: Effort;
}

const ALL: Sizes = { steps: 48, batch: 32, hiddenSize: 64, horizon: 12, effort: FULL };

/** For seeing that it runs. */
export const SMALL: Sizes = { steps: 3, batch: 2, hiddenSize: 8, horizon: 2, effort: TINY };

const INPUTS = 4;
const LEVELS = [0.1, 0.5, 0.9];
const RATE = 1e-3;
/** Training steps after which the parameters are compared. */
const CHECK_STEPS = 3;
/** Adam divides by the size of a gradient, however small it is: what rounding leaves of it counts fully. */
const TOLERANCE = 2e-4;

interface Work {
  readonly parameters: Float32Array;
  readonly x: Float32Array;
  readonly targets: Float32Array;
}

function work({ steps, batch, hiddenSize, horizon }: Sizes): Work {
  const random = new Random(1);
  const normals = (length: number, scale: number): Float32Array =>
    Float32Array.from({ length }, () => scale * random.normal());
  const outputs = horizon * LEVELS.length;
  const layer = layerParameterLength({ cell: "lstm", inputSize: INPUTS, hiddenSize });
  return {
    parameters: normals(layer + outputs * (hiddenSize + 1), 0.5 / Math.sqrt(hiddenSize)),
    x: normals(steps * batch * INPUTS, 1),
    targets: normals(steps * batch * horizon, 1),
  };
}

/** Two operations a multiply-add: the products forward, and twice that backward. */
function flops({ steps, batch, hiddenSize: H, horizon }: Sizes): number {
  const products = 4 * H * (INPUTS + H) + horizon * LEVELS.length * H;
  // The inputs need no gradient.
  return 2 * steps * batch * (3 * products - 4 * H * INPUTS);
}

function own(
  name: string,
  backend: Backend,
  sizes: Sizes,
  { parameters, x, targets }: Work,
): Subject {
  const { steps, batch, hiddenSize, horizon } = sizes;
  const architecture = {
    cell: "lstm",
    inputSize: INPUTS,
    hiddenSize,
    layers: 1,
    outputSize: horizon * LEVELS.length,
  } as const;
  const head = { loss: "pinball", horizon, levels: LEVELS } as const;
  const program = new TrainingProgram(backend, architecture, head, {
    steps,
    batch,
    optimiser: { kind: "adam" },
    maxNorm: 1,
  });
  const random = new Random(1);
  const start = (): void => {
    program.setParameters(parameters);
    program.setBatch(x, targets, new Float32Array(targets.length).fill(1));
  };
  const train = (): void => {
    if (program.recordIsFull) void program.readRecord();
    program.train(RATE, random);
  };
  start();
  return {
    name,
    flops: flops(sizes),
    run: timed(train),
    result: async (): Promise<Float32Array> => {
      start();
      for (let k = 0; k < CHECK_STEPS; k++) train();
      const values = new Float32Array(parameters.length);
      await program.readParameters(values);
      return values;
    },
    dispose: () => program.dispose(),
  };
}

/** The one answer. */
export async function training(sizes: Sizes): Promise<Answer> {
  const { steps, batch, hiddenSize, horizon, effort } = sizes;
  const [wasm, reference] = [await openWasm(), new ReferenceBackend()];
  const torch = await PyTorch.open(1);
  const given = work(sizes);
  const names = ["PyTorch, Adam", "PyTorch, fused Adam"];
  const peers: Subject[] = [];
  if (typeof torch !== "string") {
    for (const [k, name] of names.entries()) {
      const options = {
        fused: k === 1,
        inputs: INPUTS,
        hidden: hiddenSize,
        batch,
        steps,
        levels: LEVELS,
        horizon,
        parameters: base64(given.parameters),
        x: base64(given.x),
        targets: base64(given.targets),
      };
      peers.push(await torch.subject(name, "training", options, CHECK_STEPS));
    }
  }
  const expected = await own("", reference, sizes, given).result!();
  const answer = await compare(
    `one training step, LSTM, ${steps} steps, batch ${batch}, ${hiddenSize} hidden, ` +
      `horizon ${horizon}, one thread`,
    [
      own("Tickcast", wasm, sizes, given),
      peak(wasm),
      ...peers,
      ...typeof torch === "string" ? skipped(torch, ...names) : [],
    ],
    expected,
    TOLERANCE,
    effort,
  );
  if (typeof torch !== "string") await torch.close();
  return answer;
}

if (import.meta.main) print(await training(Deno.args.includes("--tiny") ? SMALL : ALL));
