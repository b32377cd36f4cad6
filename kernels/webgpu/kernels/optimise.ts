import type { KernelArguments } from "../../backend.ts";
import { type GpuBuffer, gpuBuffer } from "../gpu_buffer.ts";
import { reduction } from "../shaders/reduction.ts";
import { elementwise, type Stage } from "../stage.ts";

/** One step of Adam or AdamW. */
export function adam(args: KernelArguments["adam"]): Stage[] {
  const { beta1, beta2, epsilon, weightDecay, decoupled } = args;
  const code = `
fn element(i: u32) {
  let rate = load_schedule(0u);
  var theta = load_parameters(i);
  var slope = load_gradient(i);
  ${
    decoupled
      ? "theta -= rate * args.weight_decay * theta;"
      : "slope += args.weight_decay * theta;"
  }
  let m = args.beta1 * load_m(i) + args.rest1 * slope;
  let v = args.beta2 * load_v(i) + args.rest2 * slope * slope;
  store_m(i, m);
  store_v(i, v);
  let divisor = sqrt(v / load_schedule(2u)) + args.epsilon;
  store_parameters(i, theta - rate * (m / load_schedule(1u)) / divisor);
}`;
  return [elementwise({
    name: "adam",
    code,
    buffers: {
      parameters: gpuBuffer(args.parameters),
      gradient: gpuBuffer(args.gradient),
      m: gpuBuffer(args.m),
      v: gpuBuffer(args.v),
      schedule: gpuBuffer(args.schedule),
    },
    // 1 − β is taken here in 64 bits: of β₂ = 0.999 few bits would be left in 32.
    factors: {
      beta1,
      beta2,
      rest1: 1 - beta1,
      rest2: 1 - beta2,
      epsilon,
      weight_decay: weightDecay,
    },
    count: args.parameters.length,
  })];
}

/** One step of gradient descent with momentum. */
export function sgd(args: KernelArguments["sgd"]): Stage[] {
  const code = `
fn element(i: u32) {
  let theta = load_parameters(i);
  let velocity = args.momentum * load_velocity(i) + load_gradient(i) + args.weight_decay * theta;
  store_velocity(i, velocity);
  store_parameters(i, theta - load_schedule(0u) * velocity);
}`;
  return [elementwise({
    name: "sgd",
    code,
    buffers: {
      parameters: gpuBuffer(args.parameters),
      gradient: gpuBuffer(args.gradient),
      velocity: gpuBuffer(args.velocity),
      schedule: gpuBuffer(args.schedule),
    },
    factors: { momentum: args.momentum, weight_decay: args.weightDecay },
    count: args.parameters.length,
  })];
}

/**
 * Clips by the global norm. Whether the norm is finite is read from its bits, since WGSL lets a
 * compiler assume that no number is infinite or NaN.
 */
export function clip(args: KernelArguments["clip"], scratch: GpuBuffer): Stage[] {
  const gradient = gpuBuffer(args.gradient);
  const norm = gpuBuffer(args.norm);
  const squares = reduction({
    name: "gradient norm",
    buffers: { gradient },
    length: gradient.length,
    functions: "",
    value: "let g = load_gradient(i); return vec2f(g * g, 0.0);",
    finish: "store_norm(0u, sqrt(sum.x));",
    results: { norm },
  }, scratch);
  const code = `
fn element(i: u32) {
  let norm = load_norm(0u);
  let finite = (bitcast<u32>(norm) & 0x7f800000u) != 0x7f800000u;
  var scaled = 0.0;
  if (finite) { scaled = load_gradient(i) * min(1.0, args.norm_max / (norm + 1e-6)); }
  store_gradient(i, scaled);
}`;
  return [
    ...squares,
    elementwise({
      name: "clip",
      code,
      buffers: { gradient, norm },
      factors: { norm_max: args.maxNorm },
      count: gradient.length,
    }),
  ];
}
