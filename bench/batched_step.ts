// What does a tick of one of many series cost when they tick together?
//
//   deno task bench batched_step [--tiny] [--json]
import { ReferenceBackend } from "../kernels/reference/backend.ts";
import { openWasm } from "../kernels/wasm/open_wasm.ts";
import { type Answer, compare, type Effort, FULL, print, type Skipped, TINY } from "./harness.ts";
import { onnxNodeStep, onnxWebStep } from "./peers/onnx_runtime.ts";
import { PyTorch } from "./peers/pytorch.ts";
import { expectedStep, ownStep, peak, stepWork, TOLERANCE, torchSteps } from "./step_work.ts";

/**
 * Several threads rest before a turn, since PyTorch's go on spinning for milliseconds, and have longer turns,
 * since caches are cold after that.
 */
function together(effort: Effort): Effort {
  return { ...effort, restMs: 10, turnMs: 5 * effort.turnMs };
}

/** Beside it ONNX Runtime's native build took a quarter longer. */
const ONNX_WEB_SKIPPED: Skipped = {
  name: "onnxruntime-web (wasm)",
  skipped: "its threads do not leave the cores to others between its turns",
};

/** What is measured. */
export interface Sizes {
  readonly threads: readonly number[];
  readonly series: readonly number[];
  readonly hiddenSize: number;
  readonly effort: Effort;
}

const ALL: Sizes = {
  threads: [1, 2],
  series: [64, 1024, 16_384, 100_000],
  hiddenSize: 64,
  effort: FULL,
};

/** For seeing that it runs. */
export const SMALL: Sizes = { threads: [1, 2], series: [7], hiddenSize: 8, effort: TINY };

/**
 * One answer for each number of threads and of series. Our rows are gathered by index from states in random
 * order; the peers' states lie in order, which they pass in and get back.
 */
export async function* batchedStep(
  sizes: Sizes,
): AsyncGenerator<{ answer: Answer; series: number }> {
  const [alone, reference] = [await openWasm(), new ReferenceBackend()];
  for (const threads of sizes.threads) {
    const own = await openWasm({ threads });
    const torch = await PyTorch.open(threads);
    for (const series of sizes.series) {
      const { hiddenSize } = sizes;
      const work = stepWork({ cell: "lstm", inputSize: 4, hiddenSize }, series);
      const answer = await compare(
        `one step of ${series.toLocaleString("en")} series, LSTM, ${hiddenSize} hidden, ` +
          (threads === 1 ? "one thread" : `${threads} threads, by the clock on the wall`),
        [
          ownStep("Tickcast", own, work, threads),
          ...threads === 1 ? [peak(own)] : [ownStep("Tickcast, one thread", alone, work, threads)],
          ...await torchSteps(torch, work),
          threads === 1 ? await onnxWebStep(work) : ONNX_WEB_SKIPPED,
          await onnxNodeStep(work, threads),
        ],
        await expectedStep(reference, work),
        TOLERANCE,
        threads === 1 ? sizes.effort : together(sizes.effort),
      );
      yield { answer, series };
    }
    own.dispose();
    if (typeof torch !== "string") await torch.close();
  }
}

if (import.meta.main) {
  const sizes = Deno.args.includes("--tiny") ? SMALL : ALL;
  for await (const { answer, series } of batchedStep(sizes)) print(answer, series);
}
