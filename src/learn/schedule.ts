/**
 * How the learning rate changes over a training run. Plain data, so that it can be saved and sent to a
 * worker.
 */
export interface Schedule {
  /**
   * `constant`; `cosine`: down to `floor` along half a cosine (Loshchilov and Hutter 2017); `step`:
   * multiplied by `factor` after every `every` of the run.
   */
  readonly kind: "constant" | "cosine" | "step";
  /** The rate at its highest. */
  readonly rate: number;
  /** The share of the run over which the rate rises from 0, in [0, 1); 0 where left out. */
  readonly warmUp?: number;
  /** What a cosine ends at, as a share of `rate`; 0 where left out. */
  readonly floor?: number;
  /** The share of the run between two drops of `step`; a third where left out. */
  readonly every?: number;
  /** What a drop of `step` multiplies with; 0.1 where left out. */
  readonly factor?: number;
}

/**
 * The learning rate of one step.
 *
 * @param schedule How it changes.
 * @param step The step, counted from 0.
 * @param steps How many there are in the run.
 * @returns The rate.
 *
 * @example A cosine with a warm-up
 * ```ts
 * import { learningRate } from "@tickcast/tickcast";
 *
 * const schedule = { kind: "cosine", rate: 0.01, warmUp: 0.1 } as const;
 * const at = (step: number): number => learningRate(schedule, step, 100);
 * if (!(at(0) < at(9) && at(10) === 0.01 && at(99) < 1e-5)) throw new Error();
 * ```
 */
export function learningRate(schedule: Schedule, step: number, steps: number): number {
  const { kind, rate, warmUp = 0, floor = 0, every = 1 / 3, factor = 0.1 } = schedule;
  const rising = warmUp * steps;
  if (step < rising) return rate * (step + 1) / (rising + 1);
  const progress = (step - rising) / (steps - rising);
  if (kind === "cosine") {
    return rate * (floor + (1 - floor) * (1 + Math.cos(Math.PI * progress)) / 2);
  }
  // A step that falls on a drop must not miss it by rounding.
  return kind === "step" ? rate * factor ** Math.floor(progress / every + 1e-9) : rate;
}
