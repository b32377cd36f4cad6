import type { KernelArguments, KernelName } from "../../backend.ts";
import type { GpuBuffer } from "../gpu_buffer.ts";
import { REDUCTION_SCRATCH_LENGTH } from "../shaders/reduction.ts";
import type { Stage } from "../stage.ts";
import type { TileLimits } from "../tile.ts";
import { copy, fill, gather, multiply, scatter } from "./elements.ts";
import { linear, linearBackward, linearScratchLength } from "./linear.ts";
import { loss, LOSS_SCRATCH_LENGTH } from "./loss.ts";
import { adam, clip, sgd } from "./optimise.ts";
import { pack } from "./pack.ts";
import { sequence } from "./sequence.ts";
import { sequenceBackward, sequenceBackwardScratchLength } from "./sequence_backward.ts";
import { step } from "./step.ts";

/** The stages of every kernel, from its arguments, the adapter's limits, and memory for its insides. */
type Kernels = {
  readonly [K in KernelName]: (
    args: KernelArguments[K],
    limits: TileLimits,
    scratch: (length: number) => GpuBuffer,
  ) => Stage[];
};

/** Every kernel of the contract. */
export const KERNELS: Kernels = {
  pack,
  step,
  sequence,
  sequence_backward: (args, limits, scratch) =>
    sequenceBackward(args, limits, scratch(sequenceBackwardScratchLength(args))),
  linear,
  linear_backward: (args, _limits, scratch) =>
    linearBackward(args, scratch(linearScratchLength(args))),
  loss: (args, _limits, scratch) => loss(args, scratch(LOSS_SCRATCH_LENGTH)),
  clip: (args, _limits, scratch) => clip(args, scratch(REDUCTION_SCRATCH_LENGTH)),
  adam,
  sgd,
  fill,
  copy,
  multiply,
  gather,
  scatter,
};
