import type { Backend, BackendKind } from "./backend.ts";
import { chooseBackend } from "./choose_backend.ts";
import type { Workload } from "./measure_step.ts";
import { ReferenceBackend } from "./reference/backend.ts";
import { selfCheck } from "./self_check.ts";
import { openWasm } from "./wasm/open_wasm.ts";
import type { WebGpuOptions } from "./webgpu/open_webgpu.ts";

/** How {@linkcode openBackend} opens a device. */
export interface OpenOptions extends WebGpuOptions {
  /** What `auto` measures. One series through one LSTM layer of 64 units where left out. */
  readonly workload?: Workload;
  /**
   * Threads of the WASM kernels, the caller's among them: steps of many rows are shared out over them, with
   * the same results to the last bit. 1 where left out, and where there is no shared memory (a page that
   * is not isolated from others) or no Worker. The backend must be disposed of, which ends its workers.
   */
  readonly threads?: number;
  /** Receives one line on what `auto` chose and why. */
  readonly onChoice?: (reason: string) => void;
}

const WORKLOAD_SMALL: Workload = {
  layers: [{ cell: "lstm", inputSize: 4, hiddenSize: 64 }],
  series: 1,
};

/**
 * Opens a device.
 *
 * `auto` takes the CPU or the GPU, whichever is measured to be faster at the workload, and never a
 * software adapter unless it is allowed. On a GPU every kernel is first checked against the reference.
 *
 * @param kind Which kind of backend.
 * @param options What `auto` decides by, and which adapters will do.
 * @returns The backend; the caller disposes of it.
 * @throws {Error} when this machine has no such device, or its GPU computes wrongly.
 *
 * @example One step of a GRU
 * ```ts
 * import { layerParameterLength, openBackend } from "@tickcast/tickcast/kernels";
 *
 * const backend = await openBackend("reference");
 * const shape = { cell: "gru", inputSize: 1, hiddenSize: 2 } as const;
 * const parameters = backend.allocate(layerParameterLength(shape));
 * const packed = backend.allocate(backend.packedLength(shape));
 * const [x, h, output] = [backend.allocate(1), backend.allocate(2), backend.allocate(2)];
 * backend.write(h, new Float32Array([1, -1]));
 * backend.prepare("pack", { shape, parameters, packed })();
 * backend.prepare("step", { shape, batch: 1, x, packed, h, output })();
 *
 * const hidden = new Float32Array(2);
 * await backend.read(output, hidden);
 * if (hidden[0] !== 0.5 || hidden[1] !== -0.5) throw new Error("without weights, h is halved");
 * backend.dispose();
 * ```
 */
export async function openBackend(
  kind: BackendKind | "auto",
  options: OpenOptions = {},
): Promise<Backend> {
  if (kind === "reference") return new ReferenceBackend();
  if (kind === "wasm") return await openWasm({ threads: options.threads });
  if (kind === "webgpu") return await openCheckedGpu(options);
  if (kind === "auto") {
    const { backend, reason } = await chooseBackend({
      openCpu: () => openBackend("wasm", options),
      openGpu: () => openCheckedGpu(options),
    }, options.workload ?? WORKLOAD_SMALL);
    options.onChoice?.(reason);
    return backend;
  }
  throw new TypeError(`Cannot open backend: there is no "${kind}"`);
}

/** The shaders are loaded only where a GPU is asked for. */
async function openCheckedGpu(options: WebGpuOptions): Promise<Backend> {
  const { openWebGpu } = await import("./webgpu/open_webgpu.ts");
  const backend = await openWebGpu(options);
  try {
    await selfCheck(backend);
    return backend;
  } catch (error) {
    backend.dispose();
    throw error;
  }
}
