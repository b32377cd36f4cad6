/**
 * Tickcast: a streaming forecaster for real-time feeds.
 *
 * @module
 */
export {
  type Clock,
  type Frame,
  type IngestAnswer,
  InputError,
  type RejectReason,
  type Status,
  type StatusListener,
  systemClock,
  TARGET_FEATURE,
  type Tick,
} from "./streams/mod.ts";
export type { Contribution, Explanation } from "./src/forecast/explanation.ts";
export type { Forecast, ForecastFlag } from "./src/forecast/forecast.ts";
export type {
  Forecaster,
  GradualSnapshot,
  KeepArray,
  Snapshot,
} from "./src/forecast/forecaster.ts";
export { type CopySteps, LateCopy, type LateTarget } from "./src/forecast/late_copy.ts";
export type { Guest, PastValues, SeriesView } from "./src/forecast/guest.ts";
export type { Seasons } from "./src/forecast/seasonality.ts";
export type { Learner, LearningState, NetworkModel } from "./src/forecast/learner.ts";
export { openNetwork, type OpenNetworkOptions } from "./src/forecast/open_network.ts";
export type { RecurrentExpertOptions } from "./src/forecast/recurrent_design.ts";
export { RecurrentExpert } from "./src/forecast/recurrent_expert.ts";
export type { LearningRun } from "./src/learn/learning_run.ts";
export type { LearningPlan } from "./src/learn/learning_schedule.ts";
export type { LearningRunner } from "./src/learn/learning_runner.ts";
export type { LearningOutcome, LearningTask } from "./src/learn/learning_task.ts";
export { readModel, writeModel } from "./src/interop/model_file.ts";
export {
  DEFAULT_LEVELS,
  OnlineForecaster,
  type OnlineForecasterOptions,
} from "./src/forecast/online_forecaster.ts";
export { NetworkRecorder } from "./src/forecast/network_recorder.ts";
export {
  type TrainedNetwork,
  TRAINING_DEFAULTS,
  trainNetwork,
  type TrainNetworkOptions,
} from "./src/forecast/train_network.ts";
export { ALL_EXPERTS, type ExpertName, LIGHT_EXPERTS } from "./src/forecast/experts/registry.ts";
export { CRPS_LEVELS, type Scores } from "./src/evaluate/metrics.ts";
export {
  type ChannelsOptions,
  type ChannelsResult,
  evaluateChannels,
} from "./src/evaluate/channels.ts";
export { type DueForecast, type LiveScore, LiveScores } from "./src/evaluate/live_scores.ts";
export { evaluationReport } from "./src/evaluate/report.ts";
export type { BaselineName } from "./src/evaluate/baselines.ts";
export type { Skill } from "./src/evaluate/bootstrap.ts";
export type { EvaluationRow } from "./src/evaluate/prequential.ts";
export type { TracePoint, TraceResult } from "./src/evaluate/trace.ts";
export {
  evaluate,
  type EvaluateOptions,
  type EvaluationResult,
  type ModelResult,
} from "./src/evaluate/evaluate.ts";
export { Pipeline, type PipelineOptions, type PipelineSnapshot } from "./src/pipeline.ts";
export {
  type ClientOptions,
  type ForecastsOptions,
  type PageOptions,
  type SeriesPage,
  TickcastClient,
} from "./src/serve/client.ts";
export { ClientError } from "./src/serve/client_error.ts";
export { encodeForecast, type ForecastMessage } from "./src/serve/wire.ts";
export {
  type Architecture,
  parameterCount,
  type ParameterEntry,
  parameterLayout,
} from "./src/model/architecture.ts";
export { type Head, headOutputs, headWidth, sortQuantiles } from "./src/model/head.ts";
export { type InitialisationOptions, initialParameters } from "./src/model/initialisation.ts";
export {
  chronologicalSplit,
  type Split,
  type SplitOptions,
} from "./src/learn/chronological_split.ts";
export { DriftDetector, type DriftOptions } from "./src/learn/drift.ts";
export type { AdamOptions, OptimiserOptions, SgdOptions } from "./src/learn/optimiser.ts";
export { ReplayMemory, type ReplaySnapshot } from "./src/learn/replay_memory.ts";
export { learningRate, type Schedule } from "./src/learn/schedule.ts";
export {
  type Epoch,
  type FitOptions,
  Trainer,
  type TrainerOptions,
  type TrainingResult,
} from "./src/learn/trainer.ts";
export type { TrainingSequence } from "./src/learn/training_sequence.ts";
export { Parameters } from "./src/model/parameters.ts";
export { Random } from "./src/model/random.ts";
export { RecurrentCell, type RecurrentState } from "./src/model/recurrent_cell.ts";
export type { RetryDelays } from "./src/model/device_retry.ts";
export type { Network, SeriesStates } from "./src/model/network.ts";
export { type NetworkOptions, RecurrentNetwork } from "./src/model/recurrent_network.ts";
export { ResilientNetwork, type ResilientNetworkOptions } from "./src/model/resilient_network.ts";
export { type LayerStates, StateSlab } from "./src/model/state_slab.ts";
export {
  readSafetensors,
  type Safetensors,
  type Tensor,
  type TensorData,
  writeSafetensors,
} from "./src/state/safetensors.ts";
export { MemoryStore, type MemoryStoreOptions } from "./src/state/memory_store.ts";
export {
  type Appended,
  type Checkpoint,
  type FeedCursor,
  JournalError,
  type JournalRecord,
  type StateStore,
  type StoreStats,
} from "./src/state/store.ts";
export {
  parametersFromStateDict,
  stateDict,
  type StateDictOptions,
} from "./src/interop/state_dict.ts";
export { crc32c } from "./src/state/crc32c.ts";
export {
  encodeTensorBoardEvent,
  type TensorBoardEvent,
  tensorBoardStream,
} from "./src/interop/tensorboard.ts";
