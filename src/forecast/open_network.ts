import { type BackendKind, openBackend } from "../../kernels/mod.ts";
import { InlineRunner, WorkerRunner } from "../learn/learning_runner.ts";
import { RecurrentNetwork } from "../model/recurrent_network.ts";
import { ResilientNetwork } from "../model/resilient_network.ts";
import {
  recurrentDesign,
  RecurrentExpert,
  type RecurrentExpertOptions,
} from "./recurrent_expert.ts";

/** Series that step together: enough for the widest kernel, small enough to stay in cache. */
const BATCH = 256;

/** Where a network runs and is trained. */
export interface OpenNetworkOptions extends RecurrentExpertOptions {
  /** Which backend steps it; the CPU's where left out. */
  readonly backend?: BackendKind | "auto";
  /** Takes a software GPU adapter too. */
  readonly allowFallbackAdapter?: boolean;
  /** Trains where it is called instead of in a Worker. */
  readonly trainInline?: boolean;
}

/**
 * Opens a recurrent network as an expert for an {@linkcode OnlineForecaster}.
 *
 * @param options The network, when and where it learns.
 * @returns The expert; it is disposed of with its forecaster.
 * @throws {Error} when there is no such backend here.
 */
export async function openNetwork(options: OpenNetworkOptions): Promise<RecurrentExpert> {
  const { architecture } = recurrentDesign(options);
  const backend = await openBackend("wasm");
  const network = new RecurrentNetwork(backend, architecture, { batch: BATCH });
  const runner = options.trainInline ? new InlineRunner() : new WorkerRunner();
  return new RecurrentExpert(network, runner, options);
}
