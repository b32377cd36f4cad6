import type { Backend, DeviceBuffer } from "../../kernels/mod.ts";
import type { Architecture } from "./architecture.ts";
import { readBuffer } from "./host_access.ts";
import { type NetworkOptions, RecurrentNetwork } from "./recurrent_network.ts";

/** What of a network the host knows without asking the device. */
export interface HostKnowledge {
  /** The parameters last set; all zero where left out. */
  readonly parameters?: Float32Array;
  /** Rows ever in use: the highest one and one. */
  readonly used: number;
  /** Those given back, in that order. */
  readonly released: readonly number[];
}

/** A network on the host: enough to build it anew on any backend. */
export class NetworkCopy {
  private constructor(
    readonly known: HostKnowledge,
    /** The slab's buffers, layer after layer, h before c. */
    readonly states: readonly Float32Array[],
    /** Resolves when the states have arrived. */
    readonly ready: Promise<void>,
  ) {}

  /** Copies a network as it is now, whatever is done to it before the copy has arrived. */
  static take(network: RecurrentNetwork, backend: Backend, known: HostKnowledge): NetworkCopy {
    const waits: (void | Promise<void>)[] = [];
    const states = stateBuffers(network).map((buffer) => {
      const values = new Float32Array(buffer.length);
      waits.push(readBuffer(backend, buffer, values));
      return values;
    });
    return new NetworkCopy(known, states, Promise.all(waits).then(() => {}));
  }
}

/** Builds a network from a copy that has arrived. */
export function rebuild(
  backend: Backend,
  architecture: Architecture,
  options: NetworkOptions,
  { known, states }: NetworkCopy,
): RecurrentNetwork {
  const network = new RecurrentNetwork(backend, architecture, options);
  if (known.parameters) network.setParameters(known.parameters);
  for (let row = 0; row < known.used; row++) network.states.allocateRow();
  stateBuffers(network).forEach((buffer, k) => backend.write(buffer, states[k]));
  for (const row of known.released) network.states.releaseRow(row);
  return network;
}

function stateBuffers(network: RecurrentNetwork): DeviceBuffer[] {
  return network.states.layers.flatMap(({ h, c }) => c ? [h, c] : [h]);
}
