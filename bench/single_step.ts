// How long does one tick of one series take?
//
//   deno task bench single_step [--tiny] [--json]
import { ReferenceBackend } from "../kernels/reference/backend.ts";
import { openWasm } from "../kernels/wasm/open_wasm.ts";
import { type Answer, compare, type Effort, FULL, print, TINY } from "./harness.ts";
import { onnxNodeStep, onnxWebStep } from "./peers/onnx_runtime.ts";
import { PyTorch } from "./peers/pytorch.ts";
import { tfjsStep } from "./peers/tfjs.ts";
import {
  expectedStep,
  ownStep,
  peak,
  stepWork,
  stream,
  TOLERANCE,
  torchSteps,
} from "./step_work.ts";

const INPUTS = 4;

/** What is measured. */
export interface Sizes {
  readonly cells: readonly ("lstm" | "gru")[];
  readonly hiddenSizes: readonly number[];
  readonly effort: Effort;
}

const ALL: Sizes = { cells: ["lstm", "gru"], hiddenSizes: [32, 64, 128, 256], effort: FULL };

/** For seeing that it runs. */
export const SMALL: Sizes = { cells: ["lstm", "gru"], hiddenSizes: [8], effort: TINY };

/** One answer for each cell and size. */
export async function* singleStep(sizes: Sizes): AsyncGenerator<Answer> {
  const [own, reference] = [await openWasm(), new ReferenceBackend()];
  const torch = await PyTorch.open(1);
  for (const cell of sizes.cells) {
    for (const hiddenSize of sizes.hiddenSizes) {
      const work = stepWork({ cell, inputSize: INPUTS, hiddenSize }, 1);
      yield await compare(
        `one step, ${cell.toUpperCase()}, ${INPUTS} inputs, ${hiddenSize} hidden, one thread`,
        [
          ownStep("Tickcast", own, work),
          peak(own),
          stream(own, 4 * own.packedLength(work.shape)),
          ownStep("plain TypeScript", reference, work),
          ...await torchSteps(torch, work),
          await onnxWebStep(work),
          await onnxNodeStep(work, 1),
          await tfjsStep(work),
        ],
        await expectedStep(reference, work),
        TOLERANCE,
        sizes.effort,
      );
    }
  }
  if (typeof torch !== "string") await torch.close();
}

if (import.meta.main) {
  const sizes = Deno.args.includes("--tiny") ? SMALL : ALL;
  for await (const answer of singleStep(sizes)) print(answer);
}
