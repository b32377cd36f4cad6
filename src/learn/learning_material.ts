import { Random } from "../model/random.ts";
import type { TrainingSequence } from "./training_sequence.ts";

/** Steps of the past that warm up the states of what is judged. */
export const CONTEXT_STEPS = 128;
/** Shares of the steps kept that decide on the best round, and on what is used from then on. */
const VALIDATION_SHARE = 0.1;
const TRIAL_SHARE = 0.1;
/** Steps that a retraining takes along at most, over all series: about 10 MB. */
const STEPS_MAX = 65_536;
/** Steps of a series that are worth taking along. */
const SEQUENCE_STEPS_MIN = 128;

/** What was kept of one series to learn from. */
export interface TrainingSource {
  /** Steps kept. */
  readonly length: number;
  /** A copy of some of them, `from` counted from the oldest. */
  sequence(from: number, to: number): TrainingSequence;
}

/** What one retraining learns from, in the order of time within each series. */
export interface LearningMaterial {
  /** What is learnt from. */
  readonly training: TrainingSequence[];
  /** Later ticks that decide which round is best. */
  readonly validation: TrainingSequence[];
  /** Later ticks still, that decide which parameters are used from then on. */
  readonly trial: TrainingSequence[];
}

/**
 * Takes from each series the past to learn from, then a tenth to choose by, then a tenth to judge by.
 * Targets never lie beyond their own part. Where there are more series than a retraining can take, they
 * are drawn.
 *
 * @param sources The series.
 * @param horizon Steps ahead.
 * @param seed Where the chance of drawing comes from.
 * @returns The material; undefined where there is too little.
 */
export function gatherMaterial(
  sources: readonly TrainingSource[],
  horizon: number,
  seed: number,
): LearningMaterial | undefined {
  const kept = sources.filter(({ length }) => length >= SEQUENCE_STEPS_MIN);
  if (kept.length === 0) return undefined;
  const order = new Uint32Array(kept.length).map((_, index) => index);
  if (kept.length * SEQUENCE_STEPS_MIN > STEPS_MAX) new Random(seed).shuffle(order);
  const share = Math.max(SEQUENCE_STEPS_MIN, Math.floor(STEPS_MAX / kept.length));
  const material: LearningMaterial = { training: [], validation: [], trial: [] };
  let steps = 0;
  for (const index of order) {
    const source = kept[index];
    const first = source.length - Math.min(source.length, share);
    const count = source.length - first;
    if ((steps += count) > STEPS_MAX) break;
    const trial = first + Math.floor(count * (1 - TRIAL_SHARE));
    const validation = first + Math.floor(count * (1 - TRIAL_SHARE - VALIDATION_SHARE));
    material.training.push(labelled(source, horizon, first, 0, validation));
    material.validation.push(labelled(source, horizon, validation, CONTEXT_STEPS, trial));
    material.trial.push(labelled(source, horizon, trial, CONTEXT_STEPS, source.length));
  }
  return material;
}

/**
 * Steps `from` … `to` of a series, with the steps before as context whose targets do not count, and
 * without the targets that lie at `to` or later.
 */
function labelled(
  source: TrainingSource,
  horizon: number,
  from: number,
  context: number,
  to: number,
): TrainingSequence {
  const first = Math.max(0, from - context);
  const sequence = source.sequence(first, to);
  const { mask } = sequence;
  mask.fill(0, 0, (from - first) * horizon);
  for (let step = from; step < to; step++) {
    for (let h = Math.max(0, to - 1 - step); h < horizon; h++) {
      mask[(step - first) * horizon + h] = 0;
    }
  }
  return sequence;
}
