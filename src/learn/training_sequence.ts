/** A stretch of one series to learn from: what was seen at each step, and what should have been said. */
export interface TrainingSequence {
  /** Features `[length, inputs]`, all finite. */
  readonly inputs: Float32Array;
  /** Targets `[length, horizon]`; anything, also NaN, where the mask is 0. */
  readonly targets: Float32Array;
  /** `[length, horizon]`: 1 where a target counts, 0 where it does not. */
  readonly mask: Float32Array;
}

/**
 * The steps of a sequence.
 *
 * @param sequence The sequence.
 * @param inputSize Features of a step.
 * @param horizon Targets of a step.
 * @returns How many there are.
 * @throws {RangeError} when its arrays do not agree on that.
 */
export function sequenceLength(
  sequence: TrainingSequence,
  inputSize: number,
  horizon: number,
): number {
  const length = sequence.inputs.length / inputSize;
  const wanted = length * horizon;
  if (
    !Number.isInteger(length) || sequence.targets.length !== wanted ||
    sequence.mask.length !== wanted
  ) {
    throw new RangeError(
      `A sequence of ${length} steps needs ${wanted} targets and as many in its mask, has ` +
        `${sequence.targets.length} and ${sequence.mask.length}`,
    );
  }
  return length;
}
