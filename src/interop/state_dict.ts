import { type CellKind, gateCount } from "../../kernels/mod.ts";
import { Parameters } from "../model/parameters.ts";
import type { Tensor } from "../state/safetensors.ts";

/** How a state dict is read. */
export interface StateDictOptions {
  /**
   * `pytorch`: `nn.LSTM` or `nn.GRU` with `nn.Linear`. `keras`: `kernel [I, G·H]`,
   * `recurrent_kernel [H, G·H]` and `bias` for each layer, gates i f c o and z r h, and a `Dense` layer's
   * `kernel` and `bias`. PyTorch where left out.
   */
  readonly order?: "pytorch" | "keras";
}

/**
 * Takes the weights of a recurrent network with a linear head out of a state dict, whatever its modules
 * are called. Cell, layers and sizes are read off the shapes.
 *
 * @param tensors The state dict, as `readSafetensors` gives it.
 * @param options In which order they are.
 * @returns The network's parameters.
 * @throws {SyntaxError} when it holds something else than one recurrent network and one linear layer.
 *
 * @example A GRU and a linear layer
 * ```ts
 * import { parametersFromStateDict, type Tensor } from "@tickcast/tickcast";
 *
 * const zeros = (...shape: number[]): Tensor => ({
 *   shape,
 *   data: new Float32Array(shape.reduce((product, size) => product * size)),
 * });
 * const { architecture } = parametersFromStateDict(
 *   new Map([
 *     ["rnn.weight_ih_l0", zeros(12, 2)],
 *     ["rnn.weight_hh_l0", zeros(12, 4)],
 *     ["rnn.bias_ih_l0", zeros(12)],
 *     ["rnn.bias_hh_l0", zeros(12)],
 *     ["out.weight", zeros(1, 4)],
 *     ["out.bias", zeros(1)],
 *   ]),
 * );
 * if (architecture.cell !== "gru" || architecture.hiddenSize !== 4) throw new Error();
 * ```
 */
export function parametersFromStateDict(
  tensors: ReadonlyMap<string, Tensor>,
  options: StateDictOptions = {},
): Parameters {
  if (options.order !== "keras") return fromPyTorch(tensors, "gru");
  return fromPyTorch(kerasToPyTorch(tensors), resetsBefore(tensors) ? "gru_reset_before" : "gru");
}

/**
 * The state dict of a network, for `safetensors.torch.load_file` and a module whose recurrent part is
 * called `rnn` and whose linear part is called `head`.
 *
 * @param parameters The network.
 * @returns Its tensors by PyTorch's names, sharing the parameters' memory.
 *
 * @example
 * ```ts
 * import { Parameters, stateDict } from "@tickcast/tickcast";
 *
 * const tensors = stateDict(
 *   new Parameters({ cell: "lstm", inputSize: 1, hiddenSize: 2, layers: 1, outputSize: 1 }),
 * );
 * if (tensors["rnn.weight_ih_l0"].shape.join() !== "8,1") throw new Error();
 * ```
 */
export function stateDict(parameters: Parameters): Record<string, Tensor> {
  return Object.fromEntries(
    parameters.layout.map(({ name, shape }) => [
      name.startsWith("head.") ? name : `rnn.${name}`,
      { shape, data: parameters.get(name) },
    ]),
  );
}

function fromPyTorch(
  tensors: ReadonlyMap<string, Tensor>,
  gru: "gru" | "gru_reset_before",
): Parameters {
  const recurrent = new Map<string, Tensor>();
  const linear: { name: string; tensor: Tensor }[] = [];
  for (const [path, tensor] of tensors) {
    const [, name] = /(?:^|\.)((?:weight_ih|weight_hh|bias_ih|bias_hh)_l\d+)$/.exec(path) ?? [];
    if (name === undefined) linear.push({ name: path, tensor });
    else if (recurrent.has(name)) throw unfit(`there are two recurrent networks with "${name}"`);
    else recurrent.set(name, tensor);
  }
  const input = recurrent.get("weight_ih_l0");
  const hidden = recurrent.get("weight_hh_l0");
  if (!input || !hidden) throw unfit('there is no "weight_ih_l0" and "weight_hh_l0"');
  const [rows, hiddenSize] = sizes(hidden, "weight_hh_l0");
  const cell = cellOf(rows / hiddenSize, gru);
  let layers = 0;
  while (recurrent.has(`weight_ih_l${layers}`)) layers++;

  const head = linear.filter(({ tensor }) => tensor.shape.length === 2);
  if (head.length !== 1) throw unfit(`there are ${head.length} linear layers, not one`);
  const [outputSize] = sizes(head[0].tensor, head[0].name);
  const bias = linear.filter(({ tensor }) => tensor.shape.length === 1);
  if (bias.length > 1 || linear.length > 2) {
    throw unfit(`"${(bias[1] ?? linear[2]).name}" belongs to no part of it`);
  }

  const [, inputSize] = sizes(input, "weight_ih_l0");
  const parameters = new Parameters({ cell, inputSize, hiddenSize, layers, outputSize });
  for (const { name, shape } of parameters.layout) {
    const tensor = name === "head.weight"
      ? head[0].tensor
      : name === "head.bias"
      ? bias[0]?.tensor
      : recurrent.get(name);
    recurrent.delete(name);
    // A module made with bias=False has none.
    if (!tensor && name.includes("bias")) continue;
    if (!tensor) throw unfit(`"${name}" is missing`);
    if (tensor.shape.join() !== shape.join()) {
      throw unfit(`"${name}" has the shape [${tensor.shape}], not [${shape}]`);
    }
    parameters.set(name, numbers(tensor, name));
  }
  for (const name of recurrent.keys()) throw unfit(`"${name}" belongs to no layer`);
  return parameters;
}

/** Renames, transposes and reorders Keras's weights to PyTorch's. */
function kerasToPyTorch(tensors: ReadonlyMap<string, Tensor>): ReadonlyMap<string, Tensor> {
  const modules = new Map<string, Map<string, Tensor>>();
  for (const [path, tensor] of tensors) {
    const [, module, name] = /^(?:(.*)[./])?([^./]+?)(?::0)?$/.exec(path) ?? [];
    const key = module ?? "";
    modules.set(key, (modules.get(key) ?? new Map()).set(name, tensor));
  }
  const converted = new Map<string, Tensor>();
  let layer = 0;
  for (const [, weights] of [...modules].sort(([a], [b]) => byNumber(a, b))) {
    const kernel = weights.get("kernel");
    const recurrent = weights.get("recurrent_kernel");
    const bias = weights.get("bias");
    if (!kernel) throw unfit('a layer has no "kernel"');
    if (!recurrent) {
      converted.set("head.weight", transpose(kernel, [0]));
      if (bias) converted.set("head.bias", bias);
      continue;
    }
    const [hiddenSize, columns] = sizes(recurrent, "recurrent_kernel");
    const cell = cellOf(columns / hiddenSize, "gru");
    const order = cell === "lstm" ? [0, 1, 2, 3] : [1, 0, 2];
    converted.set(`weight_ih_l${layer}`, transpose(kernel, order));
    converted.set(`weight_hh_l${layer}`, transpose(recurrent, order));
    if (bias) {
      const rows = bias.shape.length === 2 ? 2 : 1;
      const turned = transpose({ shape: [rows, columns], data: bias.data }, order);
      const values = numbers(turned, "bias");
      ["bias_ih", "bias_hh"].slice(0, rows).forEach((name, row) => {
        const data = Float32Array.from(
          { length: columns },
          (_, k) => Number(values[k * rows + row]),
        );
        converted.set(`${name}_l${layer}`, { shape: [columns], data });
      });
    }
    layer++;
  }
  return converted;
}

/** Keras calls the first layer of a kind `lstm` and the next ones `lstm_1`, `lstm_2`: in that order. */
function byNumber(a: string, b: string): number {
  const [left, right] = [a, b].map((path) => path.split(/[./]/).map(nameAndNumber));
  for (let k = 0; k < Math.min(left.length, right.length); k++) {
    const [[name, number], [otherName, otherNumber]] = [left[k], right[k]];
    if (name !== otherName) return name < otherName ? -1 : 1;
    if (number !== otherNumber) return number - otherNumber;
  }
  return left.length - right.length;
}

function nameAndNumber(segment: string): [name: string, number: number] {
  const [, name, number] = /^(.*?)(?:_?(\d+))?$/.exec(segment)!;
  return [name, Number(number ?? 0)];
}

/** `[I, G·H]` to `[G·H, I]`, the gates taken in the given order. */
function transpose(tensor: Tensor, order: readonly number[]): Tensor {
  const [inputs, columns] = sizes(tensor, "kernel");
  const values = numbers(tensor, "kernel");
  const gateSize = columns / order.length;
  const data = new Float32Array(values.length);
  for (let column = 0; column < columns; column++) {
    const gate = order[Math.floor(column / gateSize)];
    const from = gate * gateSize + column % gateSize;
    for (let i = 0; i < inputs; i++) data[column * inputs + i] = values[i * columns + from];
  }
  return { shape: [columns, inputs], data };
}

/** A GRU of Keras made with `reset_after=False` has a bias of one row. */
function resetsBefore(tensors: ReadonlyMap<string, Tensor>): boolean {
  return [...tensors].some(([path, { shape }]) => {
    const recurrent = tensors.get(path.replace(/bias(?=(?::0)?$)/, "recurrent_kernel"));
    if (recurrent === undefined || shape.length !== 1) return false;
    return recurrent.shape[1] === gateCount("gru") * recurrent.shape[0];
  });
}

function cellOf(gates: number, gru: CellKind): CellKind {
  for (const cell of ["lstm", gru] as const) if (gates === gateCount(cell)) return cell;
  throw unfit(`it has ${gates} gates: neither an LSTM nor a GRU`);
}

function sizes(tensor: Tensor, name: string): readonly number[] {
  if (tensor.shape.length !== 2 || tensor.shape.some((size) => size < 1)) {
    throw unfit(`"${name}" has the shape [${tensor.shape}], not that of a matrix`);
  }
  return tensor.shape;
}

function numbers(tensor: Tensor, name: string): ArrayLike<number> {
  const { data } = tensor;
  if (!(data instanceof Float32Array || data instanceof Float64Array)) {
    throw unfit(`"${name}" does not hold floating-point numbers`);
  }
  if (!data.every(Number.isFinite)) throw unfit(`"${name}" holds a number that is not finite`);
  return data;
}

function unfit(reason: string): SyntaxError {
  return new SyntaxError(`Cannot load the state dict: ${reason}`);
}
