import { gateCount, type LayerShape } from "../backend.ts";
import { layerOffsets, stepRow } from "./recurrent.ts";
import type { Vector } from "./vector.ts";

/** The arrays of a sequence, time-major: `x [T, B, I]`, states `[B, H]`, everything else `[T, B, ·]`. */
export interface SequenceArrays {
  steps: number;
  batch: number;
  x: Vector;
  parameters: Vector;
  h0: Vector;
  c0?: Vector;
  hs: Vector;
  cs?: Vector;
  saved: Vector;
}

/** What the backward pass takes and gives beside the arrays of the forward pass. */
export interface BackwardArrays extends SequenceArrays {
  dhs: Vector;
  gradient: Vector;
  dx?: Vector;
}

/** Repeated step over all rows, keeping what the backward pass needs. */
export function sequence(shape: LayerShape, arrays: SequenceArrays): void {
  const { steps, batch, x, parameters, h0, c0, hs, cs, saved } = arrays;
  const H = shape.hiddenSize;
  const savedRow = new Float64Array(4 * H);
  for (let t = 0; t < steps; t++) {
    for (let b = 0; b < batch; b++) {
      const row = t * batch + b;
      const previous = t === 0 ? b : row - batch;
      stepRow(shape, parameters, {
        x,
        xAt: row * shape.inputSize,
        hPrevious: t === 0 ? h0 : hs,
        hPreviousAt: previous * H,
        cPrevious: t === 0 ? c0 : cs,
        cPreviousAt: previous * H,
        c: cs,
        cAt: row * H,
        h: hs,
        hAt: row * H,
      }, savedRow);
      saved.set(savedRow, row * 4 * H);
    }
  }
}

/**
 * Back through time, one row of the batch after the other: the chain rule over the equations of
 * {@linkcode stepRow}. Sums are kept in 64 bits and added to `gradient` at the end.
 */
export function sequenceBackward(shape: LayerShape, arrays: BackwardArrays): void {
  const { steps, batch, h0, c0, hs, cs, saved, dhs } = arrays;
  const H = shape.hiddenSize;
  const pass = new LayerBackward(shape, arrays);
  for (let b = 0; b < batch; b++) {
    let dh: Vector = new Float64Array(H);
    const dc = new Float64Array(H);
    for (let t = steps - 1; t >= 0; t--) {
      const row = t * batch + b;
      const previous = t === 0 ? b : row - batch;
      for (let j = 0; j < H; j++) dh[j] += dhs[row * H + j];
      const gates = saved.subarray(row * 4 * H, (row + 1) * 4 * H);
      const hPrevious = (t === 0 ? h0 : hs).subarray(previous * H, (previous + 1) * H);
      if (shape.cell === "lstm") {
        const c = required(cs).subarray(row * H, (row + 1) * H);
        const cPrevious = required(t === 0 ? c0 : cs).subarray(previous * H, (previous + 1) * H);
        lstmGates(H, gates, c, cPrevious, dh, dc, pass.dGates);
        dh = pass.through(row, hPrevious, pass.dGates);
      } else if (shape.cell === "gru") dh = pass.gru(row, gates, hPrevious, dh);
      else dh = pass.gruResetBefore(row, gates, hPrevious, dh);
    }
  }
  pass.finish();
}

function required(cells: Vector | undefined): Vector {
  if (!cells) throw new TypeError("An LSTM needs cell states");
  return cells;
}

/** The gradient by the LSTM's gates before activation; `dc` goes from c′ to c. */
function lstmGates(
  H: number,
  gates: Vector,
  c: Vector,
  cPrevious: Vector,
  dh: Vector,
  dc: Vector,
  dGates: Vector,
): void {
  for (let j = 0; j < H; j++) {
    const [i, f, g, o] = [gates[j], gates[H + j], gates[2 * H + j], gates[3 * H + j]];
    const tanhC = Math.tanh(c[j]);
    const dCell = dc[j] + dh[j] * o * (1 - tanhC * tanhC);
    dGates[j] = dCell * g * i * (1 - i);
    dGates[H + j] = dCell * cPrevious[j] * f * (1 - f);
    dGates[2 * H + j] = dCell * i * (1 - g * g);
    dGates[3 * H + j] = dh[j] * tanhC * o * (1 - o);
    dc[j] = dCell * f;
  }
}

/** The two products of a layer, turned round: gradients of the weights, of x and of the state before. */
class LayerBackward {
  readonly dGates: Float64Array;
  readonly #shape: LayerShape;
  readonly #arrays: BackwardArrays;
  readonly #sum: Float64Array;

  constructor(shape: LayerShape, arrays: BackwardArrays) {
    this.#shape = shape;
    this.#arrays = arrays;
    this.dGates = new Float64Array(gateCount(shape.cell) * shape.hiddenSize);
    this.#sum = new Float64Array(arrays.gradient.length);
  }

  /** Adds the sums to the caller's gradient. */
  finish(): void {
    const { gradient } = this.#arrays;
    for (let k = 0; k < this.#sum.length; k++) gradient[k] += this.#sum[k];
  }

  /** Every gate sees W x + b + U h + b′. @returns the gradient by h. */
  through(row: number, hPrevious: Vector, dGates: Vector): Float64Array {
    this.#inputSide(row, dGates);
    const dh = new Float64Array(this.#shape.hiddenSize);
    this.#hiddenSide(0, dGates, hPrevious, dh);
    return dh;
  }

  /** n = tanh(W x + b + r q) with q = U h + b′, the saved fourth part. */
  gru(row: number, gates: Vector, hPrevious: Vector, dh: Vector): Float64Array {
    const H = this.#shape.hiddenSize;
    const dHidden = new Float64Array(3 * H);
    const before = new Float64Array(H);
    for (let j = 0; j < H; j++) {
      const [r, z, n, q] = [gates[j], gates[H + j], gates[2 * H + j], gates[3 * H + j]];
      const dn = dh[j] * (1 - z) * (1 - n * n);
      this.dGates[j] = dHidden[j] = dn * q * r * (1 - r);
      this.dGates[H + j] = dHidden[H + j] = dh[j] * (hPrevious[j] - n) * z * (1 - z);
      this.dGates[2 * H + j] = dn;
      dHidden[2 * H + j] = dn * r;
      before[j] = dh[j] * z;
    }
    this.#inputSide(row, this.dGates);
    this.#hiddenSide(0, dHidden, hPrevious, before);
    return before;
  }

  /** n = tanh(W x + b + U (r h) + b′) with r h the saved fourth part. */
  gruResetBefore(row: number, gates: Vector, hPrevious: Vector, dh: Vector): Float64Array {
    const H = this.#shape.hiddenSize;
    const before = new Float64Array(H);
    const dReset = new Float64Array(H);
    for (let j = 0; j < H; j++) {
      const [z, n] = [gates[H + j], gates[2 * H + j]];
      this.dGates[H + j] = dh[j] * (hPrevious[j] - n) * z * (1 - z);
      this.dGates[2 * H + j] = dh[j] * (1 - z) * (1 - n * n);
      before[j] = dh[j] * z;
    }
    const resetState = gates.subarray(3 * H, 4 * H);
    this.#hiddenSide(2 * H, this.dGates.subarray(2 * H), resetState, dReset);
    for (let j = 0; j < H; j++) {
      const r = gates[j];
      this.dGates[j] = dReset[j] * hPrevious[j] * r * (1 - r);
      before[j] += dReset[j] * r;
    }
    this.#inputSide(row, this.dGates);
    this.#hiddenSide(0, this.dGates.subarray(0, 2 * H), hPrevious, before);
    return before;
  }

  /** W and b of all gates, and dx. */
  #inputSide(row: number, dGates: Vector): void {
    const { inputSize: I } = this.#shape;
    const { x, parameters, dx } = this.#arrays;
    const { inputBias } = layerOffsets(this.#shape);
    const xAt = row * I;
    const dxRow = new Float64Array(I);
    for (let gate = 0; gate < dGates.length; gate++) {
      this.#sum[inputBias + gate] += dGates[gate];
      for (let k = 0; k < I; k++) {
        this.#sum[gate * I + k] += dGates[gate] * x[xAt + k];
        dxRow[k] += dGates[gate] * parameters[gate * I + k];
      }
    }
    dx?.set(dxRow, xAt);
  }

  /** U and b′ of the gates from `first` on, whose product was taken with `h`; adds to `dh`. */
  #hiddenSide(first: number, dGates: Vector, h: Vector, dh: Vector): void {
    const H = this.#shape.hiddenSize;
    const { hiddenWeight, hiddenBias } = layerOffsets(this.#shape);
    const { parameters } = this.#arrays;
    for (let g = 0; g < dGates.length; g++) {
      const weightAt = hiddenWeight + (first + g) * H;
      this.#sum[hiddenBias + first + g] += dGates[g];
      for (let k = 0; k < H; k++) {
        this.#sum[weightAt + k] += dGates[g] * h[k];
        dh[k] += dGates[g] * parameters[weightAt + k];
      }
    }
  }
}
