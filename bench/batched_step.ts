// What does a tick of one of many series cost when they tick together?
//
//   deno task bench batched_step [--tiny] [--json]
import { ReferenceBackend } from "../kernels/reference/backend.ts";
import { openWasm } from "../kernels/wasm/open_wasm.ts";
import { type Answer, compare, type Effort, FULL, print, TINY } from "./harness.ts";
import { onnxNodeStep, onnxWebStep } from "./peers/onnx_runtime.ts";
import { PyTorch } from "./peers/pytorch.ts";
import { expectedStep, ownStep, peak, stepWork, TOLERANCE, torchSteps } from "./step_work.ts";

/** What is measured. */
export interface Sizes {
  readonly series: readonly number[];
  readonly hiddenSize: number;
  readonly effort: Effort;
}

const ALL: Sizes = { series: [64, 1024, 16_384, 100_000], hiddenSize: 64, effort: FULL };

/** For seeing that it runs. */
export const SMALL: Sizes = { series: [7], hiddenSize: 8, effort: TINY };

/**
 * One answer for each number of series. Our rows are gathered by index from states in random order; the
 * peers' states lie in order, which they pass in and get back.
 */
export async function* batchedStep(
  sizes: Sizes,
): AsyncGenerator<{ answer: Answer; series: number }> {
  const [own, reference] = [await openWasm(), new ReferenceBackend()];
  const torch = await PyTorch.open(1);
  for (const series of sizes.series) {
    const { hiddenSize } = sizes;
    const work = stepWork({ cell: "lstm", inputSize: 4, hiddenSize }, series);
    const answer = await compare(
      `one step of ${series.toLocaleString("en")} series, LSTM, ${hiddenSize} hidden, one thread`,
      [
        ownStep("Tickcast", own, work),
        peak(own),
        ...await torchSteps(torch, work),
        await onnxWebStep(work),
        await onnxNodeStep(work, 1),
      ],
      await expectedStep(reference, work),
      TOLERANCE,
      sizes.effort,
    );
    yield { answer, series };
  }
  if (typeof torch !== "string") await torch.close();
}

if (import.meta.main) {
  const sizes = Deno.args.includes("--tiny") ? SMALL : ALL;
  for await (const { answer, series } of batchedStep(sizes)) print(answer, series);
}
