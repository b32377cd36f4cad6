import type { Head } from "../model/head.ts";
import type { LearningRun } from "../learn/learning_run.ts";
import type { Parameters } from "../model/parameters.ts";

/** A network as plain data: what is needed to go on with it elsewhere. */
export interface NetworkModel {
  /** Its shape and its parameters. */
  readonly parameters: Parameters;
  /** What its outputs mean. */
  readonly head: Head;
  /** Features beside the target that enter it. */
  readonly covariates: number;
}

/** Where a network that keeps learning stands. */
export interface LearningState {
  /** The version of its parameters: 0 untrained, one more with each change. */
  readonly version: number;
  /** Whether it stands still on request. */
  readonly frozen: boolean;
  /** Whether a retraining is under way. */
  readonly training: boolean;
  /** The latest retrainings, the oldest first; a bounded number. */
  readonly runs: readonly LearningRun[];
  /** One line: cell, layers, hidden units, parameters, and the backend it runs on. */
  readonly description: string;
}

/**
 * A network that keeps learning, as its operator sees it. What is asked takes effect between two frames.
 */
export interface Learner {
  /** Where it stands. */
  readonly learning: LearningState;
  /** The version of its parameters, as in {@linkcode LearningState.version}; asked for every forecast. */
  readonly version: number;
  /** Starts a retraining as soon as none is under way. */
  retrain(): void;
  /** Goes back to the parameters before the last change. False where there are none. */
  rollBack(): Promise<boolean>;
  /** Stops or resumes retraining; one under way is dropped. */
  freeze(frozen: boolean): void;
  /** A copy of the network as it is. */
  exportModel(): NetworkModel;
  /**
   * Goes on with a network trained elsewhere; one being trained here is dropped.
   *
   * @throws {SyntaxError} when it is of another shape; then nothing has changed.
   */
  adopt(model: NetworkModel): void;
}
