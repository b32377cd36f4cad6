import {
  type Backend,
  type BackendKind,
  type HostBackend,
  isHostBackend,
  type LayerShape,
  openBackend,
} from "../../kernels/mod.ts";
import { InlineRunner, WorkerRunner } from "../learn/learning_runner.ts";
import { type Architecture, layerShape } from "../model/architecture.ts";
import type { Network } from "../model/network.ts";
import { RecurrentNetwork } from "../model/recurrent_network.ts";
import { ResilientNetwork } from "../model/resilient_network.ts";
import { recurrentDesign, type RecurrentExpertOptions } from "./recurrent_design.ts";
import { RecurrentExpert } from "./recurrent_expert.ts";

/** Series of a thread that step together: enough to fill the kernels, few enough to stay in its cache. */
const BATCH_HOST = 256;
/** On a GPU a dispatch costs the same for one series or thousands. */
const BATCH_GPU = 4096;

/** Where a network runs and is trained. */
export interface OpenNetworkOptions extends RecurrentExpertOptions {
  /** Which backend steps and trains it; the CPU's WASM kernels where left out. */
  readonly backend?: BackendKind | "auto";
  /** Takes a software GPU adapter too. */
  readonly allowFallbackAdapter?: boolean;
  /** Series expected, for `auto` to decide by; 1 where left out. */
  readonly series?: number;
  /**
   * Threads that share steps of many series on the CPU, the caller's among them; 1 where left out. Forecasts
   * are the same for any number. It pays where hundreds of series tick at once, layers are wide and cores
   * would idle.
   */
  readonly threads?: number;
  /** Receives one line on what `auto` chose and why. */
  readonly onChoice?: (reason: string) => void;
  /** Trains where it is called, so that ticks wait for it, instead of in a Worker. */
  readonly trainInline?: boolean;
}

/**
 * Opens a recurrent network as an expert for an {@linkcode OnlineForecaster}. Where a GPU is lost, or
 * cannot be had, work goes on on the CPU.
 *
 * @param options The network, when and where it learns.
 * @returns The expert; it is disposed of with its forecaster.
 * @throws {RangeError} when a model to begin with does not fit.
 *
 * @example A network among the experts
 * ```ts
 * import { OnlineForecaster, openNetwork } from "@tickcast/tickcast";
 *
 * const network = await openNetwork({ horizon: 3, hiddenSize: 8 });
 * const forecaster = new OnlineForecaster({ horizon: 3, guests: [network] });
 * if (forecaster.experts.at(-1) !== "network") throw new Error();
 * forecaster.dispose();
 * ```
 */
export async function openNetwork(options: OpenNetworkOptions): Promise<RecurrentExpert> {
  const { architecture } = recurrentDesign(options);
  const { network, backend } = await openOn(architecture, options);
  const { allowFallbackAdapter, trainInline } = options;
  const device = network instanceof ResilientNetwork
    ? { backend: "webgpu", allowFallbackAdapter } as const
    : {};
  const runner = trainInline ? new InlineRunner(device) : new WorkerRunner(device);
  return disposingOnError(
    backend,
    () => new RecurrentExpert(network, runner, options, () => backend.dispose()),
  );
}

/** Makes something of a backend that nobody would dispose of otherwise. */
function disposingOnError<T>(backend: Backend, make: () => T): T {
  try {
    return make();
  } catch (error) {
    backend.dispose();
    throw error;
  }
}

/** The network, and the backend that outlives it. */
async function openOn(
  architecture: Architecture,
  options: OpenNetworkOptions,
): Promise<{ network: Network; backend: Backend }> {
  const { backend: kind = "wasm", allowFallbackAdapter, series = 1, onChoice, onStatus } = options;
  const { threads = 1 } = options;
  let backend = kind === "webgpu" ? undefined : await openBackend(kind, {
    allowFallbackAdapter,
    threads,
    workload: { layers: layerShapes(architecture), series },
    onChoice,
  });
  if (backend !== undefined && !isHostBackend(backend)) {
    // Measured only: the resilient network opens devices itself, again and again where one is lost.
    backend.dispose();
    backend = undefined;
  }
  if (backend !== undefined) {
    const host = backend;
    const batch = BATCH_HOST * threads;
    return disposingOnError(host, () => ({
      network: new RecurrentNetwork(host, architecture, { batch }),
      backend: host,
    }));
  }
  const fallback = await openBackend("wasm", { threads }) as HostBackend;
  const network = await ResilientNetwork.open(architecture, {
    openDevice: () => openBackend("webgpu", { allowFallbackAdapter }),
    fallback,
    batch: BATCH_GPU,
    onStatus,
  });
  return { network, backend: fallback };
}

function layerShapes(architecture: Architecture): LayerShape[] {
  return Array.from({ length: architecture.layers }, (_, layer) => layerShape(architecture, layer));
}
