import { readFields } from "./protobuf.ts";

/** A tensor that enters or leaves an ONNX graph. */
export interface OnnxValue {
  /** Its name. */
  readonly name: string;
  /** Its ONNX element type: 1 is a 32-bit float. */
  readonly elementType: number;
  /** Its dimensions: a number where fixed, a name or nothing where left open. */
  readonly shape: readonly (number | string)[];
}

/** What an ONNX file says about itself. */
export interface OnnxModel {
  /** What enters, without the weights. */
  readonly inputs: readonly OnnxValue[];
  /** What leaves. */
  readonly outputs: readonly OnnxValue[];
  /** The program that wrote it. */
  readonly producer: string;
  /** Text by name. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** ONNX's number for 32-bit floats. */
export const ONNX_FLOAT = 1;

/**
 * Reads what an ONNX file says about itself; its nodes are left to the runtime.
 *
 * @param file The file's bytes.
 * @returns Inputs, outputs and metadata.
 * @throws {SyntaxError} when the file is malformed or holds no graph.
 *
 * @example
 * ```ts
 * import { exportOnnx, readOnnxModel } from "@tickcast/tickcast/onnx";
 * import { Parameters } from "@tickcast/tickcast";
 *
 * const parameters = new Parameters({
 *   cell: "gru", inputSize: 1, hiddenSize: 2, layers: 1, outputSize: 1,
 * });
 * const file = exportOnnx(parameters, { head: { loss: "mse", horizon: 1 }, features: ["value"] });
 * if (readOnnxModel(file).producer !== "tickcast") throw new Error();
 * ```
 */
export function readOnnxModel(file: Uint8Array): OnnxModel {
  let graph: Uint8Array | undefined;
  let producer = "";
  const metadata: [string, string][] = [];
  for (const { field, bytes } of readFields(file)) {
    if (field === 2) producer = decode(bytes);
    else if (field === 7) graph = bytes;
    else if (field === 14) {
      const [key = "", value = ""] = strings(bytes, 1, 2);
      metadata.push([key, value]);
    }
  }
  if (!graph) throw new SyntaxError("Cannot read ONNX model: it holds no graph");
  const inputs: OnnxValue[] = [];
  const outputs: OnnxValue[] = [];
  const weights = new Set<string>();
  for (const { field, bytes } of readFields(graph)) {
    if (field === 5) weights.add(strings(bytes, 8)[0] ?? "");
    else if (field === 11) inputs.push(readValue(bytes));
    else if (field === 12) outputs.push(readValue(bytes));
  }
  return {
    // Files of old list their weights among the inputs as well.
    inputs: inputs.filter(({ name }) => !weights.has(name)),
    outputs,
    producer,
    metadata: Object.fromEntries(metadata),
  };
}

function readValue(message: Uint8Array): OnnxValue {
  const [name] = strings(message, 1);
  let elementType = 0;
  const shape: (number | string)[] = [];
  const tensor = child(child(message, 2), 1);
  for (const { field, value } of readFields(tensor)) if (field === 1) elementType = Number(value);
  for (const { field, bytes } of readFields(child(tensor, 2))) {
    if (field === 1) shape.push(readDimension(bytes));
  }
  if (!name) throw new SyntaxError("Cannot read ONNX model: a tensor has no name");
  return { name, elementType, shape };
}

function readDimension(message: Uint8Array): number | string {
  for (const { field, value, bytes } of readFields(message)) {
    if (field === 1) return Number(BigInt.asIntN(64, value));
    if (field === 2) return decode(bytes);
  }
  return "";
}

/** The message in a field, empty where there is none. */
function child(message: Uint8Array, wanted: number): Uint8Array {
  for (const { field, bytes } of readFields(message)) if (field === wanted) return bytes;
  return new Uint8Array(0);
}

function strings(message: Uint8Array, ...wanted: number[]): (string | undefined)[] {
  const found: (string | undefined)[] = wanted.map(() => undefined);
  for (const { field, bytes } of readFields(message)) {
    const at = wanted.indexOf(field);
    if (at >= 0) found[at] = decode(bytes);
  }
  return found;
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new SyntaxError("Cannot read ONNX model: a name is not UTF-8", { cause });
  }
}
