import {
  type Backend,
  type DeviceBuffer,
  type Dispatch,
  isHostBackend,
} from "../../kernels/mod.ts";
import { type Architecture, layerShape } from "./architecture.ts";
import { readBuffer } from "./host_access.ts";
import type { Network } from "./network.ts";
import { Parameters } from "./parameters.ts";
import { StateSlab } from "./state_slab.ts";

/** How large a network's batches and its slab of states are. */
export interface NetworkOptions {
  /** Rows one step takes at most; 1 where left out. */
  readonly batch?: number;
  /** Series there is room for at the start; the slab doubles when it is full. */
  readonly capacity?: number;
  /** Series at most. */
  readonly seriesLimit?: number;
}

/**
 * Recurrent layers with a linear head on a device, and the states of the series that run through them.
 * A step advances the series that ticked, and costs the same however long they have been running.
 *
 * @example Two series, each with a state of its own
 * ```ts
 * import { initialParameters, Random, RecurrentNetwork } from "@tickcast/tickcast";
 * import { openBackend } from "@tickcast/tickcast/kernels";
 *
 * const architecture = {
 *   cell: "lstm", inputSize: 1, hiddenSize: 4, layers: 1, outputSize: 1,
 * } as const;
 * const network = new RecurrentNetwork(await openBackend("reference"), architecture, { batch: 2 });
 * network.setParameters(
 *   initialParameters(architecture, new Random(1), { headBias: [0.5] }).values,
 * );
 * const rows = Uint32Array.of(network.states.allocateRow(), network.states.allocateRow());
 * network.step(Float32Array.of(1, -1), rows, 2);
 *
 * const outputs = new Float32Array(2);
 * await network.readOutputs(outputs);
 * if (outputs.join() !== "0.5,0.5") throw new Error("an untrained network says its head's bias");
 * network.dispose();
 * ```
 */
export class RecurrentNetwork implements Network {
  /** Its shape. */
  readonly architecture: Architecture;
  /** The states of the series. */
  readonly states: StateSlab;
  /** Rows one step takes at most. */
  readonly batch: number;
  /** What the head said in the last step `[batch, outputs]`. */
  readonly outputs: DeviceBuffer;
  /** The uppermost layer's hidden states after the last step `[batch, hidden]`. */
  readonly hidden: DeviceBuffer;
  readonly #backend: Backend;
  readonly #inputs: DeviceBuffer;
  readonly #rows: DeviceBuffer;
  readonly #parameters: DeviceBuffer;
  readonly #head: DeviceBuffer;
  readonly #packed: readonly DeviceBuffer[];
  readonly #layerOutputs: readonly DeviceBuffer[];
  readonly #pack: readonly Dispatch[];
  #steps: Dispatch[] = [];
  #generation = 0;

  /**
   * Takes the device memory of a network whose parameters are all zero.
   *
   * @param backend Where it runs. The network does not dispose of it.
   * @param architecture Its shape.
   * @param options How large its batches and states are.
   * @throws {RangeError} when a size is not a positive whole number, or the device has no room or
   * cannot run a layer so large.
   */
  constructor(backend: Backend, architecture: Architecture, options: NetworkOptions = {}) {
    const { inputSize, hiddenSize, layers, outputSize } = architecture;
    this.#backend = backend;
    this.architecture = architecture;
    this.batch = options.batch ?? 1;
    const { layout, values } = new Parameters(architecture);
    this.#parameters = backend.allocate(values.length);
    this.#inputs = backend.allocate(this.batch * inputSize);
    this.#rows = backend.allocate(this.batch, "u32");
    this.outputs = backend.allocate(this.batch * outputSize);
    this.#layerOutputs = Array.from(
      { length: layers },
      () => backend.allocate(this.batch * hiddenSize),
    );
    this.hidden = this.#layerOutputs[layers - 1];
    const offsets = [...layout.filter(({ name }) => /^(weight_ih|head\.weight)/.test(name))]
      .map(({ offset }) => offset).concat(values.length);
    const part = (k: number): DeviceBuffer =>
      backend.slice(this.#parameters, offsets[k], offsets[k + 1] - offsets[k]);
    this.#head = part(layers);
    const shapes = Array.from({ length: layers }, (_, layer) => layerShape(architecture, layer));
    this.#packed = shapes.map((shape) => backend.allocate(backend.packedLength(shape)));
    this.#pack = shapes.map((shape, layer) =>
      backend.prepare("pack", { shape, parameters: part(layer), packed: this.#packed[layer] })
    );
    const { capacity, seriesLimit } = options;
    this.states = new StateSlab(backend, architecture, { capacity, limit: seriesLimit });
    this.setParameters(values);
    this.#prepareSteps();
  }

  /** One line for people: the device it is on. */
  get device(): string {
    return this.#backend.description;
  }

  /** Whether the host sees its memory, so that reads are done at once. */
  get onHost(): boolean {
    return isHostBackend(this.#backend);
  }

  /** Whether it does many rows side by side: on a device of its own, or on several threads. */
  get parallel(): boolean {
    return !this.onHost || (this.#backend.threads ?? 1) > 1;
  }

  /**
   * Exchanges the parameters between two steps. The states stay as they are: a caller that wants them
   * to be those the new parameters would have reached runs the recent past through the network anew.
   *
   * @param values The flat parameters, copied.
   * @throws {RangeError} when there are more or fewer than the network has.
   */
  setParameters(values: Float32Array): void {
    const { length } = this.#parameters;
    if (values.length !== length) {
      throw new RangeError(`The network has ${length} parameters, not ${values.length}`);
    }
    this.#backend.write(this.#parameters, values);
    for (const pack of this.#pack) pack();
  }

  /**
   * One step of the first `count` rows.
   *
   * @param x Features `[count or more, inputs]`.
   * @param rows The row of each in the slab `[count or more]`, each at most once.
   * @param count How many rows step.
   * @throws {RangeError} when `count` is larger than the batch.
   */
  step(x: Float32Array, rows: Uint32Array, count: number = rows.length): void {
    if (count > this.batch) {
      throw new RangeError(`Cannot step ${count} rows: the network takes ${this.batch} at most`);
    }
    if (this.#generation !== this.states.generation) this.#prepareSteps();
    const { inputSize } = this.architecture;
    this.#backend.write(this.#inputs, start(x, count * inputSize));
    this.#backend.write(this.#rows, start(rows, count));
    for (const dispatch of this.#steps) dispatch(count);
  }

  /**
   * Copies what the head said in the last step.
   *
   * @param target `[count, outputs]`.
   * @returns Nothing, or a promise where the device makes the host wait.
   */
  readOutputs(target: Float32Array): void | Promise<void> {
    return readBuffer(this.#backend, this.outputs, target);
  }

  /**
   * Copies the uppermost layer's hidden states after the last step.
   *
   * @param target `[count, hidden]`.
   * @returns Nothing, or a promise where the device makes the host wait.
   */
  readHidden(target: Float32Array): void | Promise<void> {
    return readBuffer(this.#backend, this.hidden, target);
  }

  /** Gives the device memory back. */
  dispose(): void {
    this.states.dispose();
    const own = [this.#inputs, this.#rows, this.#parameters, this.outputs];
    for (const buffer of [...own, ...this.#packed, ...this.#layerOutputs]) {
      this.#backend.free(buffer);
    }
  }

  /** Binds the steps to the slab's buffers, at the start and after it has grown. */
  #prepareSteps(): void {
    const { hiddenSize, outputSize } = this.architecture;
    const layers = this.states.layers.map((states, layer) =>
      this.#backend.prepare("step", {
        shape: layerShape(this.architecture, layer),
        batch: this.batch,
        x: layer === 0 ? this.#inputs : this.#layerOutputs[layer - 1],
        packed: this.#packed[layer],
        ...states,
        rows: this.#rows,
        output: this.#layerOutputs[layer],
      })
    );
    const head = this.#backend.prepare("linear", {
      rows: this.batch,
      inputSize: hiddenSize,
      outputSize,
      x: this.hidden,
      parameters: this.#head,
      y: this.outputs,
    });
    this.#steps = [...layers, head];
    this.#generation = this.states.generation;
  }
}

/** The first elements: the array itself where it has no others. */
function start<A extends Float32Array | Uint32Array>(values: A, length: number): A {
  return values.length === length ? values : values.subarray(0, length) as A;
}
