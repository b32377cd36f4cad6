import type { LossKind } from "../../kernels/mod.ts";

/**
 * What a network's outputs mean, and the loss that teaches them: every horizon at once, each with
 * `width` numbers.
 */
export interface Head {
  /** The loss: `pinball` for quantiles, `mse` and `huber` for a mean, `gaussian` for mean and spread. */
  readonly loss: LossKind;
  /** Steps ahead. */
  readonly horizon: number;
  /** Quantile levels in (0, 1), ascending; for `pinball` only. */
  readonly levels?: readonly number[];
  /** δ of the Huber loss; 1 where left out. */
  readonly delta?: number;
}

/**
 * Numbers a head gives for each step ahead.
 *
 * @param head The head.
 * @returns The levels of a quantile head, 2 for a Gaussian, else 1.
 * @throws {RangeError} when a quantile head has no levels.
 *
 * @example
 * ```ts
 * import { headWidth } from "@tickcast/tickcast";
 *
 * if (headWidth({ loss: "pinball", horizon: 6, levels: [0.1, 0.5, 0.9] }) !== 3) throw new Error();
 * ```
 */
export function headWidth(head: Head): number {
  if (head.loss === "gaussian") return 2;
  if (head.loss !== "pinball") return 1;
  if (!head.levels?.length) throw new RangeError("A quantile head needs levels");
  return head.levels.length;
}

/**
 * The outputs of a head for each row.
 *
 * @param head The head.
 * @returns horizon × width.
 *
 * @example
 * ```ts
 * import { headOutputs } from "@tickcast/tickcast";
 *
 * if (headOutputs({ loss: "gaussian", horizon: 6 }) !== 12) throw new Error();
 * ```
 */
export function headOutputs(head: Head): number {
  return head.horizon * headWidth(head);
}

/**
 * Brings quantiles that cross into order by sorting them, in place, which never makes them worse
 * (Chernozhukov, Fernández-Val and Galichon 2010).
 *
 * @param quantiles `[rows, levels]`.
 * @param levels How many quantiles a row has.
 *
 * @example Two that cross
 * ```ts
 * import { sortQuantiles } from "@tickcast/tickcast";
 *
 * const quantiles = Float64Array.of(1, 3, 2, 7, 8, 9);
 * sortQuantiles(quantiles, 3);
 * if (quantiles.join() !== "1,2,3,7,8,9") throw new Error();
 * ```
 */
export function sortQuantiles(quantiles: Float32Array | Float64Array, levels: number): void {
  for (let row = 0; row < quantiles.length; row += levels) {
    for (let k = row + 1; k < row + levels; k++) {
      const value = quantiles[k];
      let at = k;
      for (; at > row && quantiles[at - 1] > value; at--) quantiles[at] = quantiles[at - 1];
      quantiles[at] = value;
    }
  }
}
