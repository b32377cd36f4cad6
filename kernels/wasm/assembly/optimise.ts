// Gradient clipping and the optimisers.

import { fill } from "./elementwise";
import { loadRow, madd, storeRow } from "./simd";

/** Scales a gradient down to a norm; a norm that is not finite zeroes it. */
export function clip(gradient: usize, length: i32, maxNorm: f64, norm: usize): void {
  let low = f64x2.splat(0);
  let high = f64x2.splat(0);
  let at = gradient;
  for (let left = length; left > 0; left -= 4, at += 16) {
    const values = loadRow(at, left);
    const first = f64x2.promote_low_f32x4(values);
    const last = f64x2.promote_low_f32x4(i64x2.shuffle(values, values, 1, 1));
    low = f64x2.add(low, f64x2.mul(first, first));
    high = f64x2.add(high, f64x2.mul(last, last));
  }
  const sums = f64x2.add(low, high);
  const total = sqrt<f64>(f64x2.extract_lane(sums, 0) + f64x2.extract_lane(sums, 1));
  store<f32>(norm, <f32>total);
  if (!isFinite<f32>(<f32>total)) {
    fill(gradient, length, 0);
    return;
  }
  const scale = maxNorm / (total + 1e-6);
  if (scale >= 1) return;
  const factor = f32x4.splat(<f32>scale);
  for (at = gradient; length > 0; length -= 4, at += 16) {
    storeRow(at, f32x4.mul(loadRow(at, length), factor), length);
  }
}

/** θ ← θ − η m̂ / (√v̂ + ε); `schedule` holds η, 1 − β₁ᵗ and 1 − β₂ᵗ. */
export function adam(
  length: i32,
  parameters: usize,
  gradient: usize,
  m: usize,
  v: usize,
  schedule: usize,
  beta1: f64,
  beta2: f64,
  epsilon: f32,
  weightDecay: f64,
  decoupled: bool,
): void {
  const rate = <f64>load<f32>(schedule);
  const b1 = f32x4.splat(<f32>beta1);
  const b2 = f32x4.splat(<f32>beta2);
  const rest1 = f32x4.splat(<f32>(1 - beta1));
  const rest2 = f32x4.splat(<f32>(1 - beta2));
  const pace = f32x4.splat(<f32>(-rate / <f64>load<f32>(schedule, 4)));
  const correction = f32x4.splat(<f32>(1 / <f64>load<f32>(schedule, 8)));
  const keep = f32x4.splat(decoupled ? <f32>(1 - rate * weightDecay) : 1);
  const pull = f32x4.splat(decoupled ? 0 : <f32>weightDecay);
  const floor = f32x4.splat(epsilon);
  for (; length > 0; length -= 4) {
    const theta = loadRow(parameters, length);
    const slope = madd(theta, pull, loadRow(gradient, length));
    const mean = madd(b1, loadRow(m, length), f32x4.mul(rest1, slope));
    const square = madd(b2, loadRow(v, length), f32x4.mul(rest2, f32x4.mul(slope, slope)));
    const size = f32x4.add(f32x4.sqrt(f32x4.mul(square, correction)), floor);
    storeRow(m, mean, length);
    storeRow(v, square, length);
    storeRow(
      parameters,
      madd(theta, keep, f32x4.div(f32x4.mul(pace, mean), size)),
      length,
    );
    parameters += 16;
    gradient += 16;
    m += 16;
    v += 16;
  }
}

/** velocity ← μ velocity + g + λ θ; θ ← θ − η velocity. */
export function sgd(
  length: i32,
  parameters: usize,
  gradient: usize,
  velocity: usize,
  schedule: usize,
  momentum: f32,
  weightDecay: f32,
): void {
  const mu = f32x4.splat(momentum);
  const decay = f32x4.splat(weightDecay);
  const pace = f32x4.splat(-load<f32>(schedule));
  for (; length > 0; length -= 4) {
    const theta = loadRow(parameters, length);
    const slope = madd(decay, theta, loadRow(gradient, length));
    const next = madd(mu, loadRow(velocity, length), slope);
    storeRow(velocity, next, length);
    storeRow(parameters, madd(pace, next, theta), length);
    parameters += 16;
    gradient += 16;
    velocity += 16;
  }
}
