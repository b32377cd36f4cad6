import { type CellKind, gateCount, type LayerShape } from "../../kernels/mod.ts";

/** The shape of a network: recurrent layers on top of each other and a linear head. */
export interface Architecture {
  /** Which cell. */
  readonly cell: CellKind;
  /** Features that enter at each step. */
  readonly inputSize: number;
  /** Hidden units of each layer. */
  readonly hiddenSize: number;
  /** Recurrent layers. */
  readonly layers: number;
  /** Outputs of the head: horizon × width of the loss (levels, 1, or 2). */
  readonly outputSize: number;
}

/** One named parameter within the flat parameters of a network. */
export interface ParameterEntry {
  /** PyTorch's name. */
  readonly name: string;
  /** Where it begins. */
  readonly offset: number;
  /** Its dimensions, row-major. */
  readonly shape: readonly number[];
}

/**
 * The shape of one recurrent layer.
 *
 * @param architecture The network.
 * @param layer Which layer, counted from 0.
 * @returns Its shape; layers above the first take the hidden units below as input.
 */
export function layerShape(architecture: Architecture, layer: number): LayerShape {
  const { cell, inputSize, hiddenSize } = architecture;
  return { cell, inputSize: layer === 0 ? inputSize : hiddenSize, hiddenSize };
}

/**
 * Where every parameter lies: layer after layer in PyTorch's names and order, then the head.
 *
 * @param architecture The network.
 * @returns The entries, without gaps.
 * @throws {RangeError} when a size is not a positive whole number.
 *
 * @example The names of a one-layer LSTM
 * ```ts
 * import { parameterLayout } from "@tickcast/tickcast";
 *
 * const layout = parameterLayout({
 *   cell: "lstm", inputSize: 2, hiddenSize: 8, layers: 1, outputSize: 3,
 * });
 * const names = layout.map((entry) => entry.name).join(" ");
 * const expected = "weight_ih_l0 weight_hh_l0 bias_ih_l0 bias_hh_l0 head.weight head.bias";
 * if (names !== expected) throw new Error(names);
 * ```
 */
export function parameterLayout(architecture: Architecture): ParameterEntry[] {
  checkArchitecture(architecture);
  const { hiddenSize, layers, outputSize } = architecture;
  const gateRows = gateCount(architecture.cell) * hiddenSize;
  const shapes: [string, number[]][] = [];
  for (let layer = 0; layer < layers; layer++) {
    const { inputSize } = layerShape(architecture, layer);
    shapes.push([`weight_ih_l${layer}`, [gateRows, inputSize]]);
    shapes.push([`weight_hh_l${layer}`, [gateRows, hiddenSize]]);
    shapes.push([`bias_ih_l${layer}`, [gateRows]], [`bias_hh_l${layer}`, [gateRows]]);
  }
  shapes.push(["head.weight", [outputSize, hiddenSize]], ["head.bias", [outputSize]]);
  let offset = 0;
  return shapes.map(([name, shape]) => {
    const entry = { name, offset, shape };
    offset += elements(shape);
    return entry;
  });
}

/**
 * How many parameters a network has.
 *
 * @param architecture The network.
 * @returns The length of its flat parameters.
 * @throws {RangeError} when a size is not a positive whole number.
 *
 * @example
 * ```ts
 * import { parameterCount } from "@tickcast/tickcast";
 *
 * const count = parameterCount({
 *   cell: "gru", inputSize: 1, hiddenSize: 4, layers: 1, outputSize: 2,
 * });
 * if (count !== 3 * 4 * (1 + 4 + 2) + 2 * 4 + 2) throw new Error();
 * ```
 */
export function parameterCount(architecture: Architecture): number {
  const last = parameterLayout(architecture).at(-1)!;
  return last.offset + elements(last.shape);
}

/** Elements of a tensor. */
export function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function checkArchitecture({ cell: _cell, ...sizes }: Architecture): void {
  for (const [name, size] of Object.entries(sizes)) {
    if (!Number.isInteger(size) || size < 1) {
      throw new RangeError(`A network's ${name} must be a positive whole number, is ${size}`);
    }
  }
}
