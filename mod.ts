/**
 * Tickcast: a streaming forecaster for real-time feeds.
 *
 * @module
 */
export type { Forecast, ForecastFlag } from "./src/forecast/forecast.ts";
export type { Forecaster, Snapshot } from "./src/forecast/forecaster.ts";
export { Pipeline, type PipelineOptions } from "./src/pipeline.ts";
export { Random } from "./src/model/random.ts";
export {
  readSafetensors,
  type Safetensors,
  type Tensor,
  type TensorData,
  writeSafetensors,
} from "./src/state/safetensors.ts";
