import type { TrainingSequence } from "./training_sequence.ts";

/** Arrays by name, as a snapshot holds them. */
export type NamedArrays = Record<string, Float32Array | Float64Array | Uint32Array>;

/** Puts sequences among a snapshot's arrays, under a name and their number. */
export function putSequences(
  arrays: NamedArrays,
  name: string,
  sequences: readonly TrainingSequence[],
): void {
  sequences.forEach(({ inputs, targets, mask }, index) => {
    arrays[`${name}.${index}.inputs`] = inputs;
    arrays[`${name}.${index}.targets`] = targets;
    arrays[`${name}.${index}.mask`] = mask;
  });
}

/**
 * Takes what {@linkcode putSequences} put.
 *
 * @throws {SyntaxError} when one is missing.
 */
export function takeSequences(
  arrays: NamedArrays,
  name: string,
  count: number,
): TrainingSequence[] {
  return Array.from({ length: count }, (_, index) => {
    const [inputs, targets, mask] = ["inputs", "targets", "mask"].map((part) =>
      arrays[`${name}.${index}.${part}`]
    );
    if (
      !(inputs instanceof Float32Array && targets instanceof Float32Array &&
        mask instanceof Float32Array)
    ) {
      throw new SyntaxError(`Cannot restore network: ${name} ${index} is damaged`);
    }
    return { inputs, targets, mask };
  });
}
