import type { LossKind } from "../backend.ts";
import type { Vector } from "./vector.ts";

/** The arrays of a loss: `predictions [N, horizon, width]`, `targets` and `mask [N, horizon]`. */
export interface LossArrays {
  kind: LossKind;
  rows: number;
  horizon: number;
  levels?: readonly number[];
  delta?: number;
  predictions: Vector;
  targets: Vector;
  mask: Vector;
  loss: Vector;
  gradient: Vector;
}

/** Predictions a target has: its levels, or its mean and log-variance, or one. */
export function lossWidth(kind: LossKind, levels?: readonly number[]): number {
  if (kind === "pinball") return levels?.length ?? 0;
  return kind === "gaussian" ? 2 : 1;
}

/** The mean loss over what counts, and its gradient; both 0 where nothing counts. */
export function loss(arrays: LossArrays): void {
  const { kind, rows, horizon, levels, predictions, targets, mask, gradient } = arrays;
  const width = lossWidth(kind, levels);
  const targetCount = rows * horizon;
  let counted = 0;
  for (let k = 0; k < targetCount; k++) if (mask[k] !== 0) counted++;
  const scale = counted === 0 ? 0 : 1 / (counted * (kind === "pinball" ? width : 1));
  let sum = 0;
  for (let k = 0; k < targetCount; k++) {
    const at = k * width;
    if (mask[k] === 0) gradient.fill(0, at, at + width);
    else if (kind === "gaussian") {
      const e = targets[k] - predictions[at];
      const logVariance = predictions[at + 1];
      const precision = Math.exp(-logVariance);
      sum += (logVariance + e * e * precision) / 2;
      gradient[at] = -e * precision * scale;
      gradient[at + 1] = (1 - e * e * precision) / 2 * scale;
    } else {
      for (let w = 0; w < width; w++) {
        const e = targets[k] - predictions[at + w];
        const [value, slope] = kind === "pinball"
          ? pinball(e, levels![w])
          : kind === "huber"
          ? huber(e, arrays.delta ?? 1)
          : [e * e, 2 * e];
        sum += value;
        gradient[at + w] = -slope * scale;
      }
    }
  }
  arrays.loss[0] = sum * scale;
}

/** The quantile loss and its slope by e; at e = 0, where it has none, 0: it is at its minimum. */
function pinball(e: number, level: number): [number, number] {
  if (e > 0) return [level * e, level];
  return e < 0 ? [(level - 1) * e, level - 1] : [e, e];
}

function huber(e: number, delta: number): [number, number] {
  if (Math.abs(e) > delta) return [delta * (Math.abs(e) - delta / 2), delta * Math.sign(e)];
  return [e * e / 2, e];
}
