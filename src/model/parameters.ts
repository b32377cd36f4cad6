import {
  type Architecture,
  elements,
  type ParameterEntry,
  parameterLayout,
} from "./architecture.ts";

/**
 * A network's parameters: one flat array, with PyTorch's names onto its parts.
 *
 * @example Setting one by name
 * ```ts
 * import { Parameters } from "@tickcast/tickcast";
 *
 * const parameters = new Parameters({
 *   cell: "gru", inputSize: 1, hiddenSize: 2, layers: 1, outputSize: 1,
 * });
 * parameters.set("head.bias", Float32Array.of(0.5));
 * if (parameters.values.at(-1) !== 0.5) throw new Error("the head's bias stands last");
 * ```
 */
export class Parameters {
  /** The shape of the network they belong to. */
  readonly architecture: Architecture;
  /** All of them, in the order of the layout. */
  readonly values: Float32Array;
  /** Where each lies. */
  readonly layout: readonly ParameterEntry[];

  /**
   * Takes an array as parameters, without copying it.
   *
   * @param architecture The network.
   * @param values The flat array; zeros where left out.
   * @throws {RangeError} when the array has another length than the network needs.
   */
  constructor(architecture: Architecture, values?: Float32Array) {
    this.architecture = architecture;
    this.layout = parameterLayout(architecture);
    const last = this.layout[this.layout.length - 1];
    const count = last.offset + elements(last.shape);
    this.values = values ?? new Float32Array(count);
    if (this.values.length !== count) {
      throw new RangeError(`The network has ${count} parameters, not ${this.values.length}`);
    }
  }

  /**
   * One parameter, sharing the memory of all.
   *
   * @param name PyTorch's name.
   * @returns Its values, row-major.
   * @throws {RangeError} when there is none of that name.
   */
  get(name: string): Float32Array {
    const entry = this.layout.find((each) => each.name === name);
    if (!entry) throw new RangeError(`The network has no parameter "${name}"`);
    return this.values.subarray(entry.offset, entry.offset + elements(entry.shape));
  }

  /**
   * Copies values into one parameter.
   *
   * @param name PyTorch's name.
   * @param values As many as the parameter has elements, row-major.
   * @throws {RangeError} when there is none of that name, or it has another length.
   */
  set(name: string, values: ArrayLike<number>): void {
    const target = this.get(name);
    if (target.length !== values.length) {
      throw new RangeError(`"${name}" has ${target.length} elements, not ${values.length}`);
    }
    target.set(values);
  }
}
