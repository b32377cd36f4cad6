/**
 * Tickcast's networks as ONNX models, and any stateful recurrent ONNX model as a network: ONNX Runtime
 * is loaded when a model is opened, not before.
 *
 * @module
 */
export {
  exportModelOnnx,
  exportOnnx,
  type OnnxExportOptions,
  type OnnxScaling,
} from "./src/interop/onnx_export.ts";
export { type OnnxModel, type OnnxValue, readOnnxModel } from "./src/interop/onnx_model.ts";
export { OnnxNetwork, type OnnxNetworkOptions } from "./src/interop/onnx_network.ts";
export { OnnxExpert, type OnnxExpertOptions } from "./src/interop/onnx_expert.ts";
