// How fast does a GPU step many series and train, and which share of the card is that?
//
//   deno run -A bench/webgpu.ts [--peak-tflops 67 --bandwidth-gbs 4800] [--tiny]
//
// The card's figures are its maker's, for the shares; PyTorch with cuDNN is measured beside where
// python3 has it and a CUDA device. Software adapters run too, for correctness: their figures say
// nothing about a GPU.
import { parseArgs } from "@std/cli/parse-args";
import { type Backend, openBackend } from "../kernels/mod.ts";
import { measureSeconds, stepping, training, type Workload } from "./webgpu_workloads.ts";

/** What is measured: sizes, and how long each timing takes. */
export interface Sizes {
  readonly hiddenSizes: readonly number[];
  readonly series: readonly number[];
  readonly batch: number;
  readonly steps: number;
  readonly timingMs: number;
}

const FULL: Sizes = {
  hiddenSizes: [64, 128],
  series: [1024, 16_384, 262_144],
  batch: 1024,
  steps: 64,
  timingMs: 1000,
};

/** For correctness on a software adapter. */
export const TINY: Sizes = {
  hiddenSizes: [64],
  series: [16, 64],
  batch: 4,
  steps: 6,
  timingMs: 5,
};

/** One measured figure. */
export interface Figure {
  readonly what: string;
  /** Series-steps or samples a second. */
  readonly perSecond: number;
  readonly tflops: number;
  readonly gigabytesPerSecond: number;
}

const INPUTS = 4;

/** Measures everything on one backend. */
export async function measure(backend: Backend, sizes: Sizes): Promise<Figure[]> {
  const figures: Figure[] = [];
  const add = async (what: string, items: number, workload: Workload): Promise<void> => {
    const seconds = await measureSeconds(workload, sizes.timingMs);
    workload.free();
    figures.push({
      what,
      perSecond: items / seconds,
      tflops: workload.flops / seconds / 1e12,
      gigabytesPerSecond: workload.bytes / seconds / 1e9,
    });
  };
  for (const hiddenSize of sizes.hiddenSizes) {
    const shape = { cell: "lstm", inputSize: INPUTS, hiddenSize } as const;
    for (const series of sizes.series) {
      await add(`step H=${hiddenSize} series=${series}`, series, stepping(backend, shape, series));
    }
    const { batch, steps } = sizes;
    const what = `train H=${hiddenSize} batch=${batch} steps=${steps}`;
    await add(what, batch, training(backend, shape, batch, steps));
  }
  return figures;
}

async function peerFigures(sizes: Sizes): Promise<Map<string, Record<string, number>> | string> {
  const script = new URL("./peers/pytorch_cuda.py", import.meta.url).pathname;
  const { success, stdout, stderr } = await new Deno.Command("python3", {
    args: [script, JSON.stringify(sizes)],
  }).output().catch(() => ({ success: false, stdout: new Uint8Array(), stderr: new Uint8Array() }));
  if (!success) {
    return new TextDecoder().decode(stderr).trim().split("\n").at(-1) || "no python3";
  }
  const lines = new TextDecoder().decode(stdout).trim().split("\n");
  return new Map(lines.map((line) => {
    const { what, ...perSecond } = JSON.parse(line);
    return [what, perSecond];
  }));
}

function share(value: number, peak: number | undefined): string {
  return peak ? `${(100 * value / peak).toFixed(1)} %` : "";
}

if (import.meta.main) {
  const options = parseArgs(Deno.args, {
    boolean: ["tiny"],
    string: ["peak-tflops", "bandwidth-gbs"],
  });
  const sizes = options.tiny ? TINY : FULL;
  const peak = Number(options["peak-tflops"]) || undefined;
  const bandwidth = Number(options["bandwidth-gbs"]) || undefined;
  const backend = await openBackend("webgpu", { allowFallbackAdapter: true });
  console.log(backend.description);
  const peers = await peerFigures(sizes);
  if (typeof peers === "string") console.log(`PyTorch: skipped, ${peers}`);
  const rows = (await measure(backend, sizes)).map((figure) => ({
    what: figure.what,
    "per second": Math.round(figure.perSecond),
    "TFLOP/s": figure.tflops.toFixed(3),
    "of peak": share(figure.tflops, peak),
    "GB/s": figure.gigabytesPerSecond.toFixed(2),
    "of bandwidth": share(figure.gigabytesPerSecond, bandwidth),
    ...(typeof peers === "string" ? {} : peers.get(figure.what)),
  }));
  console.table(rows);
  backend.dispose();
}
