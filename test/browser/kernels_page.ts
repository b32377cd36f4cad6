// What runs in the tab: the trial on a backend that the test names, and steps of many rows on threads.
import { type BackendKind, type CellKind, openBackend } from "../../kernels/mod.ts";
import { manyRows } from "./many_rows.ts";
import { kernelTrial, type TrialResults } from "./kernel_trial.ts";

/** What a trial in the tab gives: its results by cell, or why there is no such backend. */
export interface TabTrial {
  readonly device: string;
  readonly results: Readonly<Record<string, TrialResults>>;
  readonly missing?: string;
}

/** What threads in the tab give. */
export interface ThreadsTrial {
  readonly device: string;
  readonly alone: number[];
  readonly together: number[];
}

Object.assign(globalThis, {
  async threads(count: number): Promise<ThreadsTrial> {
    const [alone, together] = [
      await openBackend("wasm"),
      await openBackend("wasm", { threads: count }),
    ];
    const device = together.description;
    const trial = { device, alone: await manyRows(alone), together: await manyRows(together) };
    together.dispose();
    return trial;
  },
  async trial(kind: BackendKind, cells: readonly CellKind[]): Promise<TabTrial> {
    if (kind === "webgpu" && !await navigator.gpu?.requestAdapter()) {
      return { device: "", results: {}, missing: "no WebGPU adapter" };
    }
    const backend = await openBackend(kind, { allowFallbackAdapter: true });
    const results: Record<string, TrialResults> = {};
    for (const cell of cells) results[cell] = await kernelTrial(backend, cell);
    backend.dispose();
    return { device: backend.description, results };
  },
});
