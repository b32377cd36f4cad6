import { MIDDLE_LEVELS } from "../forecast/recurrent_design.ts";
import { TICKCAST_METADATA } from "./onnx_checksum.ts";
import type { OnnxModel } from "./onnx_model.ts";

/** What the numbers that an ONNX model says stand for: `[horizon, width]`. */
export interface OnnxMeaning {
  /** Steps ahead. */
  readonly horizon: number;
  /** Numbers for each step. */
  readonly width: number;
  /** Which of them are averaged to the point forecast. */
  readonly middle: readonly number[];
  /** The features, target first, where the file names them. */
  readonly features?: readonly string[];
  /** Features beside the target, where the model sees what Tickcast's own network would see of them. */
  readonly covariates?: number;
}

/**
 * Works out what a model's outputs mean: from our own description, from Darts', or, where there is none,
 * one number for each step ahead.
 *
 * @param model What the file says about itself.
 * @param length Numbers it says for one series.
 * @returns What they stand for.
 * @throws {SyntaxError} when the description is damaged or does not fit.
 */
export function onnxMeaning(model: OnnxModel, length: number): OnnxMeaning {
  const own = model.metadata[TICKCAST_METADATA];
  const darts = model.metadata["darts.onnx_spec"];
  let meaning: OnnxMeaning = { horizon: length, width: 1, middle: [0] };
  try {
    if (own !== undefined) meaning = fromOwn(JSON.parse(own));
    else if (darts !== undefined) meaning = fromDarts(JSON.parse(darts));
  } catch (cause) {
    throw new SyntaxError("Cannot read ONNX model: its description is damaged", { cause });
  }
  if (meaning.horizon * meaning.width !== length) {
    throw new SyntaxError(
      `The ONNX model says ${length} numbers, its description ${meaning.horizon * meaning.width}`,
    );
  }
  return meaning;
}

function fromOwn(
  description: {
    horizon: number;
    loss: string;
    levels?: number[];
    features: string[];
    covariates?: number;
  },
): OnnxMeaning {
  const { horizon, loss, levels, features, covariates } = description;
  const rest = { horizon, features, covariates };
  if (loss === "gaussian") return { ...rest, width: 2, middle: [0] };
  if (loss !== "pinball" || !levels) return { ...rest, width: 1, middle: [0] };
  const middle = levels.flatMap((level, k) =>
    level >= MIDDLE_LEVELS[0] && level <= MIDDLE_LEVELS[1] ? [k] : []
  );
  const isNetwork = covariates !== undefined && middle.length > 0;
  return { ...rest, width: levels.length, middle: isNetwork ? middle : [median(levels)] };
}

/** Darts names the parameters of a likelihood `q0.50` (quantiles) or by letters, the location first. */
function fromDarts(
  spec: { output_chunk_length: number; likelihood_parameter_names?: string[] | null },
): OnnxMeaning {
  const names = spec.likelihood_parameter_names ?? [""];
  const levels = names.map((name) => Number(/q(0?\.\d+)$/.exec(name)?.[1] ?? NaN));
  return {
    horizon: spec.output_chunk_length,
    width: names.length,
    middle: [levels.some(Number.isNaN) ? 0 : median(levels)],
  };
}

/** The level closest to one half. */
function median(levels: readonly number[]): number {
  const distances = levels.map((level) => Math.abs(level - 0.5));
  return distances.indexOf(Math.min(...distances));
}
