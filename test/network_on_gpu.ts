// A network on the GPU for tests: any adapter will do, and the kernels' own tests check the kernels.
import {
  RecurrentExpert,
  type RecurrentExpertOptions,
  ResilientNetwork,
  type ResilientNetworkOptions,
} from "../mod.ts";
import { type Backend, type HostBackend, openBackend } from "../kernels/mod.ts";
import { WebGpuBackend } from "../kernels/webgpu/webgpu_backend.ts";
import { recurrentDesign } from "../src/forecast/recurrent_design.ts";
import { InlineRunner, type LearningRunner } from "../src/learn/learning_runner.ts";

/** Opens devices that a test can destroy, as a driver would. */
export class Devices {
  readonly opened: GPUDevice[] = [];

  open = async (): Promise<Backend> => {
    const adapter = await navigator.gpu.requestAdapter();
    const device = await adapter!.requestDevice();
    this.opened.push(device);
    return new WebGpuBackend(device, `device ${this.opened.length}`);
  };

  /** Takes the latest one away. */
  destroy(): void {
    this.opened.at(-1)!.destroy();
  }
}

/** A network that steps on the GPU, and on the CPU's kernels while there is none. */
export async function networkOnGpu(
  options: RecurrentExpertOptions,
  more: Partial<ResilientNetworkOptions> = {},
  runner: LearningRunner = new InlineRunner(),
): Promise<RecurrentExpert> {
  const fallback = await openBackend("wasm") as HostBackend;
  const network = await ResilientNetwork.open(recurrentDesign(options).architecture, {
    openDevice: new Devices().open,
    fallback,
    batch: 8,
    onStatus: options.onStatus,
    ...more,
  });
  return new RecurrentExpert(network, runner, options, () => fallback.dispose());
}
