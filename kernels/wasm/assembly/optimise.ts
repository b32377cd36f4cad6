// Clipping and the optimisers, four parameters at a time.
import { FLOAT, loadLanes, madd, storeLanes } from "./vector";

/** Scales the gradient down to a norm; a norm that is not finite zeroes it. */
export function clip(count: i32, gradient: usize, maxNorm: f64, result: usize): void {
  let low = f64x2.splat(0);
  let high = f64x2.splat(0);
  for (let k = 0; k < count; k += 4) {
    const g = loadLanes(gradient + <usize>k * FLOAT, count - k);
    const a = f64x2.promote_low_f32x4(g);
    const b = f64x2.promote_low_f32x4(v128.shuffle<f32>(g, g, 2, 3, 2, 3));
    low = f64x2.add(low, f64x2.mul(a, a));
    high = f64x2.add(high, f64x2.mul(b, b));
  }
  const sums = f64x2.add(low, high);
  const norm = Math.sqrt(f64x2.extract_lane(sums, 0) + f64x2.extract_lane(sums, 1));
  store<f32>(result, <f32>norm);
  if (!isFinite(<f32>norm)) {
    memory.fill(gradient, 0, <usize>count * FLOAT);
    return;
  }
  const scale = Math.min(1, maxNorm / (norm + 1e-6));
  if (scale == 1) return;
  const factor = f32x4.splat(<f32>scale);
  for (let k = 0; k < count; k += 4) {
    const at = gradient + <usize>k * FLOAT;
    storeLanes(at, f32x4.mul(loadLanes(at, count - k), factor), count - k);
  }
}

/** θ ← θ − η m̂ / (√v̂ + ε), weight decay beside the moments where `decoupled`. */
export function adam(
  count: i32, parameters: usize, gradient: usize, m: usize, v: usize, schedule: usize,
  beta1: f64, beta2: f64, epsilon: f64, weightDecay: f64, decoupled: i32,
): void {
  const rate = <f64>load<f32>(schedule);
  const b1 = f32x4.splat(<f32>beta1);
  const a1 = f32x4.splat(<f32>(1 - beta1));
  const b2 = f32x4.splat(<f32>beta2);
  const a2 = f32x4.splat(<f32>(1 - beta2));
  const step = f32x4.splat(<f32>(rate / <f64>load<f32>(schedule, 4)));
  const correction2 = f32x4.splat(<f32>(1 / <f64>load<f32>(schedule, 8)));
  const floor = f32x4.splat(<f32>epsilon);
  const keep = f32x4.splat(decoupled ? <f32>(1 - rate * weightDecay) : 1);
  const decay = f32x4.splat(decoupled ? 0 : <f32>weightDecay);
  for (let k = 0; k < count; k += 4) {
    const at = <usize>k * FLOAT;
    const lanes = count - k;
    const theta = loadLanes(parameters + at, lanes);
    const slope = madd(decay, theta, loadLanes(gradient + at, lanes));
    const first = madd(b1, loadLanes(m + at, lanes), f32x4.mul(a1, slope));
    const second = madd(b2, loadLanes(v + at, lanes), f32x4.mul(a2, f32x4.mul(slope, slope)));
    storeLanes(m + at, first, lanes);
    storeLanes(v + at, second, lanes);
    const spread = f32x4.add(f32x4.sqrt(f32x4.mul(second, correction2)), floor);
    const change = f32x4.div(f32x4.mul(step, first), spread);
    storeLanes(parameters + at, f32x4.sub(f32x4.mul(theta, keep), change), lanes);
  }
}

/** velocity ← μ velocity + g; θ ← θ − η velocity. */
export function sgd(
  count: i32, parameters: usize, gradient: usize, velocity: usize, schedule: usize,
  momentum: f64, weightDecay: f64,
): void {
  const rate = f32x4.splat(-load<f32>(schedule));
  const carry = f32x4.splat(<f32>momentum);
  const decay = f32x4.splat(<f32>weightDecay);
  for (let k = 0; k < count; k += 4) {
    const at = <usize>k * FLOAT;
    const lanes = count - k;
    const theta = loadLanes(parameters + at, lanes);
    const slope = madd(decay, theta, loadLanes(gradient + at, lanes));
    const speed = madd(carry, loadLanes(velocity + at, lanes), slope);
    storeLanes(velocity + at, speed, lanes);
    storeLanes(parameters + at, madd(rate, speed, theta), lanes);
  }
}
