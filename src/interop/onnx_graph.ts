import { PRODUCER } from "./onnx_checksum.ts";
import { ONNX_FLOAT, type OnnxValue } from "./onnx_model.ts";
import { ProtobufWriter } from "./protobuf.ts";

/** Opset 17 and its IR version: the newest that every runtime of the last years reads. */
const OPSET = 17;
const IR_VERSION = 8;
const INT64 = 7;
const ATTRIBUTE_INTEGER = 2;

/** Writes an ONNX graph (https://onnx.ai/onnx/repo-docs/IR.html), node by node. */
export class OnnxGraph {
  readonly #graph = new ProtobufWriter().text(2, "tickcast");
  #nodes = 0;

  /** Declares what enters. @returns Its name. */
  input(name: string, shape: readonly (number | string)[]): string {
    this.#graph.message(11, value({ name, elementType: ONNX_FLOAT, shape }));
    return name;
  }

  /** Declares what leaves. */
  output(name: string, shape: readonly (number | string)[]): void {
    this.#graph.message(12, value({ name, elementType: ONNX_FLOAT, shape }));
  }

  /** Adds constant numbers. @returns Their name. */
  constant(name: string, values: Float32Array, shape: readonly number[]): string {
    return this.#initializer(name, ONNX_FLOAT, shape, values);
  }

  /** Adds whole numbers, as shapes and axes are given. @returns Their name. */
  integers(name: string, values: readonly number[]): string {
    return this.#initializer(name, INT64, [values.length], BigInt64Array.from(values, BigInt));
  }

  /** Adds a node. @returns The name of its first output. */
  node(
    operator: string,
    inputs: readonly string[],
    outputs: readonly string[] = [`${operator.toLowerCase()}_${this.#nodes}`],
    attributes: Readonly<Record<string, number>> = {},
  ): string {
    const node = new ProtobufWriter();
    for (const name of inputs) node.text(1, name);
    for (const name of outputs) node.text(2, name);
    node.text(3, `${operator}_${this.#nodes++}`).text(4, operator);
    for (const [name, value] of Object.entries(attributes)) {
      const attribute = new ProtobufWriter().text(1, name).integer(3, value);
      node.message(5, attribute.integer(20, ATTRIBUTE_INTEGER));
    }
    this.#graph.message(1, node);
    return outputs[0];
  }

  /** The file. */
  finish(metadata: Readonly<Record<string, string>>): Uint8Array<ArrayBuffer> {
    const model = new ProtobufWriter().integer(1, IR_VERSION).text(2, PRODUCER);
    model.message(7, this.#graph);
    model.message(8, new ProtobufWriter().text(1, "").integer(2, OPSET));
    for (const [key, text] of Object.entries(metadata)) {
      model.message(14, new ProtobufWriter().text(1, key).text(2, text));
    }
    return model.finish();
  }

  #initializer(
    name: string,
    elementType: number,
    shape: readonly number[],
    values: Float32Array | BigInt64Array,
  ): string {
    const tensor = new ProtobufWriter();
    for (const size of shape) tensor.integer(1, size);
    tensor.integer(2, elementType).text(8, name);
    tensor.bytes(9, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    this.#graph.message(5, tensor);
    return name;
  }
}

function value({ name, elementType, shape }: OnnxValue): ProtobufWriter {
  const dimensions = new ProtobufWriter();
  for (const size of shape) {
    const dimension = new ProtobufWriter();
    if (typeof size === "number") dimension.integer(1, size);
    else dimension.text(2, size);
    dimensions.message(1, dimension);
  }
  const tensor = new ProtobufWriter().integer(1, elementType).message(2, dimensions);
  return new ProtobufWriter().text(1, name).message(2, new ProtobufWriter().message(1, tensor));
}
