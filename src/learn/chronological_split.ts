import { sequenceLength, type TrainingSequence } from "./training_sequence.ts";

/** Shares of a sequence, the rest is for training. */
export interface SplitOptions {
  /** The share for validation, between training and test; 0.15 where left out. */
  readonly validation?: number;
  /** The share for the test, at the end; 0.15 where left out. */
  readonly test?: number;
  /** Steps before a part that are seen but do not count, so that the state is warm; none where left out. */
  readonly context?: number;
}

/** The parts of a sequence, in time order. */
export interface Split {
  /** What is learnt from. */
  readonly training: TrainingSequence;
  /** What decides when to stop. */
  readonly validation: TrainingSequence;
  /** What is reported. */
  readonly test: TrainingSequence;
}

/**
 * Cuts a sequence by time: learnt from, validated on, tested on. A label that lies beyond a cut is
 * masked in the part before it, so that no part learns from the next one's values.
 *
 * @param sequence The sequence.
 * @param inputSize Features of a step.
 * @param horizon Targets of a step, of which target k is the value k + 1 steps later.
 * @param options The shares.
 * @returns The parts.
 * @throws {RangeError} when the shares leave nothing to learn from, or the sequence is malformed.
 *
 * @example A tenth for validation, a tenth for the test
 * ```ts
 * import { chronologicalSplit } from "@tickcast/tickcast";
 *
 * const inputs = new Float32Array(100);
 * const sequence = { inputs, targets: inputs, mask: new Float32Array(100).fill(1) };
 * const split = chronologicalSplit(sequence, 1, 1, { validation: 0.1, test: 0.1, context: 5 });
 * if (split.training.inputs.length !== 80 || split.test.inputs.length !== 15) throw new Error();
 * ```
 */
export function chronologicalSplit(
  sequence: TrainingSequence,
  inputSize: number,
  horizon: number,
  options: SplitOptions = {},
): Split {
  const { validation = 0.15, test = 0.15, context = 0 } = options;
  const length = sequenceLength(sequence, inputSize, horizon);
  const testFrom = length - Math.round(test * length);
  const validationFrom = testFrom - Math.round(validation * length);
  if (!(validation >= 0 && test >= 0 && validationFrom > 0)) {
    throw new RangeError(`Shares of ${validation} and ${test} leave nothing to learn from`);
  }
  const part = (from: number, to: number): TrainingSequence => {
    const start = Math.max(0, from - context);
    const mask = sequence.mask.slice(start * horizon, to * horizon).fill(
      0,
      0,
      (from - start) * horizon,
    );
    for (let step = Math.max(from, to - horizon); step < to && to < length; step++) {
      const first = to - step - 1;
      mask.fill(0, (step - start) * horizon + first, (step - start + 1) * horizon);
    }
    return {
      inputs: sequence.inputs.slice(start * inputSize, to * inputSize),
      targets: sequence.targets.slice(start * horizon, to * horizon),
      mask,
    };
  };
  return {
    training: part(0, validationFrom),
    validation: part(validationFrom, testFrom),
    test: part(testFrom, length),
  };
}
