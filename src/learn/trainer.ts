import type { Backend } from "../../kernels/mod.ts";
import type { Architecture } from "../model/architecture.ts";
import type { Head } from "../model/head.ts";
import type { Random } from "../model/random.ts";
import type { OptimiserOptions } from "./optimiser.ts";
import { learningRate, type Schedule } from "./schedule.ts";
import { TrainingProgram } from "./training_program.ts";
import type { TrainingSequence } from "./training_sequence.ts";
import { WindowBatches } from "./window_batches.ts";

/** How a network is trained. Plain data, so that it can be saved and sent to a worker. */
export interface TrainerOptions {
  /** Steps of a window: how far back gradients flow (truncated backpropagation through time). */
  readonly window: number;
  /** First steps of a window that only warm the state up; none where left out. */
  readonly burnIn?: number;
  /** Windows in a batch. */
  readonly batch: number;
  /** Rounds over the data at most. */
  readonly epochs: number;
  /** Batches of a round at most; all where left out. */
  readonly batchesPerEpoch?: number;
  /** The learning rate over the run. */
  readonly schedule: Schedule;
  /** How gradients become steps. */
  readonly optimiser: OptimiserOptions;
  /** The norm that gradients are clipped to; 1 where left out. */
  readonly maxNorm?: number;
  /** The share of each layer's outputs that is dropped; none where left out. */
  readonly dropout?: number;
  /** Rounds without a better validation loss after which training stops; never where left out. */
  readonly patience?: number;
}

/** One round of training. */
export interface Epoch {
  /** Counted from 1. */
  readonly epoch: number;
  /** The mean loss of its training steps. */
  readonly trainingLoss: number;
  /** The loss on what is held back; NaN where nothing is. */
  readonly validationLoss: number;
  /** The learning rate of its last step. */
  readonly learningRate: number;
}

/** What came of a training run. */
export interface TrainingResult {
  /** The parameters of the best round by validation loss, of the last where nothing is held back. */
  readonly parameters: Float32Array;
  /** Which round that was; 0 are the parameters training began with. */
  readonly bestEpoch: number;
  /** The validation loss of those parameters; NaN where nothing is held back. */
  readonly validationLoss: number;
  /** The learning curves. */
  readonly epochs: readonly Epoch[];
  /** Why it ended. */
  readonly ended: "epochs" | "patience" | "aborted" | "not-finite";
}

/** What accompanies one training run. */
export interface FitOptions {
  /** What decides which round is best and when to stop. */
  readonly validation?: readonly TrainingSequence[];
  /** Where chance comes from: windows, their order, dropout. */
  readonly random: Random;
  /** Told of each round when it is over; training waits for what it returns. */
  readonly onEpoch?: (epoch: Epoch) => void | Promise<void>;
  /** Ends the run between two steps. */
  readonly signal?: AbortSignal;
}

/**
 * Trains a network on sequences of one or many series: truncated backpropagation through time over
 * windows, early stopping on what is held back, the best round's parameters given back.
 *
 * @example Learning a constant
 * ```ts
 * import { initialParameters, Random, Trainer } from "@tickcast/tickcast";
 * import { openBackend } from "@tickcast/tickcast/kernels";
 *
 * const architecture = {
 *   cell: "gru", inputSize: 1, hiddenSize: 4, layers: 1, outputSize: 1,
 * } as const;
 * const trainer = new Trainer(await openBackend("reference"), architecture, {
 *   loss: "mse", horizon: 1,
 * }, {
 *   window: 8, batch: 2, epochs: 20, schedule: { kind: "cosine", rate: 0.05 },
 *   optimiser: { kind: "adamw" },
 * });
 * const random = new Random(1);
 * const ones = new Float32Array(64).fill(1);
 * const result = await trainer.fit(
 *   initialParameters(architecture, random).values,
 *   [{ inputs: ones, targets: ones, mask: ones }],
 *   { random },
 * );
 * const last = result.epochs[result.epochs.length - 1];
 * if (!(last.trainingLoss < 0.01)) throw new Error();
 * trainer.dispose();
 * ```
 */
export class Trainer {
  readonly #architecture: Architecture;
  readonly #head: Head;
  readonly #options: TrainerOptions;
  readonly #program: TrainingProgram;

  /**
   * Takes the device memory of one batch and prepares the training step.
   *
   * @param backend Where it trains. The trainer does not dispose of it.
   * @param architecture The network.
   * @param head What its outputs mean, and the loss.
   * @param options How it is trained.
   * @throws {RangeError} when a number is out of range.
   */
  constructor(backend: Backend, architecture: Architecture, head: Head, options: TrainerOptions) {
    const { window, burnIn = 0, batch, maxNorm = 1, optimiser, dropout } = options;
    if (!(burnIn >= 0 && burnIn < window)) {
      throw new RangeError(
        `The burn-in must be shorter than the window of ${window}, is ${burnIn}`,
      );
    }
    this.#architecture = architecture;
    this.#head = head;
    this.#options = options;
    this.#program = new TrainingProgram(backend, architecture, head, {
      steps: window,
      batch,
      optimiser,
      maxNorm,
      dropout,
    });
  }

  /**
   * Trains.
   *
   * @param parameters Where training begins; not changed.
   * @param training What is learnt from.
   * @param options Validation, chance, progress.
   * @returns The parameters of the best round, and the curves.
   * @throws {RangeError} when a sequence is malformed.
   */
  async fit(
    parameters: Float32Array,
    training: readonly TrainingSequence[],
    options: FitOptions,
  ): Promise<TrainingResult> {
    const { random, validation = [], onEpoch, signal } = options;
    const { epochs, patience = Infinity } = this.#options;
    const batches = this.#batches(training);
    const heldBack = validation.length > 0 ? this.#batches(validation) : undefined;
    const best = parameters.slice();
    const curves: Epoch[] = [];
    const validate = (): Promise<number> =>
      heldBack ? this.#evaluate(heldBack) : Promise.resolve(NaN);
    let bestEpoch = 0;
    let ended: TrainingResult["ended"] = "epochs";
    this.#program.setParameters(parameters);
    let validationLoss = await validate();
    const result = (): TrainingResult => {
      return { parameters: best, bestEpoch, validationLoss, epochs: curves, ended };
    };
    for (let epoch = 1; epoch <= epochs; epoch++) {
      const round = await this.#round(batches, epoch - 1, random, signal);
      if (signal?.aborted) ended = "aborted";
      else if (!Number.isFinite(round.loss)) ended = "not-finite";
      if (ended !== "epochs") return result();
      const loss = await validate();
      const report = {
        epoch,
        trainingLoss: round.loss,
        validationLoss: loss,
        learningRate: round.rate,
      };
      curves.push(report);
      await onEpoch?.(report);
      // Without anything held back, or where the start could not be judged, the last round is best.
      if (!heldBack || loss < validationLoss || Number.isNaN(validationLoss)) {
        await this.#program.readParameters(best);
        validationLoss = loss;
        bestEpoch = epoch;
      } else if (epoch - bestEpoch >= patience) {
        ended = "patience";
        break;
      }
    }
    return result();
  }

  /**
   * The mean loss of parameters on sequences.
   *
   * @param parameters What is judged.
   * @param sequences What it is judged on.
   * @returns The loss over everything that counts; NaN where nothing does.
   * @throws {RangeError} when a sequence is malformed.
   */
  evaluate(parameters: Float32Array, sequences: readonly TrainingSequence[]): Promise<number> {
    this.#program.setParameters(parameters);
    return this.#evaluate(this.#batches(sequences));
  }

  /** Gives the device memory back. */
  dispose(): void {
    this.#program.dispose();
  }

  #batches(sequences: readonly TrainingSequence[]): WindowBatches {
    const { window, burnIn = 0, batch } = this.#options;
    const { inputSize } = this.#architecture;
    return new WindowBatches(sequences, inputSize, this.#head.horizon, { window, burnIn, batch });
  }

  async #round(
    batches: WindowBatches,
    epoch: number,
    random: Random,
    signal?: AbortSignal,
  ): Promise<{ loss: number; rate: number }> {
    const { epochs, schedule, batchesPerEpoch = Infinity } = this.#options;
    const mean = new WeightedMean();
    batches.begin(random);
    const count = Math.min(batches.batches, batchesPerEpoch);
    let rate = 0;
    for (let k = 0; k < count && !signal?.aborted && batches.next(); k++) {
      rate = learningRate(schedule, epoch * count + k, epochs * count);
      this.#program.setBatch(batches.x, batches.targets, batches.mask);
      this.#program.train(rate, random);
      mean.weigh(batches.counted);
      if (this.#program.recordIsFull) mean.add(await this.#program.readRecord());
    }
    mean.add(await this.#program.readRecord());
    return { loss: mean.value, rate };
  }

  async #evaluate(batches: WindowBatches): Promise<number> {
    const mean = new WeightedMean();
    batches.begin();
    while (batches.next()) {
      this.#program.setBatch(batches.x, batches.targets, batches.mask);
      this.#program.evaluate();
      mean.weigh(batches.counted);
      if (this.#program.recordIsFull) mean.add(await this.#program.readRecord());
    }
    mean.add(await this.#program.readRecord());
    return mean.value;
  }
}

/** A mean of losses that arrive later than their weights. */
class WeightedMean {
  readonly #weights: number[] = [];
  #sum = 0;
  #weight = 0;

  weigh(weight: number): void {
    this.#weights.push(weight);
  }

  add(losses: Float32Array): void {
    losses.forEach((loss, k) => {
      this.#sum += loss * this.#weights[k];
      this.#weight += this.#weights[k];
    });
    this.#weights.length = 0;
  }

  get value(): number {
    return this.#sum / this.#weight;
  }
}
