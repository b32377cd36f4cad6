import { TICKCAST_METADATA } from "./onnx_checksum.ts";
import type { OnnxModel } from "./onnx_model.ts";

/** What the numbers that an ONNX model says stand for: `[horizon, width]`. */
export interface OnnxMeaning {
  /** Steps ahead. */
  readonly horizon: number;
  /** Numbers for each step. */
  readonly width: number;
  /** Which of them is the point forecast. */
  readonly point: number;
  /** The features, target first, where the file names them. */
  readonly features?: readonly string[];
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
  let meaning: OnnxMeaning = { horizon: length, width: 1, point: 0 };
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
  description: { horizon: number; loss: string; levels?: number[]; features: string[] },
): OnnxMeaning {
  const { horizon, loss, levels, features } = description;
  if (loss === "gaussian") return { horizon, width: 2, point: 0, features };
  if (loss !== "pinball" || !levels) return { horizon, width: 1, point: 0, features };
  return { horizon, width: levels.length, point: median(levels), features };
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
    point: levels.some(Number.isNaN) ? 0 : median(levels),
  };
}

/** The level closest to one half. */
function median(levels: readonly number[]): number {
  const distances = levels.map((level) => Math.abs(level - 0.5));
  return distances.indexOf(Math.min(...distances));
}
