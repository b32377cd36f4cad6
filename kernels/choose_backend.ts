import type { Backend } from "./backend.ts";
import { measureStepMs, type Workload } from "./measure_step.ts";

/** What {@linkcode chooseBackend} decides between. */
export interface Candidates {
  /** The CPU's backend. */
  openCpu(): Promise<Backend>;
  /** The GPU's; rejects with the reason where there is none to be used. */
  openGpu(): Promise<Backend>;
}

/** A backend, and why it was taken. */
export interface Choice {
  readonly backend: Backend;
  /** One line. */
  readonly reason: string;
}

/** Takes the backend that is faster at a workload, measured on the spot; the CPU where there is no GPU. */
export async function chooseBackend(candidates: Candidates, workload: Workload): Promise<Choice> {
  const cpu = await candidates.openCpu();
  let gpu: Backend;
  try {
    gpu = await candidates.openGpu();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { backend: cpu, reason: `Chose ${cpu.description}: ${why}` };
  }
  try {
    const [cpuMs, gpuMs] = [
      await measureStepMs(cpu, workload),
      await measureStepMs(gpu, workload),
    ];
    const [backend, other] = gpuMs < cpuMs ? [gpu, cpu] : [cpu, gpu];
    other.dispose();
    const [ownMs, otherMs] = [Math.min(cpuMs, gpuMs), Math.max(cpuMs, gpuMs)];
    return {
      backend,
      reason: `Chose ${backend.description}: a step of ${workload.series} series takes ` +
        `${ownMs.toFixed(2)} ms, on ${other.description} ${otherMs.toFixed(2)} ms`,
    };
  } catch (error) {
    gpu.dispose();
    const why = error instanceof Error ? error.message : String(error);
    return { backend: cpu, reason: `Chose ${cpu.description}: measuring the GPU failed: ${why}` };
  }
}
