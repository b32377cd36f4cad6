import { openBackend } from "../../kernels/mod.ts";
import { chronologicalSplit, type Split } from "../learn/chronological_split.ts";
import { CONTEXT_STEPS } from "../learn/learning_material.ts";
import { type Epoch, Trainer, type TrainerOptions, type TrainingResult } from "../learn/trainer.ts";
import type { TrainingSequence } from "../learn/training_sequence.ts";
import { initialParameters } from "../model/initialisation.ts";
import { Parameters } from "../model/parameters.ts";
import { Random } from "../model/random.ts";
import type { NetworkModel } from "./learner.ts";
import { recurrentDesign, type RecurrentExpertOptions } from "./recurrent_design.ts";

/** How a network is trained where nothing else is said. */
export const TRAINING_DEFAULTS: TrainerOptions = {
  window: 64,
  burnIn: 16,
  batch: 16,
  epochs: 40,
  schedule: { kind: "cosine", rate: 3e-3 },
  optimiser: { kind: "adamw", weightDecay: 0.01 },
  maxNorm: 1,
  patience: 10,
};

/** What is trained, and how. */
export interface TrainNetworkOptions extends
  Pick<
    RecurrentExpertOptions,
    "horizon" | "covariates" | "cell" | "hiddenSize" | "layers" | "loss" | "seed" | "model"
  > {
  /** How, where that differs from {@linkcode TRAINING_DEFAULTS}. */
  readonly trainer?: Partial<TrainerOptions>;
  /** The share that decides when to stop; 0.15 where left out. */
  readonly validation?: number;
  /** The share that is not looked at before the end; 0.15 where left out. */
  readonly test?: number;
  /** Told of each round when it is over; training waits for what it returns. */
  readonly onEpoch?: (epoch: Epoch) => void | Promise<void>;
  /** Ends training between two steps; the best round so far is given back. */
  readonly signal?: AbortSignal;
}

/** What came of it. */
export interface TrainedNetwork extends Omit<TrainingResult, "parameters"> {
  /** The network of the best round. */
  readonly model: NetworkModel;
  /** Its loss on the test share; NaN where there is none. */
  readonly testLoss: number;
  /** The loss there of the network training began with. */
  readonly testLossBefore: number;
}

/**
 * Trains a network offline on what a {@linkcode NetworkRecorder} wrote down of one or many series: each is
 * cut by time into training, validation and test; training stops when validation no longer gets better,
 * and the best round is given back.
 *
 * @param sequences The series.
 * @param options What is trained, and how.
 * @returns The network, the learning curves and the losses.
 * @throws {RangeError} when nothing is left to learn from, or a number is out of range.
 *
 * @example A network that learns a rhythm
 * ```ts
 * import { NetworkRecorder, OnlineForecaster, trainNetwork } from "@tickcast/tickcast";
 *
 * const recorder = new NetworkRecorder({ horizon: 1 });
 * const forecaster = new OnlineForecaster({
 *   experts: ["last_value"], guests: [recorder], season: 0,
 * });
 * for (let step = 0; step < 400; step++) {
 *   const values = Float64Array.of(Math.sin(step / 2));
 *   forecaster.step([{ series: "wave", time: 1000 * step, step, values }]);
 * }
 * const { testLoss, testLossBefore } = await trainNetwork([recorder.sequence("wave")], {
 *   horizon: 1, hiddenSize: 8, trainer: { epochs: 8 },
 * });
 * if (!(testLoss < testLossBefore)) throw new Error();
 * ```
 */
export async function trainNetwork(
  sequences: readonly TrainingSequence[],
  options: TrainNetworkOptions,
): Promise<TrainedNetwork> {
  const { horizon, covariates = 0, seed = 1, validation, test, onEpoch, signal } = options;
  const { architecture, head } = recurrentDesign(options);
  const random = new Random(seed);
  const start = options.model?.parameters.values ??
    initialParameters(architecture, random, { recurrent: "orthogonal", forgetBias: 1 }).values;
  const splits = sequences.map((sequence) =>
    chronologicalSplit(sequence, architecture.inputSize, horizon, {
      validation,
      test,
      context: CONTEXT_STEPS,
    })
  );
  const parts = (name: keyof Split): TrainingSequence[] =>
    splits.map((split) => split[name]).filter(({ mask }) => mask.includes(1));
  if (parts("training").length === 0) throw new RangeError("There is nothing to learn from");

  const backend = await openBackend("wasm");
  try {
    const trainer = new Trainer(backend, architecture, head, {
      ...TRAINING_DEFAULTS,
      ...options.trainer,
    });
    try {
      const { parameters, ...result } = await trainer.fit(start, parts("training"), {
        random,
        validation: parts("validation"),
        onEpoch,
        signal,
      });
      const loss = (values: Float32Array): Promise<number> =>
        parts("test").length > 0 ? trainer.evaluate(values, parts("test")) : Promise.resolve(NaN);
      return {
        ...result,
        model: { parameters: new Parameters(architecture, parameters), head, covariates },
        testLoss: await loss(parameters),
        testLossBefore: await loss(start),
      };
    } finally {
      trainer.dispose();
    }
  } finally {
    backend.dispose();
  }
}
