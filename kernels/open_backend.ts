import type { Backend, BackendKind } from "./backend.ts";
import { ReferenceBackend } from "./reference/backend.ts";
import { openWebGpu, type WebGpuOptions } from "./webgpu/open_webgpu.ts";

/**
 * Opens a device.
 *
 * @param kind Which kind of backend.
 * @param options `allowFallbackAdapter`: whether a software adapter will do.
 * @returns The backend; the caller disposes of it.
 * @throws {Error} when this machine has no such device.
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
export function openBackend(
  kind: BackendKind,
  options: WebGpuOptions = {},
): Promise<Backend> {
  if (kind === "reference") return Promise.resolve(new ReferenceBackend());
  if (kind === "webgpu") return openWebGpu(options);
  return Promise.reject(new Error(`Cannot open backend: ${kind} is not available here`));
}
