import type { KernelArguments } from "../../backend.ts";
import { gpuBuffer } from "../gpu_buffer.ts";
import { cellBytesPerRow, cellShader, fillTile } from "../shaders/cell.ts";
import { matmul } from "../shaders/matmul.ts";
import type { Stage } from "../stage.ts";
import { chooseTile, type TileLimits, tileRows } from "../tile.ts";

/**
 * Many steps in two dispatches: the inputs' part of every sum, which no step has to wait for, is left
 * in `saved`; then each workgroup walks through time for its rows, their state in workgroup memory,
 * and replaces the sums by the gates. The sums go on where the inputs' part ended, in the order of
 * `step`.
 */
export function sequence(args: KernelArguments["sequence"], limits: TileLimits): Stage[] {
  const { shape, steps, batch, c0, cs } = args;
  const { inputSize, hiddenSize } = shape;
  const packed = gpuBuffer(args.packed);
  const saved = gpuBuffer(args.saved);
  const projection = matmul({
    name: `project ${shape.cell} ${inputSize}x${hiddenSize}`,
    buffers: { x: gpuBuffer(args.x), packed, saved },
    rows: steps * batch,
    inner: inputSize,
    columns: 4 * hiddenSize,
    left: `return load_x(n * ${inputSize}u + k);`,
    right: `return load_packed(k * ${4 * hiddenSize}u + o);`,
    start: `return load_packed(${4 * hiddenSize * (inputSize + hiddenSize)}u + o);`,
    store: `store_saved(n * ${4 * hiddenSize}u + o % 4u * ${hiddenSize}u + o / 4u, value);`,
  });

  const tile = chooseTile(batch, hiddenSize, cellBytesPerRow(shape, 0, 2), limits);
  const copy = hiddenSize * tile.teams * Math.ceil(tile.rows / 4);
  const code = cellShader(shape, tile, {
    inputs: 0,
    copies: 2,
    functions: `
fn entry(b: u32, k: u32) -> f32 {
  if (b >= args.count) { return 0.0; }
  return load_h0(b * units + k);
}
fn sums(t: u32, b: u32, j: u32) -> vec4f {
  if (b >= args.count) { return vec4f(); }
  let at = (t * args.count + b) * 4u * units + j;
  return vec4f(load_saved(at), load_saved(at + units), load_saved(at + 2u * units),
    load_saved(at + 3u * units));
}
fn c_before(t: u32, b: u32, j: u32) -> f32 {
  ${
      c0
        ? `if (b >= args.count) { return 0.0; }
  if (t == 0u) { return load_c0(b * units + j); }
  return load_cs(((t - 1u) * args.count + b) * units + j);`
        : "return 0.0;"
    }
}`,
    prologue: fillTile(tile, 0, hiddenSize, (b, k) => `entry(${b}, ${k})`),
    loop: "for (var t = 0u; t < args.steps; t++)",
    from: `(t & 1u) * ${copy}u`,
    firstWeight: inputSize,
    start: (b) => `sums(t, ${b}, j)`,
    state: (b, h) => `vec2f(${h}, c_before(t, ${b}, j))`,
    store: (b) => `
          let at = t * args.count + ${b};
          store_hs(at * units + j, step.state.x);
          ${cs ? "store_cs(at * units + j, step.state.y);" : ""}
          for (var g = 0u; g < 4u; g++) { store_saved((at * 4u + g) * units + j, step.gates[g]); }`,
    keep: Array.from(
      { length: Math.ceil(tile.rows / 4) },
      (_, v) => `tile[${copy}u - at + j * line + mine + ${v}u] = n${v};`,
    ).join("\n"),
  });
  return [projection, {
    name: `sequence ${shape.cell} ${inputSize}x${hiddenSize}`,
    code,
    buffers: {
      packed,
      saved,
      h0: gpuBuffer(args.h0),
      hs: gpuBuffer(args.hs),
      ...(c0 && cs ? { c0: gpuBuffer(c0), cs: gpuBuffer(cs) } : {}),
    },
    sizes: { steps },
    threads: tile.lanes * tile.teams,
    count: batch,
    groups: (count) => Math.ceil(count / tileRows(tile)),
  }];
}
