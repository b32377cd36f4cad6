import type { KernelArguments, LossKind } from "../../backend.ts";
import { type GpuBuffer, gpuBuffer } from "../gpu_buffer.ts";
import { reduction, REDUCTION_SCRATCH_LENGTH } from "../shaders/reduction.ts";
import { elementwise, type Stage } from "../stage.ts";

/** Value and slope by e of the losses that have one prediction a column. */
const SLOPES: Readonly<Record<Exclude<LossKind, "gaussian">, string>> = {
  pinball: `
  let level = levels[at % width];
  if (e > 0.0) { return vec2f(level * e, level); }
  if (e < 0.0) { return vec2f((level - 1.0) * e, level - 1.0); }
  return vec2f(e, e);`,
  huber: `
  if (abs(e) > args.delta) {
    return vec2f(args.delta * (abs(e) - args.delta / 2.0), args.delta * sign(e));
  }
  return vec2f(e * e / 2.0, e);`,
  mse: "return vec2f(e * e, 2.0 * e);",
};

/** Scratch elements of {@linkcode loss}: the parts of its sum, and the scale of its gradient. */
export const LOSS_SCRATCH_LENGTH: number = REDUCTION_SCRATCH_LENGTH + 1;

/** A loss and its gradient: the sum and what counts, then the gradient scaled by it. */
export function loss(args: KernelArguments["loss"], scratch: GpuBuffer): Stage[] {
  const { kind, rows, horizon, levels = [], delta = 1 } = args;
  const width = kind === "pinball" ? levels.length : kind === "gaussian" ? 2 : 1;
  const buffers = {
    predictions: gpuBuffer(args.predictions),
    targets: gpuBuffer(args.targets),
    mask: gpuBuffer(args.mask),
  };
  const partial = scratch.slice(0, REDUCTION_SCRATCH_LENGTH);
  const scale = scratch.slice(REDUCTION_SCRATCH_LENGTH, 1);
  const factors = kind === "huber" ? { delta } : undefined;
  // Both functions give one prediction's value and slope; `at` is its place, `at / width` its target's.
  const functions = `
const width = ${width}u;
fn value_slope(at: u32) -> vec2f {
  ${
    kind === "pinball"
      ? `var levels = array<f32, ${width}>(${levels.map((level) => `f32(${level})`).join(", ")});`
      : ""
  }
  ${
    kind === "gaussian"
      ? `let e = load_targets(at / 2u) - load_predictions(at - at % 2u);
  let log_variance = load_predictions(at - at % 2u + 1u);
  let inverse = exp(-log_variance);
  if (at % 2u == 0u) { return vec2f((log_variance + e * e * inverse) / 2.0, e * inverse); }
  return vec2f(0.0, (e * e * inverse - 1.0) / 2.0);`
      : `let e = load_targets(at / width) - load_predictions(at);${SLOPES[kind]}`
  }
}`;
  // The gaussian loss counts a target once, though it has two predictions.
  const counted = kind === "gaussian" ? "0.5" : "1.0";
  return [
    ...reduction({
      name: `${kind} loss`,
      buffers,
      length: rows * horizon * width,
      factors,
      functions,
      value: `
  if (load_mask(i / width) == 0.0) { return vec2f(); }
  return vec2f(value_slope(i).x, ${counted});`,
      finish: `
    let scale = select(0.0, 1.0 / sum.y, sum.y > 0.0);
    store_scale(0u, scale);
    store_loss(0u, sum.x * scale);`,
      results: { loss: gpuBuffer(args.loss), scale },
    }, partial),
    elementwise({
      name: `${kind} gradient`,
      code: `${functions}
fn element(i: u32) {
  var slope = 0.0;
  if (load_mask(i / width) != 0.0) { slope = -value_slope(i).y * load_scale(0u); }
  store_gradient(i, slope);
}`,
      buffers: { ...buffers, scale, gradient: gpuBuffer(args.gradient) },
      factors,
      count: rows * horizon * width,
    }),
  ];
}
