/**
 * One worker of many on NATS JetStream: shares the series out, hands them over when workers come and go,
 * and survives `kill -9` of itself and of the servers. For Deno, not for browsers.
 *
 * @module
 */
export { runWorker, TRAINER_PARTITION, type WorkerOptions } from "./src/serve/cluster.ts";
export { publishModel, type SharedModel } from "./src/serve/cluster_models.ts";
export { PARTITIONS } from "./src/serve/cluster_setup.ts";
export type { Forecast, ForecastFlag } from "./src/forecast/forecast.ts";
export type { Forecaster, Snapshot } from "./src/forecast/forecaster.ts";
export type { NetworkModel } from "./src/forecast/learner.ts";
export type { Clock, Status, StatusListener } from "./streams/mod.ts";
