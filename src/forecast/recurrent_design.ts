import type { CellKind } from "../../kernels/mod.ts";
import type { StatusListener } from "../../streams/mod.ts";
import type { LearningPlan } from "../learn/learning_schedule.ts";
import type { TrainerOptions } from "../learn/trainer.ts";
import type { Architecture } from "../model/architecture.ts";
import { type Head, headOutputs } from "../model/head.ts";
import type { NetworkModel } from "./learner.ts";
import { networkInputSize } from "./network_inputs.ts";

/** Quantiles that the network is taught; their middle ones are its point. */
const LEVELS: readonly number[] = [0.1, 0.3, 0.5, 0.7, 0.9];
/** The quantiles between these levels, both included, are averaged to a point. */
export const MIDDLE_LEVELS = [0.3, 0.7] as const;

/** How a {@linkcode RecurrentExpert} is made; everything but the horizon has a default. */
export interface RecurrentExpertOptions {
  /** Steps ahead. */
  readonly horizon: number;
  /** Features beside the target, which follow it in every frame. */
  readonly covariates?: number;
  /** Which cell; an LSTM where left out. */
  readonly cell?: CellKind;
  /** Hidden units of each layer; 64 where left out. */
  readonly hiddenSize?: number;
  /** Recurrent layers; 1 where left out. */
  readonly layers?: number;
  /** The loss that teaches it; quantiles where left out. */
  readonly loss?: Head["loss"];
  /** Where its chance comes from. */
  readonly seed?: number;
  /** When it is trained anew, where that differs from the default; `false` for never. */
  readonly plan?: Partial<LearningPlan> | false;
  /** How it is trained, where that differs from the default. */
  readonly trainer?: Partial<TrainerOptions>;
  /** Steps of each series that it can be trained on; by the number of series where left out. */
  readonly memorySteps?: number;
  /** A trained network to begin with, instead of a fresh one. */
  readonly model?: NetworkModel;
  /** Hears of retrainings, their verdicts and of drift. */
  readonly onStatus?: StatusListener;
}

/**
 * The shape and head of the network that options ask for.
 *
 * @param options The options.
 */
export function recurrentDesign(
  options: RecurrentExpertOptions,
): { architecture: Architecture; head: Head } {
  const { horizon, covariates = 0, loss = "pinball" } = options;
  if (options.model !== undefined) {
    const { parameters, head, covariates: taken } = options.model;
    if (head.horizon !== horizon || taken !== covariates) {
      throw new RangeError(
        `The model forecasts ${head.horizon} steps from ${taken} covariates, ` +
          `${horizon} steps from ${covariates} are asked for`,
      );
    }
    return { architecture: parameters.architecture, head };
  }
  const head: Head = { loss, horizon, ...loss === "pinball" && { levels: LEVELS } };
  const { cell = "lstm", hiddenSize = 64, layers = 1 } = options;
  const inputSize = networkInputSize(covariates);
  const outputSize = headOutputs(head);
  return { architecture: { cell, inputSize, hiddenSize, layers, outputSize }, head };
}
