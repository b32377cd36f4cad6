/**
 * Tickcast: a streaming forecaster for real-time feeds.
 *
 * @module
 */
export type { Forecast, ForecastFlag } from "./src/forecast/forecast.ts";
export type { Forecaster, Snapshot } from "./src/forecast/forecaster.ts";
export { Pipeline, type PipelineOptions } from "./src/pipeline.ts";
export {
  type Architecture,
  parameterCount,
  type ParameterEntry,
  parameterLayout,
} from "./src/model/architecture.ts";
export { type Head, headOutputs, headWidth, sortQuantiles } from "./src/model/head.ts";
export { type InitialisationOptions, initialParameters } from "./src/model/initialisation.ts";
export { Parameters } from "./src/model/parameters.ts";
export { Random } from "./src/model/random.ts";
export { RecurrentCell, type RecurrentState } from "./src/model/recurrent_cell.ts";
export { type NetworkOptions, RecurrentNetwork } from "./src/model/recurrent_network.ts";
export { type LayerStates, StateSlab } from "./src/model/state_slab.ts";
export {
  readSafetensors,
  type Safetensors,
  type Tensor,
  type TensorData,
  writeSafetensors,
} from "./src/state/safetensors.ts";
