// The losses and their gradients, target by target; sums in 64 bits.

const FLOAT: usize = 4;

const PINBALL: i32 = 0;
const MSE: i32 = 1;
const HUBER: i32 = 2;

/** `width` predictions a target; `levels` are those of the pinball loss. */
export function loss(
  kind: i32, targetCount: i32, width: i32, levels: usize, delta: f64,
  predictions: usize, targets: usize, mask: usize, result: usize, gradient: usize,
): void {
  let counted = 0;
  for (let k: usize = 0, end = <usize>targetCount * FLOAT; k < end; k += FLOAT) {
    if (load<f32>(mask + k) != 0) counted++;
  }
  const terms = <f64>counted * <f64>(kind == PINBALL ? width : 1);
  const scale = counted == 0 ? 0 : 1 / terms;
  const row = <usize>width * FLOAT;
  let sum: f64 = 0;
  for (let k = 0; k < targetCount; k++) {
    const at = <usize>k * FLOAT;
    const from = predictions + <usize>k * row;
    const to = gradient + <usize>k * row;
    if (load<f32>(mask + at) == 0) {
      memory.fill(to, 0, row);
      continue;
    }
    const target = <f64>load<f32>(targets + at);
    if (kind == PINBALL) {
      for (let q: usize = 0; q < row; q += FLOAT) {
        const e = target - <f64>load<f32>(from + q);
        const level = <f64>load<f32>(levels + q);
        // Without a branch on the sign of e, which nobody foresees.
        let slope = level - <f64>i32(e < 0);
        // At e = 0, where there is no slope, 0: it is the minimum. A NaN stays one.
        if (!(Math.abs(e) > 0)) slope = e;
        sum += slope * e;
        store<f32>(to + q, <f32>(-slope * scale));
      }
    } else if (kind == MSE) {
      const e = target - <f64>load<f32>(from);
      sum += e * e;
      store<f32>(to, <f32>(-2 * e * scale));
    } else if (kind == HUBER) {
      const e = target - <f64>load<f32>(from);
      const size = Math.abs(e);
      const outside = size > delta;
      sum += outside ? delta * (size - delta / 2) : e * e / 2;
      store<f32>(to, <f32>(-(outside ? (e > 0 ? delta : -delta) : e) * scale));
    } else {
      const e = target - <f64>load<f32>(from);
      const logVariance = <f64>load<f32>(from, FLOAT);
      const precision = Math.exp(-logVariance);
      sum += (logVariance + e * e * precision) / 2;
      store<f32>(to, <f32>(-e * precision * scale));
      store<f32>(to, <f32>((1 - e * e * precision) / 2 * scale), FLOAT);
    }
  }
  store<f32>(result, <f32>(sum * scale));
}
