import type { Vector } from "./vector.ts";

/** Scales the gradient down to a norm; a norm that is not finite zeroes it. */
export function clip(gradient: Vector, maxNorm: number, norm: Vector): void {
  let sum = 0;
  for (const value of gradient) sum += value * value;
  norm[0] = Math.sqrt(sum);
  if (!Number.isFinite(norm[0])) {
    gradient.fill(0);
    return;
  }
  const scale = Math.min(1, maxNorm / (Math.sqrt(sum) + 1e-6));
  for (let k = 0; k < gradient.length; k++) gradient[k] *= scale;
}

/** The arrays and constants of an Adam step. */
export interface AdamArrays {
  parameters: Vector;
  gradient: Vector;
  m: Vector;
  v: Vector;
  schedule: Vector;
  beta1: number;
  beta2: number;
  epsilon: number;
  weightDecay: number;
  decoupled: boolean;
}

/** θ ← θ − η m̂ / (√v̂ + ε), with weight decay beside the moments (AdamW) or through them (Adam). */
export function adam(arrays: AdamArrays): void {
  const { parameters, gradient, m, v, schedule, beta1, beta2, epsilon, weightDecay } = arrays;
  const [rate, correction1, correction2] = schedule;
  for (let k = 0; k < parameters.length; k++) {
    let theta = parameters[k];
    let slope = gradient[k];
    if (arrays.decoupled) theta -= rate * weightDecay * theta;
    else slope += weightDecay * theta;
    m[k] = beta1 * m[k] + (1 - beta1) * slope;
    v[k] = beta2 * v[k] + (1 - beta2) * slope * slope;
    parameters[k] = theta - rate * (m[k] / correction1) / (Math.sqrt(v[k] / correction2) + epsilon);
  }
}

/** The arrays and constants of a step of gradient descent. */
export interface SgdArrays {
  parameters: Vector;
  gradient: Vector;
  velocity: Vector;
  schedule: Vector;
  momentum: number;
  weightDecay: number;
}

/** velocity ← μ velocity + g; θ ← θ − η velocity. */
export function sgd(arrays: SgdArrays): void {
  const { parameters, gradient, velocity, schedule, momentum, weightDecay } = arrays;
  for (let k = 0; k < parameters.length; k++) {
    velocity[k] = momentum * velocity[k] + gradient[k] + weightDecay * parameters[k];
    parameters[k] -= schedule[0] * velocity[k];
  }
}
