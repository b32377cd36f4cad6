/** One retraining, from its start to its verdict. */
export interface LearningRun {
  /** Frames stepped, over all series, when it started. */
  readonly startedAt: number;
  /** Frames stepped when its verdict took effect. */
  readonly endedAt: number;
  /** What started it. */
  readonly why: "interval" | "drift" | "asked";
  /** What came of it: new parameters, none, or those before the present ones again. */
  readonly verdict: "promoted" | "rejected" | "rolled-back";
  /** The version of the parameters after it. */
  readonly version: number;
  /** Losses on the ticks held back from training, NaN where unknown: of the parameters in use, */
  readonly championLoss: number;
  /** of those trained, */
  readonly candidateLoss: number;
  /** and of those in use before. */
  readonly predecessorLoss: number;
  /** Training and validation loss, round by round. */
  readonly curve: readonly { readonly training: number; readonly validation: number }[];
}
