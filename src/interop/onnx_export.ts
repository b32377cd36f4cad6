import { gateCount } from "../../kernels/mod.ts";
import type { NetworkModel } from "../forecast/learner.ts";
import { networkInputNames } from "../forecast/network_inputs.ts";
import { type Head, headWidth } from "../model/head.ts";
import type { Parameters } from "../model/parameters.ts";
import { sealOnnx, TICKCAST_METADATA } from "./onnx_checksum.ts";
import { OnnxGraph } from "./onnx_graph.ts";

/** How raw values become what the network sees, and what it says becomes values again. */
export interface OnnxScaling {
  /** Taken from each feature. */
  readonly offset: readonly number[];
  /** What is left is divided by this. */
  readonly scale: readonly number[];
  /**
   * `level`: an output is a value scaled like the target. `change`: it is the change from the target's
   * last value, in the target's scale.
   */
  readonly outputs: "level" | "change";
}

/** What an exported network is to say about itself. */
export interface OnnxExportOptions {
  /** What its outputs mean. */
  readonly head: Head;
  /** The features in order, the target first. */
  readonly features: readonly string[];
  /** Scaling that is done inside the graph; values go in and out as they are where left out. */
  readonly scaling?: OnnxScaling;
  /**
   * Features beside the target of a network that sees what Tickcast makes of its frames, instead of the
   * frames themselves; see {@linkcode exportModelOnnx}.
   */
  readonly covariates?: number;
}

/** PyTorch's gates i f g o and r z n, in the order of ONNX: i o f c and z r h. */
const ONNX_GATES = { 3: [1, 0, 2], 4: [0, 3, 1, 2] } as const;

/**
 * Writes a trained network as an ONNX model that any runtime carries from tick to tick.
 *
 * In go `x [steps, batch, features]` and the state `h` and, for an LSTM, `c [layers, batch, hidden]`; out
 * come `y [steps, batch, horizon, width]`, `h_out` and `c_out`. Scaling happens inside the graph, and
 * quantiles are put in order there. Features, horizon and quantile levels stand in the metadata.
 *
 * @param parameters The network.
 * @param options What it is to say about itself.
 * @returns The file.
 * @throws {RangeError} when the head, the features or the scaling do not fit the network.
 *
 * @example An untrained network as a file
 * ```ts
 * import { exportOnnx, readOnnxModel } from "@tickcast/tickcast/onnx";
 * import { Parameters } from "@tickcast/tickcast";
 * import { deepEqual } from "node:assert/strict";
 *
 * const file = exportOnnx(
 *   new Parameters({ cell: "lstm", inputSize: 1, hiddenSize: 8, layers: 1, outputSize: 3 }),
 *   { head: { loss: "mse", horizon: 3 }, features: ["value"] },
 * );
 * const { inputs, outputs } = readOnnxModel(file);
 * deepEqual(inputs.map(({ name }) => name), ["x", "h", "c"]);
 * deepEqual(outputs.map(({ name }) => name), ["y", "h_out", "c_out"]);
 * ```
 */
export function exportOnnx(
  parameters: Parameters,
  options: OnnxExportOptions,
): Uint8Array<ArrayBuffer> {
  const { architecture } = parameters;
  const { head, features, scaling } = options;
  check(parameters, options);
  const { cell, inputSize, hiddenSize, layers } = architecture;
  const width = headWidth(head);
  const graph = new OnnxGraph();
  const letters = cell === "lstm" ? ["h", "c"] : ["h"];

  const x = graph.input("x", ["steps", "batch", inputSize]);
  const ones = graph.integers("ones", Array.from({ length: layers }, () => 1));
  const initial = letters.map((letter) => {
    const state = graph.input(letter, [layers, "batch", hiddenSize]);
    const parts = Array.from({ length: layers }, (_, layer) => `${letter}_${layer}`);
    graph.node("Split", [state, ones], parts, { axis: 0 });
    return parts;
  });

  const secondAxis = graph.integers("second_axis", [1]);
  let hidden = x;
  if (scaling) {
    const offset = graph.constant("offset", Float32Array.from(scaling.offset), [inputSize]);
    const scale = graph.constant("scale", Float32Array.from(scaling.scale), [inputSize]);
    hidden = graph.node("Div", [graph.node("Sub", [x, offset]), scale]);
  }
  for (let layer = 0; layer < layers; layer++) {
    const weights = layerWeights(graph, parameters, layer);
    const states = initial.map((parts) => parts[layer]);
    const sequence = `sequence_${layer}`;
    graph.node(
      cell === "lstm" ? "LSTM" : "GRU",
      [hidden, ...weights, "", ...states],
      [sequence, ...letters.map((letter) => `${letter}_${layer}_out`)],
      {
        hidden_size: hiddenSize,
        ...(cell === "lstm" ? {} : { linear_before_reset: cell === "gru" ? 1 : 0 }),
      },
    );
    // The second axis counts directions, of which there is one.
    hidden = graph.node("Squeeze", [sequence, secondAxis]);
  }
  for (const letter of letters) {
    const parts = Array.from({ length: layers }, (_, layer) => `${letter}_${layer}_out`);
    graph.node("Concat", parts, [`${letter}_out`], { axis: 0 });
  }

  let y = graph.node("Add", [
    graph.node("MatMul", [hidden, headWeight(graph, parameters)]),
    graph.constant("head_bias", parameters.get("head.bias").slice(), [architecture.outputSize]),
  ]);
  if (scaling) {
    const scale = graph.constant("target_scale", Float32Array.of(scaling.scale[0]), [1]);
    const base = scaling.outputs === "level"
      ? graph.constant("target_offset", Float32Array.of(scaling.offset[0]), [1])
      : graph.node("Gather", [x, graph.integers("target", [0])], undefined, { axis: 2 });
    y = graph.node("Add", [graph.node("Mul", [y, scale]), base]);
  }
  // A size of 0 keeps the one that was there.
  const shape = graph.integers("forecast_shape", [0, 0, head.horizon, width]);
  // Tickcast's own network averages what its head says, crossing or not.
  if (head.loss === "pinball" && options.covariates === undefined) {
    const count = graph.integers("levels", [width]);
    const reshaped = graph.node("Reshape", [y, shape]);
    graph.node("TopK", [reshaped, count], ["y", "order"], { axis: -1, largest: 0, sorted: 1 });
  } else graph.node("Reshape", [y, shape], ["y"]);

  graph.output("y", ["steps", "batch", head.horizon, width]);
  for (const letter of letters) graph.output(`${letter}_out`, [layers, "batch", hiddenSize]);
  const { loss, horizon, levels } = head;
  const { covariates } = options;
  const description = { format: 1, cell, features, loss, horizon, levels, covariates };
  return sealOnnx(graph.finish({ [TICKCAST_METADATA]: JSON.stringify(description) }));
}

/**
 * Writes a network of Tickcast as an ONNX model, with the names of what it sees. `--model` and
 * {@linkcode OnnxExpert} make those numbers of the frames, as they do for the network itself; another
 * runtime must bring them, and turns an output `o` of step h into `anchor_h + scale_h · o`. Quantiles
 * stand as the head says them, not put in order.
 *
 * @param model The network.
 * @returns The file.
 *
 * @example An untrained network as a file
 * ```ts
 * import { exportModelOnnx, readOnnxModel } from "@tickcast/tickcast/onnx";
 * import { openNetwork } from "@tickcast/tickcast";
 *
 * const network = await openNetwork({ horizon: 2, hiddenSize: 4 });
 * const file = exportModelOnnx(network.exportModel());
 * if (readOnnxModel(file).inputs[0].name !== "x") throw new Error();
 * network.dispose();
 * ```
 */
export function exportModelOnnx(model: NetworkModel): Uint8Array<ArrayBuffer> {
  const { parameters, head, covariates } = model;
  return exportOnnx(parameters, { head, covariates, features: networkInputNames(covariates) });
}

/** `W [1, G·H, I]`, `R [1, G·H, H]` and `B [1, 2·G·H]` of a layer. @returns Their names. */
function layerWeights(graph: OnnxGraph, parameters: Parameters, layer: number): string[] {
  const { cell, inputSize, hiddenSize } = parameters.architecture;
  const gates = gateCount(cell);
  const order = ONNX_GATES[gates as 3 | 4];
  const reordered = (...names: string[]): Float32Array => {
    const parts = names.flatMap((name) => {
      const values = parameters.get(`${name}_l${layer}`);
      const size = values.length / gates;
      return order.map((gate) => values.subarray(gate * size, (gate + 1) * size));
    });
    const joined = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      joined.set(part, at);
      at += part.length;
    }
    return joined;
  };
  const rows = gates * hiddenSize;
  const columns = layer === 0 ? inputSize : hiddenSize;
  return [
    graph.constant(`W_${layer}`, reordered("weight_ih"), [1, rows, columns]),
    graph.constant(`R_${layer}`, reordered("weight_hh"), [1, rows, hiddenSize]),
    graph.constant(`B_${layer}`, reordered("bias_ih", "bias_hh"), [1, 2 * rows]),
  ];
}

/** The head's weights, transposed to `[hidden, outputs]`. @returns Their name. */
function headWeight(graph: OnnxGraph, parameters: Parameters): string {
  const { hiddenSize, outputSize } = parameters.architecture;
  const weight = parameters.get("head.weight");
  const transposed = new Float32Array(weight.length);
  for (let o = 0; o < outputSize; o++) {
    for (let h = 0; h < hiddenSize; h++) {
      transposed[h * outputSize + o] = weight[o * hiddenSize + h];
    }
  }
  return graph.constant("head_weight", transposed, [hiddenSize, outputSize]);
}

function check(parameters: Parameters, { head, features, scaling }: OnnxExportOptions): void {
  const { inputSize, outputSize } = parameters.architecture;
  if (head.horizon * headWidth(head) !== outputSize) {
    throw new RangeError(
      `The head says ${head.horizon * headWidth(head)} numbers, the network ${outputSize}`,
    );
  }
  if (features.length !== inputSize) {
    throw new RangeError(`The network takes ${inputSize} features, ${features.length} are named`);
  }
  for (const part of scaling ? [scaling.offset, scaling.scale] : []) {
    if (part.length !== inputSize) {
      throw new RangeError(`The network takes ${inputSize} features, ${part.length} are scaled`);
    }
  }
  if (scaling?.scale.some((scale) => !(scale > 0 && Number.isFinite(scale)))) {
    throw new RangeError("A scale must be positive and finite");
  }
}
