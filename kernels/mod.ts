/**
 * Numbers on a device: the backend contract and its implementations. Knows no tick.
 *
 * @module
 */
export {
  type Backend,
  type BackendKind,
  type CellKind,
  type DeviceBuffer,
  type Dispatch,
  type ElementType,
  gateCount,
  type HostBackend,
  isHostBackend,
  type KernelArguments,
  type KernelName,
  layerParameterLength,
  type LayerShape,
  LOSS_KINDS,
  type LossKind,
  savedLength,
} from "./backend.ts";
export { checkArguments, rowCount } from "./check_arguments.ts";
export { DeviceLostError } from "./device_lost_error.ts";
export { measureStepMs, type Workload } from "./measure_step.ts";
export { openBackend, type OpenOptions } from "./open_backend.ts";
export { ReferenceBackend } from "./reference/backend.ts";
export { selfCheck } from "./self_check.ts";
export { type LeastSquaresShape, LeastSquaresSlab } from "./wasm/least_squares_slab.ts";
export type { WebGpuOptions } from "./webgpu/open_webgpu.ts";
