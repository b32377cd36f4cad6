import {
  type Backend,
  type DeviceBuffer,
  layerParameterLength,
  type LayerShape,
  savedLength,
} from "../../kernels/mod.ts";

/** The state of a cell: `h [batch, hidden]` and, for an LSTM, `c [batch, hidden]`. */
export interface RecurrentState {
  /** The hidden state. */
  readonly h: Float32Array;
  /** The cell state of an LSTM. */
  readonly c?: Float32Array;
}

/**
 * One recurrent layer by itself: an LSTM, or a GRU in either form, with PyTorch's parameters. States
 * are plain arrays that can be kept, copied and sent anywhere.
 *
 * LSTM: i, f, o = σ(W x + U h + b), g = tanh(W x + U h + b), c′ = f c + i g, h′ = o tanh(c′) (Gers,
 * Schmidhuber and Cummins 2000). GRU: r, z = σ(W x + U h + b), n = tanh(W x + b + r (U h + b′)),
 * h′ = (1 − z) n + z h (Cho et al. 2014); `gru_reset_before` takes U (r h) + b′ instead.
 *
 * For forecasts use {@linkcode RecurrentNetwork}, which keeps its states on the device.
 *
 * @example A sequence equals repeated steps
 * ```ts
 * import { Random, RecurrentCell } from "@tickcast/tickcast";
 * import { layerParameterLength, openBackend } from "@tickcast/tickcast/kernels";
 *
 * const shape = { cell: "gru", inputSize: 2, hiddenSize: 3 } as const;
 * const random = new Random(1);
 * const parameters = new Float32Array(layerParameterLength(shape)).map(() => random.normal());
 * const cell = new RecurrentCell(await openBackend("reference"), shape, parameters);
 * const xs = Float32Array.of(1, 2, 3, 4);
 *
 * const once = await cell.sequence(xs, 2, cell.zeroState(1));
 * const first = await cell.step(xs.subarray(0, 2), cell.zeroState(1));
 * const second = await cell.step(xs.subarray(2), first);
 * if (once.state.h.join() !== second.h.join()) throw new Error();
 * ```
 */
export class RecurrentCell {
  /** Its shape. */
  readonly shape: LayerShape;
  readonly #backend: Backend;
  readonly #packed: DeviceBuffer;

  /**
   * Brings a layer's parameters onto a device.
   *
   * @param backend Where it runs. The cell does not dispose of it.
   * @param shape The layer.
   * @param parameters `weight_ih`, `weight_hh`, `bias_ih` and `bias_hh`, one after the other.
   * @throws {RangeError} when the parameters are not as many as the layer has.
   */
  constructor(backend: Backend, shape: LayerShape, parameters: Float32Array) {
    const length = layerParameterLength(shape);
    if (parameters.length !== length) {
      throw new RangeError(`The layer has ${length} parameters, not ${parameters.length}`);
    }
    this.shape = shape;
    this.#backend = backend;
    this.#packed = backend.allocate(backend.packedLength(shape));
    const unpacked = backend.allocate(length);
    backend.write(unpacked, parameters);
    backend.prepare("pack", { shape, parameters: unpacked, packed: this.#packed })();
    backend.free(unpacked);
  }

  /**
   * The state before anything was seen.
   *
   * @param batch Rows.
   * @returns Zeros `[batch, hidden]`.
   */
  zeroState(batch: number): RecurrentState {
    const length = batch * this.shape.hiddenSize;
    const h = new Float32Array(length);
    return this.shape.cell === "lstm" ? { h, c: new Float32Array(length) } : { h };
  }

  /**
   * One step.
   *
   * @param x Features `[batch, inputs]`.
   * @param state The state before; it is not changed.
   * @returns The state after, whose `h` is the layer's output.
   * @throws {RangeError} when the lengths do not agree.
   */
  async step(x: Float32Array, state: RecurrentState): Promise<RecurrentState> {
    return (await this.sequence(x, 1, state)).state;
  }

  /**
   * Several steps, equal to repeated `step` to the last bit.
   *
   * @param xs Features `[steps, batch, inputs]`.
   * @param steps How many.
   * @param state The state before; it is not changed.
   * @returns The outputs `[steps, batch, hidden]` and the state after the last step.
   * @throws {RangeError} when the lengths do not agree.
   */
  async sequence(
    xs: Float32Array,
    steps: number,
    state: RecurrentState,
  ): Promise<{ outputs: Float32Array; state: RecurrentState }> {
    const { shape } = this;
    const { hiddenSize } = shape;
    const batch = state.h.length / hiddenSize;
    if (xs.length !== steps * batch * shape.inputSize) {
      throw new RangeError(
        `${steps} steps of ${batch} rows of ${shape.inputSize} features are ` +
          `${steps * batch * shape.inputSize} numbers, not ${xs.length}`,
      );
    }
    const length = state.h.length;
    const taken: DeviceBuffer[] = [];
    const take = (length: number, values?: Float32Array): DeviceBuffer => {
      const buffer = this.#backend.allocate(length);
      taken.push(buffer);
      if (values) this.#backend.write(buffer, values);
      return buffer;
    };
    try {
      const hs = take(steps * length);
      const cs = state.c && take(steps * length);
      this.#backend.prepare("sequence", {
        shape,
        steps,
        batch,
        x: take(xs.length, xs),
        packed: this.#packed,
        h0: take(length, state.h),
        ...state.c && { c0: take(length, state.c), cs },
        hs,
        saved: take(steps * batch * savedLength(shape)),
      })();
      const outputs = new Float32Array(steps * length);
      const h = new Float32Array(length);
      await Promise.all([
        this.#backend.read(hs, outputs),
        this.#backend.read(hs, h, (steps - 1) * length),
      ]);
      if (!cs) return { outputs, state: { h } };
      const c = new Float32Array(length);
      await this.#backend.read(cs, c, (steps - 1) * length);
      return { outputs, state: { h, c } };
    } finally {
      for (const buffer of taken) this.#backend.free(buffer);
    }
  }
}
