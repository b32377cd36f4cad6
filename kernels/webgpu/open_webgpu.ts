import { WebGpuBackend } from "./webgpu_backend.ts";

/** How a GPU is chosen. */
export interface WebGpuOptions {
  /** Takes a software adapter too. False where left out: WASM is faster than a GPU played on a CPU. */
  readonly allowFallbackAdapter?: boolean;
  /** Workgroups wanted of a kernel before they take more rows each; for measuring. */
  readonly groupsWanted?: number;
}

/** Limits asked of the device up to what the adapter has; the rest stays at WebGPU's guarantees. */
const LIMITS_RAISED = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxComputeWorkgroupStorageSize",
] as const;

/**
 * Opens the GPU.
 *
 * @throws {Error} when there is no adapter, or only a software one that was not allowed.
 */
export async function openWebGpu(options: WebGpuOptions = {}): Promise<WebGpuBackend> {
  const gpu: GPU | undefined = globalThis.navigator?.gpu;
  const adapter = await gpu?.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) throw new Error("Cannot open backend: no WebGPU adapter");
  const { vendor, architecture, description, isFallbackAdapter } = adapter.info;
  const name = description || [vendor, architecture].filter(Boolean).join(" ") || "unnamed";
  if (isFallbackAdapter && !options.allowFallbackAdapter) {
    throw new Error(`Cannot open backend: the only WebGPU adapter is software (${name})`);
  }
  const requiredLimits = Object.fromEntries(
    LIMITS_RAISED.map((limit) => [limit, adapter.limits[limit]]),
  );
  const device = await adapter.requestDevice({ requiredLimits });
  const title = `webgpu (${name}${isFallbackAdapter ? ", software" : ""})`;
  return new WebGpuBackend(device, title, options.groupsWanted);
}
