import type { Backend } from "../../kernels/mod.ts";
import type { Architecture } from "../model/architecture.ts";
import type { Head } from "../model/head.ts";
import { Random } from "../model/random.ts";
import { Trainer, type TrainerOptions } from "./trainer.ts";
import type { TrainingSequence } from "./training_sequence.ts";

/** One retraining as plain data, so that a worker can do it and a checkpoint can hold it. */
export interface LearningTask {
  /** The network. */
  readonly architecture: Architecture;
  /** What its outputs mean, and the loss. */
  readonly head: Head;
  /** How it is trained. */
  readonly trainer: TrainerOptions;
  /** Seed of the run's chance. */
  readonly seed: number;
  /** The parameters in use, where training begins. */
  readonly champion: Float32Array;
  /** The parameters in use before them, where there were any. */
  readonly predecessor?: Float32Array;
  /** What is learnt from. */
  readonly training: readonly TrainingSequence[];
  /** Later ticks that decide which round is best. */
  readonly validation: readonly TrainingSequence[];
  /** Later ticks still, that decide which parameters are used from then on. */
  readonly trial: readonly TrainingSequence[];
}

/** What came of a {@linkcode LearningTask}. */
export interface LearningOutcome {
  /** The parameters of the best round. */
  readonly candidate: Float32Array;
  /** The losses on the trial, NaN where it has nothing that counts: of the champion, */
  readonly championLoss: number;
  /** of the candidate, */
  readonly candidateLoss: number;
  /** and of the predecessor. */
  readonly predecessorLoss: number;
  /** The learning curve. */
  readonly curve: readonly { readonly training: number; readonly validation: number }[];
}

/**
 * Trains from the champion and tries the outcome, the champion and its predecessor on the latest ticks,
 * which none of them was trained on. The same task on the same backend gives the same outcome.
 *
 * @param backend Where it runs.
 * @param task What is to be done.
 * @returns The candidate and the losses.
 * @throws {RangeError} when the task is malformed.
 */
export async function runLearningTask(
  backend: Backend,
  task: LearningTask,
): Promise<LearningOutcome> {
  const trainer = new Trainer(backend, task.architecture, task.head, task.trainer);
  try {
    const { parameters, epochs } = await trainer.fit(task.champion, task.training, {
      validation: task.validation,
      random: new Random(task.seed),
    });
    const lossOf = (values: Float32Array | undefined): Promise<number> =>
      values && task.trial.length > 0 ? trainer.evaluate(values, task.trial) : Promise.resolve(NaN);
    return {
      candidate: parameters,
      championLoss: await lossOf(task.champion),
      candidateLoss: await lossOf(parameters),
      predecessorLoss: await lossOf(task.predecessor),
      curve: epochs.map(({ trainingLoss, validationLoss }) => {
        return { training: trainingLoss, validation: validationLoss };
      }),
    };
  } finally {
    trainer.dispose();
  }
}
