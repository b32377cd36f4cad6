import type { Backend, HostBackend } from "../../kernels/mod.ts";
import { type Clock, type StatusListener, systemClock } from "../../streams/mod.ts";
import type { Architecture } from "./architecture.ts";
import { RETRY_DELAYS, type RetryDelays, retryDevice } from "./device_retry.ts";
import type { Network, SeriesStates } from "./network.ts";
import { type HostKnowledge, NetworkCopy, rebuild } from "./network_copy.ts";
import { type NetworkOptions, RecurrentNetwork } from "./recurrent_network.ts";

/** How a {@linkcode ResilientNetwork} is put together. */
export interface ResilientNetworkOptions extends NetworkOptions {
  /** Opens the device; asked again after it was lost. The network disposes of what it opens. */
  readonly openDevice: () => Promise<Backend>;
  /** Where work goes on while there is no device. The caller disposes of it. */
  readonly fallback: HostBackend;
  /** Hears of the device's loss and return. */
  readonly onStatus?: StatusListener;
  /** Where the pauses between attempts to get the device back come from. */
  readonly clock?: Clock;
  /** Steps from one copy of the states on the host to the next; 64 where left out. */
  readonly copyEverySteps?: number;
  /** Pauses between attempts to get the device back. */
  readonly retryDelays?: RetryDelays;
}

/** A copy of 16,384 series of 64 units moves 8 MB: every 64 steps, that is less than the inputs do. */
const COPY_EVERY_STEPS = 64;

/** Something done to a network that changes it, so that it can be done again to another. */
type Operation = (network: RecurrentNetwork) => void;

/**
 * A network on a device that may be lost. The host keeps a copy of the states, taken every few steps,
 * and what was done since; when the device is lost, the copy goes to the fallback, what was done since
 * is done again there, and the outputs that were waited for come from it. No step is lost: the states
 * are those of an undisturbed run, up to the rounding of another device. The device is asked for again
 * in the background, and the states move back between two steps.
 *
 * @example
 * ```ts
 * import { ResilientNetwork } from "@tickcast/tickcast";
 * import { ReferenceBackend } from "@tickcast/tickcast/kernels";
 *
 * const architecture = {
 *   cell: "gru", inputSize: 1, hiddenSize: 4, layers: 1, outputSize: 2,
 * } as const;
 * const fallback = new ReferenceBackend();
 * const network = await ResilientNetwork.open(architecture, {
 *   openDevice: () => Promise.reject(new Error("no WebGPU adapter")),
 *   fallback,
 * });
 * const row = network.states.allocateRow();
 * network.step(Float32Array.of(1), Uint32Array.of(row));
 * const outputs = new Float32Array(2);
 * await network.readOutputs(outputs);
 * if (network.device !== fallback.description) throw new Error("expected the fallback");
 * network.dispose();
 * ```
 */
export class ResilientNetwork implements Network {
  /** Its shape. */
  readonly architecture: Architecture;
  /** Rows one step takes at most. */
  readonly batch: number;
  /** The states of the series. */
  readonly states: SeriesStates;
  readonly #options: ResilientNetworkOptions;
  readonly #clock: Clock;
  readonly #disposal = new AbortController();
  #network: RecurrentNetwork;
  #copy: NetworkCopy;
  #parameters: Float32Array | undefined;
  #used = 0;
  readonly #released = new Set<number>();
  /** Where the network is; undefined on the fallback. */
  #device: Backend | undefined;
  /** A device to move to before the next step. */
  #offered: Backend | undefined;
  #lossDetail: string | undefined;
  /** What was done since the copy was taken. */
  #log: Operation[] = [];
  #stepsSinceCopy = 0;
  #copying = false;

  private constructor(architecture: Architecture, options: ResilientNetworkOptions) {
    this.architecture = architecture;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#network = new RecurrentNetwork(options.fallback, architecture, options);
    this.batch = this.#network.batch;
    this.#copy = NetworkCopy.take(this.#network, options.fallback, this.#whole());
    this.states = this.#facade();
  }

  /**
   * Opens the device and puts a network on it, all parameters zero; on the fallback where there is no
   * device or none that can hold it, which is then reported as lost.
   *
   * @param architecture Its shape.
   * @param options The device, the fallback, and how large the batches and states are.
   */
  static async open(
    architecture: Architecture,
    options: ResilientNetworkOptions,
  ): Promise<ResilientNetwork> {
    const network = new ResilientNetwork(architecture, options);
    try {
      network.#moveTo(await options.openDevice());
    } catch (error) {
      network.#reportLoss("webgpu", error instanceof Error ? error.message : String(error));
    }
    return network;
  }

  /** One line for people: where the network is now. */
  get device(): string {
    return (this.#device ?? this.#options.fallback).description;
  }

  /** Whether it is on the fallback, where reads are done at once. */
  get onHost(): boolean {
    this.#settle();
    return this.#device === undefined;
  }

  /** Whether it does many rows side by side where it is. */
  get parallel(): boolean {
    this.#settle();
    return this.#network.parallel;
  }

  /** Exchanges the parameters between two steps. */
  setParameters(values: Float32Array): void {
    const copied = values.slice();
    this.#do((network) => network.setParameters(copied));
    this.#parameters = copied;
  }

  /** One step of the first `count` rows; `readOutputs` is to be awaited before the next. */
  step(x: Float32Array, rows: Uint32Array, count: number = rows.length): void {
    this.#settle();
    // The copy is taken before the step, so that the last step is always done again after a loss and
    // its outputs are there to be read. One copy at a time: many steps may come without a read.
    const due = this.#stepsSinceCopy++ >= this.#copyEverySteps;
    if (this.#device && due && !this.#copying) this.#takeCopy();
    const inputs = x.slice(0, count * this.architecture.inputSize);
    const places = rows.slice(0, count);
    this.#do((network) => network.step(inputs, places, count));
  }

  /** Copies what the head said in the last step `[count, outputs]`. */
  readOutputs(target: Float32Array): void | Promise<void> {
    return this.#read((network) => network.readOutputs(target));
  }

  /** Copies the uppermost layer's hidden states after the last step `[count, hidden]`. */
  readHidden(target: Float32Array): void | Promise<void> {
    return this.#read((network) => network.readHidden(target));
  }

  /** Gives the device and its memory back. */
  dispose(): void {
    this.#disposal.abort();
    this.#network.dispose();
    this.#device?.dispose();
    this.#offered?.dispose();
  }

  get #copyEverySteps(): number {
    return this.#options.copyEverySteps ?? COPY_EVERY_STEPS;
  }

  #facade(): SeriesStates {
    const states = (): SeriesStates => this.#network.states;
    return {
      get size() {
        return states().size;
      },
      get rowLength() {
        return states().rowLength;
      },
      allocateRow: () => {
        let row = 0;
        this.#do((network) => row = network.states.allocateRow());
        this.#used = Math.max(this.#used, row + 1);
        this.#released.delete(row);
        return row;
      },
      releaseRow: (row) => {
        this.#do((network) => network.states.releaseRow(row));
        this.#released.add(row);
      },
      readRow: (row, target) => this.#read((network) => network.states.readRow(row, target)),
      writeRow: (row, values) => {
        const copied = values.slice();
        this.#do((network) => network.states.writeRow(row, copied));
      },
    };
  }

  /** Changes the network, and keeps what was done where it may have to be done again. */
  #do(operation: Operation): void {
    this.#settle();
    operation(this.#network);
    if (this.#device) this.#log.push(operation);
  }

  #read(
    read: (network: RecurrentNetwork) => void | Promise<void>,
  ): void | Promise<void> {
    this.#settle();
    const reading = read(this.#network);
    return reading?.catch((error) => {
      if (this.#disposal.signal.aborted) throw error;
      // Whatever keeps a device from answering, the host can answer.
      this.#lossDetail ??= error instanceof Error ? error.message : String(error);
      this.#settle();
      return read(this.#network);
    });
  }

  /** Moves to where the network ought to be. */
  #settle(): void {
    if (this.#device && this.#lossDetail !== undefined) this.#moveToFallback(this.#lossDetail);
    else if (this.#offered) {
      const device = this.#offered;
      this.#offered = undefined;
      try {
        this.#moveTo(device);
      } catch {
        return; // It cannot hold the network; that it is on the fallback has been told.
      }
      this.#options.onStatus?.({ kind: "device-recovered", backend: device.description });
    }
  }

  #takeCopy(): void {
    const [device, logged] = [this.#device, this.#log.length];
    const copy = NetworkCopy.take(this.#network, this.#device!, this.#whole());
    this.#stepsSinceCopy = 0;
    this.#copying = true;
    copy.ready.then(() => {
      if (this.#device !== device) return;
      this.#copy = copy;
      this.#log.splice(0, logged);
    }, () => {}) // Lost meanwhile: the copy before it and the log since still hold.
      .finally(() => this.#copying = false);
  }

  /** @throws {RangeError} when the device cannot hold the network; it is then given back. */
  #moveTo(device: Backend): void {
    const copy = NetworkCopy.take(this.#network, this.#options.fallback, this.#whole());
    let network: RecurrentNetwork;
    try {
      network = rebuild(device, this.architecture, this.#options, copy);
    } catch (error) {
      device.dispose();
      throw error;
    }
    this.#network.dispose();
    this.#network = network;
    this.#device = device;
    this.#copy = copy;
    this.#log = [];
    this.#stepsSinceCopy = 0;
    this.#lossDetail = undefined;
    device.lost?.then((detail) => {
      if (this.#device === device) this.#lossDetail = detail;
    });
  }

  #moveToFallback(detail: string): void {
    const device = this.#device!;
    this.#device = undefined;
    device.dispose();
    this.#network = rebuild(this.#options.fallback, this.architecture, this.#options, this.#copy);
    for (const operation of this.#log) operation(this.#network);
    this.#log = [];
    this.#reportLoss(device.description, detail);
  }

  #reportLoss(backend: string, detail: string): void {
    this.#options.onStatus?.({ kind: "device-lost", backend, detail });
    const { openDevice, retryDelays = RETRY_DELAYS } = this.#options;
    retryDevice(openDevice, this.#clock, retryDelays, this.#disposal.signal)
      .then((device) => this.#offered = device);
  }

  /** What of a network the host knows without asking the device. */
  #whole(): HostKnowledge {
    return { parameters: this.#parameters, used: this.#used, released: [...this.#released] };
  }
}
