import { ONNX_FLOAT, type OnnxModel, type OnnxValue } from "./onnx_model.ts";

/** A state that leaves a graph at one step and enters it at the next. */
export interface StatePair {
  /** How it enters. */
  readonly input: OnnxValue;
  /** The name under which it leaves. */
  readonly output: string;
  /** Numbers of one series. */
  readonly length: number;
}

/** Which tensors of a recurrent ONNX model are what. */
export interface OnnxSignature {
  /** The features' tensor. */
  readonly x: OnnxValue;
  /** Features in the last axis of `x`; undefined where the model leaves it open. */
  readonly features: number | undefined;
  /** The name of the forecasts. */
  readonly y: string;
  /** The states. */
  readonly states: readonly StatePair[];
  /**
   * The name of the axis that counts series, where every tensor has it: rows then run in one batch.
   * Otherwise the model takes one series at a time.
   */
  readonly batchAxis: string | undefined;
}

/** Elements one state of one series may have: a mutated shape must not take all memory. */
const STATE_LENGTH_MAX = 1 << 24;

/**
 * Works out which tensors of a stateful model are features, forecasts and states. States are paired by
 * Darts' own description, by the names given, by `NAME`/`NAME_out`, `state_in_0`/`state_out_0`,
 * `h0`/`hn`, and where no name tells, by order: all inputs but the first with all outputs but the first.
 *
 * @param model What the file says about itself.
 * @param given Outputs by the name of the state's input, where names do not tell.
 * @returns The signature.
 * @throws {TypeError} when the model is not a recurrent one that goes step by step.
 */
export function onnxSignature(
  model: OnnxModel,
  given: Readonly<Record<string, string>> = {},
): OnnxSignature {
  const pairs = pairStates(model, { ...dartsStates(model), ...given });
  const features = model.inputs.filter(({ name }) => !pairs.has(name));
  const states = new Set(pairs.values());
  const forecasts = model.outputs.filter(({ name }) => !states.has(name));
  if (features.length !== 1) throw unfit(`it takes ${list(features)} beside its states, not one`);
  if (forecasts.length === 0) throw unfit("nothing but states leaves it");
  if (pairs.size === 0) throw unfit("it has no state that leaves and enters again");

  const [x] = features;
  const inputs = model.inputs.filter(({ name }) => pairs.has(name));
  for (const input of model.inputs) {
    if (input.elementType !== ONNX_FLOAT) throw unfit(`"${input.name}" is not of 32-bit floats`);
  }
  const last = x.shape.at(-1);
  if (x.shape.length < 2) throw unfit(`"${x.name}" has no axis for series`);
  const long = x.shape.slice(0, -1).find((size) => typeof size === "number" && size !== 1);
  if (long !== undefined) throw unfit(`"${x.name}" takes ${long} steps at once, not one`);
  const open = (value: OnnxValue): string[] =>
    value.shape.filter((size) => typeof size === "string" && size !== "") as string[];
  const shared = open(x).filter((name) => inputs.every((input) => open(input).includes(name)));
  return {
    x,
    features: typeof last === "number" && last > 0 ? last : undefined,
    y: forecasts[0].name,
    states: inputs.map((input) => {
      const length = input.shape.reduce<number>((n, size) => n * fixed(size), 1);
      if (!(length >= 1 && length <= STATE_LENGTH_MAX)) {
        throw unfit(`the shape [${input.shape}] of "${input.name}" is out of range`);
      }
      return { input, output: pairs.get(input.name)!, length };
    }),
    batchAxis: shared[0],
  };
}

/** The size of a dimension for a single step of a single series. */
export function fixed(size: number | string): number {
  return typeof size === "number" ? size : 1;
}

function pairStates(
  model: OnnxModel,
  given: Readonly<Record<string, string>>,
): Map<string, string> {
  const outputs = new Set(model.outputs.map(({ name }) => name));
  const pairs = new Map<string, string>();
  for (const { name } of model.inputs) {
    const guesses = [
      `${name}_out`,
      name.replace(/_in(?=_|$)/, "_out"),
      name.replace(/0$/, "n"),
      name.replace(/^in_|^input_/, "output_"),
    ];
    const output = given[name] ?? guesses.find((guess) => guess !== name && outputs.has(guess));
    if (output === undefined) continue;
    if (!outputs.has(output)) throw unfit(`it has no output "${output}" for the state "${name}"`);
    pairs.set(name, output);
  }
  const { inputs } = model;
  if (pairs.size === 0 && inputs.length > 1 && inputs.length === model.outputs.length) {
    inputs.slice(1).forEach(({ name }, k) => pairs.set(name, model.outputs[k + 1].name));
  }
  if (new Set(pairs.values()).size !== pairs.size) throw unfit("two states leave as one");
  return pairs;
}

/** What Darts writes beside or into the models it exports. */
function dartsStates(model: OnnxModel): Record<string, string> {
  const text = model.metadata["darts.onnx_spec"];
  if (text === undefined) return {};
  try {
    const { state_input_names: inputs, state_output_names: outputs } = JSON.parse(text);
    return Object.fromEntries(
      (inputs as string[]).map((name, k) => [String(name), String(outputs[k])]),
    );
  } catch (cause) {
    throw new SyntaxError('Cannot read ONNX model: its "darts.onnx_spec" is damaged', { cause });
  }
}

function list(values: readonly OnnxValue[]): string {
  return values.map(({ name }) => `"${name}"`).join(", ") || "nothing";
}

function unfit(reason: string): TypeError {
  return new TypeError(`Cannot run ONNX model tick by tick: ${reason}`);
}
