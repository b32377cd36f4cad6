import type { KernelArguments } from "../../backend.ts";
import { gpuBuffer } from "../gpu_buffer.ts";
import { cellBytesPerRow, cellShader, fillTile } from "../shaders/cell.ts";
import type { Stage } from "../stage.ts";
import { chooseTile, type TileLimits, tileRows } from "../tile.ts";

/** One step of many rows; a workgroup has all units of its rows, so that states are updated in place. */
export function step(args: KernelArguments["step"], limits: TileLimits): Stage[] {
  const { shape, batch, rows, c } = args;
  const { inputSize, hiddenSize } = shape;
  const tile = chooseTile(batch, hiddenSize, cellBytesPerRow(shape, inputSize, 1), limits);
  const place = (b: string): string => rows ? `load_rows(${b})` : b;
  const code = cellShader(shape, tile, {
    inputs: inputSize,
    copies: 1,
    functions: `
fn entry(b: u32, k: u32) -> f32 {
  if (b >= args.count) { return 0.0; }
  if (k < inputs) { return load_x(b * inputs + k); }
  return load_h(${place("b")} * units + k - inputs);
}`,
    prologue: fillTile(tile, 0, inputSize + hiddenSize, (b, k) => `entry(${b}, ${k})`),
    loop: "",
    from: "0u",
    firstWeight: 0,
    start: () => "load4_packed((inputs + units) * units + j)",
    state: (b, h) => `vec2f(${h}, ${c ? `load_c(${place(b)} * units + j)` : "0.0"})`,
    store: (b) => `
          let place = ${place(b)};
          if (place < args.capacity) {
            store_h(place * units + j, step.state.x);
            ${c ? "store_c(place * units + j, step.state.y);" : ""}
          }
          store_output(${b} * units + j, step.state.x);`,
    keep: "",
  });
  return [{
    name: `step ${shape.cell} ${inputSize}x${hiddenSize}`,
    code,
    buffers: {
      x: gpuBuffer(args.x),
      packed: gpuBuffer(args.packed),
      h: gpuBuffer(args.h),
      output: gpuBuffer(args.output),
      ...(c ? { c: gpuBuffer(c) } : {}),
      ...(rows ? { rows: gpuBuffer(rows) } : {}),
    },
    sizes: { capacity: Math.floor(args.h.length / hiddenSize) },
    threads: tile.lanes * tile.teams,
    count: batch,
    groups: (count) => Math.ceil(count / tileRows(tile)),
  }];
}
