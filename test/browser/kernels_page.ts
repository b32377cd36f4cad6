// What runs in the tab: the trial on a backend that the test names.
import { type BackendKind, type CellKind, openBackend } from "../../kernels/mod.ts";
import { kernelTrial, type TrialResults } from "./kernel_trial.ts";

/** What a trial in the tab gives: its results by cell, or why there is no such backend. */
export interface TabTrial {
  readonly device: string;
  readonly results: Readonly<Record<string, TrialResults>>;
  readonly missing?: string;
}

Object.assign(globalThis, {
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
