import {
  type Backend,
  type DeviceBuffer,
  type Dispatch,
  layerParameterLength,
  savedLength,
} from "../../kernels/mod.ts";
import { type Architecture, layerShape, parameterCount } from "../model/architecture.ts";
import { type Head, headOutputs } from "../model/head.ts";
import { Parameters } from "../model/parameters.ts";
import type { Random } from "../model/random.ts";
import { Dropout } from "./dropout.ts";
import { Optimiser, type OptimiserOptions } from "./optimiser.ts";

/** What one training step is made of. */
export interface ProgramOptions {
  /** Steps of each window. */
  readonly steps: number;
  /** Windows side by side. */
  readonly batch: number;
  /** How gradients become steps. */
  readonly optimiser: OptimiserOptions;
  /** The norm that gradients are clipped to; none where left out. */
  readonly maxNorm?: number;
  /** The share of each layer's outputs that is dropped in training; none where left out. */
  readonly dropout?: number;
}

/** Losses that are kept on the device before they must be read. */
const RECORD_LENGTH = 64;

/** One layer's buffers between the passes. */
interface LayerMemory {
  readonly h0: DeviceBuffer;
  readonly c0?: DeviceBuffer;
  readonly hs: DeviceBuffer;
  readonly cs?: DeviceBuffer;
  readonly dhs: DeviceBuffer;
}

/**
 * A network's training step out of kernels, prepared once for windows of one shape: forward, loss,
 * backward through time, clip, update. Everything stays on the device; the host writes a batch and
 * reads losses when it wants to.
 */
export class TrainingProgram {
  /** What the head says `[steps, batch, outputs]`. */
  readonly predictions: DeviceBuffer;
  /** The gradient of the last training step `[parameters]`, after clipping. */
  readonly gradient: DeviceBuffer;
  /** Its norm before clipping `[1]`. */
  readonly norm: DeviceBuffer;
  /** The buffers of each layer. */
  readonly layers: readonly LayerMemory[];
  readonly #backend: Backend;
  readonly #memory: DeviceBuffer[] = [];
  readonly #parameters: DeviceBuffer;
  readonly #x: DeviceBuffer;
  readonly #targets: DeviceBuffer;
  readonly #mask: DeviceBuffer;
  readonly #record: DeviceBuffer;
  readonly #recordLoss: readonly Dispatch[];
  readonly #dropout?: Dropout;
  readonly #optimiser: Optimiser;
  readonly #pack: Dispatch[] = [];
  readonly #forward: Dispatch[] = [];
  readonly #backward: Dispatch[] = [];
  #recorded = 0;

  /** Takes the device memory and binds every kernel to it. */
  constructor(backend: Backend, architecture: Architecture, head: Head, options: ProgramOptions) {
    const { steps, batch, dropout = 0, maxNorm } = options;
    const { cell, hiddenSize, inputSize, outputSize } = architecture;
    if (headOutputs(head) !== outputSize) {
      throw new RangeError(
        `The network has ${outputSize} outputs, its head needs ${headOutputs(head)}`,
      );
    }
    this.#backend = backend;
    const rows = steps * batch;
    const count = parameterCount(architecture);
    this.#parameters = this.#take(count);
    this.gradient = this.#take(count);
    this.norm = this.#take(1);
    this.#x = this.#take(rows * inputSize);
    this.#targets = this.#take(rows * head.horizon);
    this.#mask = this.#take(rows * head.horizon);
    this.predictions = this.#take(rows * outputSize);
    this.layers = Array.from({ length: architecture.layers }, () => ({
      h0: this.#take(batch * hiddenSize),
      hs: this.#take(rows * hiddenSize),
      dhs: this.#take(rows * hiddenSize),
      ...cell === "lstm" &&
        { c0: this.#take(batch * hiddenSize), cs: this.#take(rows * hiddenSize) },
    }));
    if (dropout > 0) {
      this.#dropout = new Dropout(backend, dropout, architecture.layers, rows * hiddenSize);
    }
    this.#record = this.#take(RECORD_LENGTH);
    const loss = this.#take(1);
    this.#recordLoss = Array.from({ length: RECORD_LENGTH }, (_, k) => {
      const target = backend.slice(this.#record, k, 1);
      return backend.prepare("copy", { source: loss, target });
    });
    this.#bindLayers(architecture, steps, batch);
    this.#bindHead(architecture, head, rows, loss);
    this.#backward.unshift(backend.prepare("fill", { buffer: this.gradient, value: 0 }));
    if (maxNorm !== undefined) {
      const { gradient, norm } = this;
      this.#backward.push(backend.prepare("clip", { gradient, maxNorm, norm }));
    }
    const { optimiser } = options;
    this.#optimiser = new Optimiser(backend, optimiser, this.#parameters, this.gradient);
  }

  /** Sets the parameters, and forgets the optimiser's moments. */
  setParameters(values: Float32Array): void {
    this.#backend.write(this.#parameters, values);
    this.#optimiser.reset();
    run(this.#pack);
  }

  /** Copies the parameters to the host. */
  readParameters(target: Float32Array): Promise<void> {
    return this.#backend.read(this.#parameters, target);
  }

  /** Sets a batch: `x [steps, batch, inputs]`, targets and mask `[steps, batch, horizon]`. */
  setBatch(x: Float32Array, targets: Float32Array, mask: Float32Array): void {
    this.#backend.write(this.#x, x);
    this.#backend.write(this.#targets, targets);
    this.#backend.write(this.#mask, mask);
  }

  /** The loss of the batch, nothing dropped. `readRecord` reads it. */
  evaluate(): void {
    this.#dropout?.keepAll();
    this.#runForward();
  }

  /** One training step on the batch. `readRecord` reads its loss. */
  train(rate: number, random: Random): void {
    this.#dropout?.draw(random);
    this.#runForward();
    run(this.#backward);
    this.#optimiser.update(rate);
    run(this.#pack);
  }

  /** Whether the record is full, so that it must be read before the next pass. */
  get recordIsFull(): boolean {
    return this.#recorded === RECORD_LENGTH;
  }

  /** The losses of the passes since it was last read, in order. */
  async readRecord(): Promise<Float32Array> {
    const losses = new Float32Array(this.#recorded);
    this.#recorded = 0;
    if (losses.length > 0) await this.#backend.read(this.#record, losses);
    return losses;
  }

  /** Gives the device memory back. */
  dispose(): void {
    this.#optimiser.dispose();
    this.#dropout?.dispose();
    for (const buffer of this.#memory) this.#backend.free(buffer);
  }

  #take(length: number): DeviceBuffer {
    const buffer = this.#backend.allocate(length);
    this.#memory.push(buffer);
    return buffer;
  }

  #runForward(): void {
    run(this.#forward);
    this.#recordLoss[this.#recorded++]();
  }

  /** What a layer passes on: its outputs, some of them dropped. */
  #outputsOf(layer: number): DeviceBuffer {
    return this.#dropout?.dropped[layer] ?? this.layers[layer].hs;
  }

  /** Binds each layer's passes: its input what the layer below passes on, its gradient from above. */
  #bindLayers(architecture: Architecture, steps: number, batch: number): void {
    const backend = this.#backend;
    const { layout } = new Parameters(architecture);
    this.layers.forEach(({ h0, c0, hs, cs, dhs }, layer) => {
      const shape = layerShape(architecture, layer);
      const { offset } = layout.find(({ name }) => name === `weight_ih_l${layer}`)!;
      const length = layerParameterLength(shape);
      const parameters = backend.slice(this.#parameters, offset, length);
      const packed = this.#take(backend.packedLength(shape));
      const saved = this.#take(steps * batch * savedLength(shape));
      const x = layer === 0 ? this.#x : this.#outputsOf(layer - 1);
      const passes = { shape, steps, batch, x, h0, c0, hs, cs, saved };
      this.#pack.push(backend.prepare("pack", { shape, parameters, packed }));
      this.#forward.push(backend.prepare("sequence", { ...passes, packed }));
      this.#backward.unshift(backend.prepare("sequence_backward", {
        ...passes,
        parameters,
        dhs,
        gradient: backend.slice(this.gradient, offset, length),
        dx: layer === 0 ? undefined : this.layers[layer - 1].dhs,
      }));
      if (this.#dropout) {
        this.#forward.push(this.#dropout.bind(layer, hs));
        this.#backward.unshift(this.#dropout.bindBackward(layer, dhs));
      }
    });
  }

  #bindHead(architecture: Architecture, head: Head, rows: number, loss: DeviceBuffer): void {
    const backend = this.#backend;
    const { hiddenSize, outputSize } = architecture;
    const length = outputSize * (hiddenSize + 1);
    const offset = this.#parameters.length - length;
    const uppermost = this.layers.length - 1;
    const dy = this.#take(this.predictions.length);
    const linear = {
      rows,
      inputSize: hiddenSize,
      outputSize,
      x: this.#outputsOf(uppermost),
      parameters: backend.slice(this.#parameters, offset, length),
    };
    this.#forward.push(
      backend.prepare("linear", { ...linear, y: this.predictions }),
      backend.prepare("loss", {
        kind: head.loss,
        levels: head.levels,
        delta: head.delta,
        rows,
        horizon: head.horizon,
        predictions: this.predictions,
        targets: this.#targets,
        mask: this.#mask,
        loss,
        gradient: dy,
      }),
    );
    this.#backward.unshift(backend.prepare("linear_backward", {
      ...linear,
      dy,
      gradient: backend.slice(this.gradient, offset, length),
      dx: this.layers[uppermost].dhs,
    }));
  }
}

function run(dispatches: readonly Dispatch[]): void {
  for (const dispatch of dispatches) dispatch();
}
