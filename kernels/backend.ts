/**
 * The whole device contract on one page. A backend owns memory and runs named kernels on it; what the
 * numbers mean is none of its business.
 *
 * All values are 32-bit floats in row-major order; index buffers hold unsigned 32-bit integers.
 * `prepare` resolves everything once, so that running a kernel costs one call and allocates nothing.
 * Kernels run in the order in which they were started; only `read` waits for them.
 *
 * @module
 */

/** The kind of a backend. `reference` is plain TypeScript: the oracle that the others are held to. */
export type BackendKind = "reference" | "wasm" | "webgpu";

/** What one buffer holds. */
export type ElementType = "f32" | "u32";

/** Memory on a device. Its length is fixed. */
export interface DeviceBuffer {
  /** What it holds. */
  readonly type: ElementType;
  /** How many elements. */
  readonly length: number;
}

/**
 * Runs a prepared kernel. `step`, `linear`, `gather` and `scatter` run on the first `count` rows of
 * their batch, all of them where left out; the other kernels take no count.
 */
export type Dispatch = (count?: number) => void;

/** A device that runs kernels. */
export interface Backend {
  /** Which kind of device. */
  readonly kind: BackendKind;
  /** One line for people: the device, its SIMD flavour or adapter. */
  readonly description: string;
  /** Threads that share steps of many rows, the caller's among them; on one thread where left out. */
  readonly threads?: number;
  /**
   * Resolves with the reason when the device is lost, by `dispose` too. Kernels then do nothing and
   * reads are rejected with a `DeviceLostError`. Not there where a device cannot be lost.
   */
  readonly lost?: Promise<string>;
  /** Buffer elements the packed weights of one recurrent layer take on this backend. */
  packedLength(shape: LayerShape): number;
  /** Zeroed memory. `f32` where no type is given. @throws {RangeError} when the device has no room. */
  allocate(length: number, type?: ElementType): DeviceBuffer;
  /** A window onto part of a buffer, sharing its memory. It lives as long as the buffer. */
  slice(buffer: DeviceBuffer, offset: number, length: number): DeviceBuffer;
  /** Copies host values into a buffer, before every kernel started later. */
  write(buffer: DeviceBuffer, values: Float32Array | Uint32Array, offset?: number): void;
  /** Checks the arguments and binds them. @throws {RangeError} when a buffer is too small. */
  prepare<K extends KernelName>(kernel: K, args: KernelArguments[K]): Dispatch;
  /** Copies a buffer to the host after every kernel started before. Fills the whole target. */
  read(buffer: DeviceBuffer, target: Float32Array | Uint32Array, offset?: number): Promise<void>;
  /** Gives the memory back. A buffer must not be used afterwards. */
  free(buffer: DeviceBuffer): void;
  /** Gives everything back. */
  dispose(): void;
}

/** A backend whose memory the host can see: kernels finish before they return, nothing is copied. */
export interface HostBackend extends Backend {
  /**
   * The buffer's memory itself. Valid until the next `allocate`, which may move memory: ask again
   * rather than keep it.
   */
  view(buffer: DeviceBuffer): Float32Array;
  /** The same for an index buffer. */
  viewIndex(buffer: DeviceBuffer): Uint32Array;
}

/**
 * Whether the host can see the backend's memory.
 *
 * @example
 * ```ts
 * import { isHostBackend, openBackend } from "@tickcast/tickcast/kernels";
 *
 * const backend = await openBackend("reference");
 * if (!isHostBackend(backend)) throw new Error();
 * backend.dispose();
 * ```
 */
export function isHostBackend(backend: Backend): backend is HostBackend {
  return "view" in backend;
}

/**
 * The recurrent cells. `gru` applies the reset gate after the recurrent product (PyTorch, cuDNN, ONNX
 * `linear_before_reset=1`), `gru_reset_before` before it (Cho et al. 2014, ONNX 0).
 */
export type CellKind = "lstm" | "gru" | "gru_reset_before";

/** One recurrent layer. */
export interface LayerShape {
  /** Which cell. */
  readonly cell: CellKind;
  /** Features that enter. */
  readonly inputSize: number;
  /** Hidden units. */
  readonly hiddenSize: number;
}

/**
 * Gates of a cell: 4 for the LSTM (i f g o), 3 for the GRU (r z n), in PyTorch's order.
 *
 * @example
 * ```ts
 * import { gateCount } from "@tickcast/tickcast/kernels";
 *
 * if (gateCount("lstm") !== 4 || gateCount("gru") !== 3) throw new Error();
 * ```
 */
export function gateCount(cell: CellKind): number {
  return cell === "lstm" ? 4 : 3;
}

/**
 * Elements of one layer's parameters in PyTorch's layout, one after the other:
 * `weight_ih [G·H, I]`, `weight_hh [G·H, H]`, `bias_ih [G·H]`, `bias_hh [G·H]`.
 *
 * @example
 * ```ts
 * import { layerParameterLength } from "@tickcast/tickcast/kernels";
 *
 * const shape = { cell: "lstm", inputSize: 3, hiddenSize: 8 } as const;
 * if (layerParameterLength(shape) !== 4 * 8 * (3 + 8 + 2)) throw new Error();
 * ```
 */
export function layerParameterLength(shape: LayerShape): number {
  return gateCount(shape.cell) * shape.hiddenSize * (shape.inputSize + shape.hiddenSize + 2);
}

/**
 * What `sequence` keeps of every step for the backward pass, elements a row: the activated gates
 * `[G·H]`, and for a GRU also `[H]`: the recurrent part of the candidate, `W_hn h + b_hn`
 * (`gru`), or the reset state `r · h` (`gru_reset_before`).
 *
 * @example
 * ```ts
 * import { savedLength } from "@tickcast/tickcast/kernels";
 *
 * if (savedLength({ cell: "lstm", inputSize: 3, hiddenSize: 8 }) !== 4 * 8) throw new Error();
 * ```
 */
export function savedLength(shape: LayerShape): number {
  return 4 * shape.hiddenSize;
}

/** The losses. `y` is a target, `ŷ` a prediction, `e = y − ŷ`. */
export type LossKind =
  /** `[horizon, levels]`: Σ max(τ e, (τ − 1) e), the quantile loss of Koenker and Bassett (1978). */
  | "pinball"
  /** `[horizon, 1]`: e². */
  | "mse"
  /** `[horizon, 1]`: e²/2 where |e| ≤ δ, else δ(|e| − δ/2). */
  | "huber"
  /** `[horizon, 2]`, mean and log-variance s: (s + e² exp(−s)) / 2. */
  | "gaussian";

/** Every loss there is. */
export const LOSS_KINDS: readonly LossKind[] = ["pinball", "mse", "huber", "gaussian"];

/** The arguments of every kernel. `B` batch rows, `T` steps, `I` inputs, `H` hidden, `O` outputs. */
export interface KernelArguments {
  /** Brings one layer's parameters from PyTorch's layout into the backend's own. */
  pack: { shape: LayerShape; parameters: DeviceBuffer; packed: DeviceBuffer };

  /**
   * One step for `batch` rows. Row b of `x [B, I]` advances row `rows[b]` of the state slabs
   * `h [capacity, H]` and, for an LSTM, `c [capacity, H]`; without `rows`, row b itself. The new
   * hidden state is also written to `output [B, H]`, the next layer's input. The result of a row does
   * not depend on which rows stand beside it, to the last bit. The count of the dispatch is in rows.
   */
  step: {
    shape: LayerShape;
    batch: number;
    x: DeviceBuffer;
    packed: DeviceBuffer;
    h: DeviceBuffer;
    c?: DeviceBuffer;
    rows?: DeviceBuffer;
    output: DeviceBuffer;
  };

  /**
   * `steps` steps from the states `h0 [B, H]` (and `c0`): `x [T, B, I]` to `hs [T, B, H]` (and
   * `cs [T, B, H]`), keeping `saved [T, B, 4·H]` for the backward pass. Equals repeated `step`
   * to the last bit. `h0` and `c0` are only read.
   */
  sequence: {
    shape: LayerShape;
    steps: number;
    batch: number;
    x: DeviceBuffer;
    packed: DeviceBuffer;
    h0: DeviceBuffer;
    c0?: DeviceBuffer;
    hs: DeviceBuffer;
    cs?: DeviceBuffer;
    saved: DeviceBuffer;
  };

  /**
   * Backward through time of `sequence`. From `dhs [T, B, H]`, the loss's gradient by each output,
   * **adds** the parameter gradients to `gradient` (the layout of `parameters`), and writes
   * `dx [T, B, I]` where given. `parameters` are those that were packed for the forward pass.
   */
  sequence_backward: {
    shape: LayerShape;
    steps: number;
    batch: number;
    x: DeviceBuffer;
    parameters: DeviceBuffer;
    h0: DeviceBuffer;
    c0?: DeviceBuffer;
    hs: DeviceBuffer;
    cs?: DeviceBuffer;
    saved: DeviceBuffer;
    dhs: DeviceBuffer;
    gradient: DeviceBuffer;
    dx?: DeviceBuffer;
  };

  /** `y [N, O] = x [N, I] Wᵀ + b`; `parameters` holds `weight [O, I]`, then `bias [O]`. Count in rows. */
  linear: {
    rows: number;
    inputSize: number;
    outputSize: number;
    x: DeviceBuffer;
    parameters: DeviceBuffer;
    y: DeviceBuffer;
  };

  /** From `dy [N, O]`: **adds** to `gradient` (weight, bias), and writes `dx [N, I]` where given. */
  linear_backward: {
    rows: number;
    inputSize: number;
    outputSize: number;
    x: DeviceBuffer;
    parameters: DeviceBuffer;
    dy: DeviceBuffer;
    gradient: DeviceBuffer;
    dx?: DeviceBuffer;
  };

  /**
   * A loss and its gradient. `predictions [N, horizon, width]`, `targets [N, horizon]`,
   * `mask [N, horizon]` (1 counts, 0 does not; a masked target may be NaN). `loss [1]` is the mean over
   * what counts (over `levels` too); `gradient` has the shape of `predictions`. Both are 0 where nothing
   * counts. At e = 0, where the pinball loss has no slope, its gradient is 0. `width`: levels
   * (pinball), 1, or 2.
   */
  loss: {
    kind: LossKind;
    rows: number;
    horizon: number;
    /** Quantile levels in (0, 1), ascending; for `pinball` only. */
    levels?: readonly number[];
    /** δ of the Huber loss; 1 where left out. */
    delta?: number;
    predictions: DeviceBuffer;
    targets: DeviceBuffer;
    mask: DeviceBuffer;
    loss: DeviceBuffer;
    gradient: DeviceBuffer;
  };

  /**
   * Scales `gradient` by min(1, maxNorm / (‖gradient‖₂ + 1e-6)), as PyTorch's `clip_grad_norm_`, and
   * writes the norm before clipping to `norm [1]`. A norm that is not finite zeroes the gradient, so
   * that one broken batch cannot break the parameters; `norm` tells.
   */
  clip: { gradient: DeviceBuffer; maxNorm: number; norm: DeviceBuffer };

  /**
   * Adam (Kingma and Ba 2015); AdamW (Loshchilov and Hutter 2019) with `decoupled`. `m` and `v` are
   * the moments. `schedule [3]` holds what changes between steps: the learning rate,
   * 1 − β₁ᵗ and 1 − β₂ᵗ, written by the host before each step t = 1, 2, …
   */
  adam: {
    parameters: DeviceBuffer;
    gradient: DeviceBuffer;
    m: DeviceBuffer;
    v: DeviceBuffer;
    schedule: DeviceBuffer;
    beta1: number;
    beta2: number;
    epsilon: number;
    weightDecay: number;
    decoupled: boolean;
  };

  /** Stochastic gradient descent with momentum as in PyTorch; `schedule [1]` is the learning rate. */
  sgd: {
    parameters: DeviceBuffer;
    gradient: DeviceBuffer;
    velocity: DeviceBuffer;
    schedule: DeviceBuffer;
    momentum: number;
    weightDecay: number;
  };

  /** Sets every element. */
  fill: { buffer: DeviceBuffer; value: number };

  /** Copies `source` to `target`, which have one length. */
  copy: { source: DeviceBuffer; target: DeviceBuffer };

  /** `target = a · b`, element by element (dropout masks). `target` may be `a`. */
  multiply: { a: DeviceBuffer; b: DeviceBuffer; target: DeviceBuffer };

  /** `target [B, width]` = the rows `rows [B]` of `source [capacity, width]`. Count in rows. */
  gather: {
    width: number;
    source: DeviceBuffer;
    rows: DeviceBuffer;
    target: DeviceBuffer;
  };

  /** Row `rows[b]` of `target [capacity, width]` = row b of `source [B, width]`. Count in rows. */
  scatter: {
    width: number;
    source: DeviceBuffer;
    rows: DeviceBuffer;
    target: DeviceBuffer;
  };
}

/** The kernels every backend has. */
export type KernelName = keyof KernelArguments;
