import { gateCount, type KernelArguments } from "../../backend.ts";
import { type GpuBuffer, gpuBuffer } from "../gpu_buffer.ts";
import { backwardBytesPerRow, cellBackwardShader } from "../shaders/cell_backward.ts";
import { matmul } from "../shaders/matmul.ts";
import { outer, outerScratchLength } from "../shaders/outer.ts";
import type { Stage } from "../stage.ts";
import { chooseTile, type TileLimits, tileRows } from "../tile.ts";

type Arguments = KernelArguments["sequence_backward"];

/** Scratch elements: the gradients by the sums before activation, and partial sums of the weights'. */
export function sequenceBackwardScratchLength({ shape, steps, batch }: Arguments): number {
  const { inputSize, hiddenSize } = shape;
  const rows = steps * batch;
  const columns = Math.max(inputSize, hiddenSize);
  return rows * 4 * hiddenSize +
    outerScratchLength(rows, gateCount(shape.cell) * hiddenSize, columns);
}

/**
 * Back through time on the device: one dispatch walks back over the steps and leaves the gradients by
 * the sums before activation; matrix products over all steps at once turn these into the gradients of
 * the weights and of `x`.
 */
export function sequenceBackward(
  args: Arguments,
  limits: TileLimits,
  scratch: GpuBuffer,
): Stage[] {
  const { shape, steps, batch, c0, cs, dx } = args;
  const { inputSize, hiddenSize, cell } = shape;
  const rows = steps * batch;
  const gateRows = gateCount(cell) * hiddenSize;
  const sums = scratch.slice(0, rows * 4 * hiddenSize);
  const partial = scratch.slice(sums.length, scratch.length - sums.length);
  const [x, h0, hs] = [gpuBuffer(args.x), gpuBuffer(args.h0), gpuBuffer(args.hs)];
  const [parameters, saved] = [gpuBuffer(args.parameters), gpuBuffer(args.saved)];
  const gradient = gpuBuffer(args.gradient);
  const tile = chooseTile(batch, hiddenSize, backwardBytesPerRow(shape), limits);
  const label = `${cell} ${inputSize}x${hiddenSize}`;

  const walk: Stage = {
    name: `sequence backward ${label}`,
    code: cellBackwardShader(shape, tile),
    buffers: {
      parameters,
      saved,
      dhs: gpuBuffer(args.dhs),
      sums,
      ...(c0 && cs ? { c0: gpuBuffer(c0), cs: gpuBuffer(cs) } : { h0, hs }),
    },
    sizes: { steps },
    threads: tile.lanes * tile.teams,
    count: batch,
    groups: (count) => Math.ceil(count / tileRows(tile)),
  };

  const inputWeights = outer({
    name: `input gradient ${label}`,
    buffers: { sums, x },
    gradient,
    rows,
    outputs: gateRows,
    columns: inputSize,
    left: `return load_sums(n * ${4 * hiddenSize}u + q);`,
    right: "return load_x(n * columns + i);",
    weightAt: 0,
    biasAt: gateRows * (inputSize + hiddenSize),
  }, partial);

  /** The gradient of `count` rows of `weight_hh` from `first` on, whose sums start at `sumAt`. */
  const hiddenWeights = (
    first: number,
    count: number,
    sumAt: string,
    source: Pick<Parameters<typeof outer>[0], "buffers" | "right">,
  ): Stage[] =>
    outer({
      name: `hidden gradient ${label}`,
      buffers: { sums, ...source.buffers },
      gradient,
      rows,
      outputs: count,
      columns: hiddenSize,
      left: `return load_sums(n * ${4 * hiddenSize}u + ${sumAt});`,
      right: source.right,
      weightAt: gateRows * inputSize + first * hiddenSize,
      biasAt: gateRows * (inputSize + hiddenSize + 1) + first,
    }, partial);
  const state = {
    buffers: { h0, hs },
    right: `if (n < ${batch}u) { return load_h0(n * columns + i); }
  return load_hs((n - ${batch}u) * columns + i);`,
  };
  const resetState = {
    buffers: { saved },
    right: "return load_saved((n * 4u + 3u) * columns + i);",
  };
  const hidden = {
    lstm: () => hiddenWeights(0, gateRows, "q", state),
    // The candidate's recurrent part is the fourth sum, its weights the third.
    gru: () => hiddenWeights(0, gateRows, `select(q, q + columns, q >= 2u * columns)`, state),
    gru_reset_before: () => [
      ...hiddenWeights(0, 2 * hiddenSize, "q", state),
      ...hiddenWeights(2 * hiddenSize, hiddenSize, "2u * columns + q", resetState),
    ],
  };
  const stages = [walk, ...inputWeights, ...hidden[cell]()];
  if (!dx) return stages;
  return [
    ...stages,
    matmul({
      name: `dx ${label}`,
      buffers: { sums, parameters, dx: gpuBuffer(dx) },
      rows,
      inner: gateRows,
      columns: inputSize,
      left: `return load_sums(n * ${4 * hiddenSize}u + k);`,
      right: "return load_parameters(k * columns + o);",
      start: "return 0.0;",
      store: "store_dx(n * columns + o, value);",
    }),
  ];
}
