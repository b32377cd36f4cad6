import type { KernelArguments } from "../../backend.ts";
import { type GpuBuffer, gpuBuffer } from "../gpu_buffer.ts";
import { matmul } from "../shaders/matmul.ts";
import { outer, outerScratchLength } from "../shaders/outer.ts";
import type { Stage } from "../stage.ts";

/** `y = x Wᵀ + b`. */
export function linear(args: KernelArguments["linear"]): Stage[] {
  const { rows, inputSize, outputSize } = args;
  return [matmul({
    name: `linear ${inputSize}x${outputSize}`,
    buffers: {
      x: gpuBuffer(args.x),
      parameters: gpuBuffer(args.parameters),
      y: gpuBuffer(args.y),
    },
    rows,
    inner: inputSize,
    columns: outputSize,
    left: "return load_x(n * inner + k);",
    right: "return load_parameters(o * inner + k);",
    start: "return load_parameters(columns * inner + o);",
    store: "store_y(n * columns + o, value);",
  })];
}

/** Scratch elements of {@linkcode linearBackward}. */
export function linearScratchLength(args: KernelArguments["linear_backward"]): number {
  return outerScratchLength(args.rows, args.outputSize, args.inputSize);
}

/** `dW += dyᵀ x`, `db += Σ dy`, `dx = dy W`. */
export function linearBackward(
  args: KernelArguments["linear_backward"],
  scratch: GpuBuffer,
): Stage[] {
  const { rows, inputSize, outputSize, dx } = args;
  const dy = gpuBuffer(args.dy);
  const stages = outer({
    name: `linear gradient ${inputSize}x${outputSize}`,
    buffers: { x: gpuBuffer(args.x), dy },
    gradient: gpuBuffer(args.gradient),
    rows,
    outputs: outputSize,
    columns: inputSize,
    left: "return load_dy(n * outputs + q);",
    right: "return load_x(n * columns + i);",
    weightAt: 0,
    biasAt: outputSize * inputSize,
  }, scratch);
  if (!dx) return stages;
  return [
    ...stages,
    matmul({
      name: `linear dx ${inputSize}x${outputSize}`,
      buffers: { dy, parameters: gpuBuffer(args.parameters), dx: gpuBuffer(dx) },
      rows,
      inner: outputSize,
      columns: inputSize,
      left: "return load_dy(n * inner + k);",
      right: "return load_parameters(k * columns + o);",
      start: "return 0.0;",
      store: "store_dx(n * columns + o, value);",
    }),
  ];
}
