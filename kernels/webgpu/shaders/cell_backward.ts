import { type CellKind, gateCount, type LayerShape } from "../../backend.ts";
import type { Tile } from "../tile.ts";
import { ACTIVATIONS } from "./cell.ts";
import { RowVectors } from "./row_vectors.ts";

/**
 * The chain rule over one step of one unit. From the gradient by h′ (and c′): by the four sums before
 * activation, and what reaches h (and c) directly. A GRU's third and fourth are the candidate's input
 * and recurrent part.
 */
const GRADIENTS: Readonly<Record<CellKind, string>> = {
  lstm: `
  let i = gate(at, 0u, j);
  let f = gate(at, 1u, j);
  let g = gate(at, 2u, j);
  let o = gate(at, 3u, j);
  var c_before = 0.0;
  if (t == 0u) { c_before = load_c0(b * units + j); }
  else { c_before = load_cs((at - args.count) * units + j); }
  let tanh_c = tangent(load_cs(at * units + j));
  let d_cell = dc + dh * o * (1.0 - tanh_c * tanh_c);
  return Back(vec4f(d_cell * g * i * (1.0 - i), d_cell * c_before * f * (1.0 - f),
    d_cell * i * (1.0 - g * g), dh * tanh_c * o * (1.0 - o)), 0.0, d_cell * f);`,
  gru: `
  let r = gate(at, 0u, j);
  let z = gate(at, 1u, j);
  let n = gate(at, 2u, j);
  let dn = dh * (1.0 - z) * (1.0 - n * n);
  return Back(vec4f(dn * gate(at, 3u, j) * r * (1.0 - r),
    dh * (h_before(t, b, j) - n) * z * (1.0 - z), dn, dn * r), dh * z, 0.0);`,
  gru_reset_before: `
  let z = gate(at, 1u, j);
  let n = gate(at, 2u, j);
  return Back(vec4f(0.0, dh * (h_before(t, b, j) - n) * z * (1.0 - z),
    dh * (1.0 - z) * (1.0 - n * n), 0.0), dh * z, 0.0);`,
};

/** Which of the four sums stand in the rows of `weight_hh`. */
const HIDDEN_SUMS: Readonly<Record<CellKind, readonly string[]>> = {
  lstm: ["x", "y", "z", "w"],
  gru: ["x", "y", "w"],
  gru_reset_before: ["x", "y", "z"],
};

/** Bytes of workgroup memory a row takes. */
export function backwardBytesPerRow({ cell, hiddenSize }: LayerShape): number {
  return 4 * gateCount(cell) * hiddenSize;
}

/** WGSL that walks back through time for the rows of a workgroup, writing the gradients by the sums. */
export function cellBackwardShader(shape: LayerShape, tile: Tile): string {
  const { inputSize, hiddenSize, cell } = shape;
  const rows = new RowVectors(tile.rows);
  const gateRows = gateCount(cell) * hiddenSize;
  const line = tile.teams * rows.vectors;
  const sweeps = Math.ceil(hiddenSize / tile.lanes);
  const resetBefore = cell === "gru_reset_before";
  const own = (r: number): string => `[s * ${tile.rows}u + ${r}u]`;
  const row = (r: number): string => `(base + team * ${tile.rows}u + ${r}u)`;
  const sweep = (body: string): string => `
    for (var s = 0u; s < ${sweeps}u; s++) {
      let j = s * ${tile.lanes}u + lane % ${tile.lanes}u;
      if (j < units) {${body}
      }
    }`;
  /** Adds `Σ_q d[q] U[q, j]` over the gate rows from `first` to `end` to `d<r>`. */
  const product = (first: number, end: number): string => `
      for (var q = ${first}u; q < ${end}u; q++) {
        let w = load_parameters(weights + q * units + j);
        ${rows.eachVector((v) => `let v${v} = tile[q * line + mine + ${v}u];`)}
        ${rows.each((r) => `d${r} = fma(${rows.element("v", r)}, w, d${r});`)}
      }`;
  const gradients = sweep(`
      ${
    rows.each((r) =>
      `var g${r} = vec4f();
      if (${row(r)} < args.count) {
        let at = t * args.count + ${row(r)};
        let back = gradients(t, ${row(r)}, at, j, dh${own(r)} + load_dhs(at * units + j), dc${
        own(r)
      });
        g${r} = back.sums;
        dh${own(r)} = back.dh;
        dc${own(r)} = back.dc;
        for (var g = 0u; g < 4u; g++) { store_sums((at * 4u + g) * units + j, g${r}[g]); }
      }`
    )
  }
      ${
    HIDDEN_SUMS[cell].map((sum, gate) =>
      rows.eachVector((v) =>
        `tile[(${gate * hiddenSize}u + j) * line + mine + ${v}u] = ${
          rows.gather((i) => `g${v * rows.width + i}.${sum}`)
        };`
      )
    ).join("\n")
  }`);
  const throughReset = `
    workgroupBarrier();${
    sweep(`
      ${rows.each((r) => `var d${r} = 0.0;`)}${product(2 * hiddenSize, 3 * hiddenSize)}
      ${
      rows.each((r) =>
        `var g${r} = 0.0;
      if (${row(r)} < args.count) {
        let at = t * args.count + ${row(r)};
        let reset = gate(at, 0u, j);
        g${r} = d${r} * h_before(t, ${row(r)}, j) * reset * (1.0 - reset);
        dh${own(r)} += d${r} * reset;
        store_sums(at * 4u * units + j, g${r});
      }`
      )
    }
      ${
      rows.eachVector((v) =>
        `tile[j * line + mine + ${v}u] = ${rows.gather((i) => `g${v * rows.width + i}`)};`
      )
    }`)
  }`;
  return `${ACTIVATIONS}
struct Back { sums: vec4f, dh: f32, dc: f32 }
const units = ${hiddenSize}u;
const line = ${line}u;
const weights = ${gateRows * inputSize}u;
var<workgroup> tile: array<${rows.type}, ${gateRows * line}>;
fn gate(at: u32, g: u32, j: u32) -> f32 { return load_saved((at * 4u + g) * units + j); }
${
    cell === "lstm" ? "" : `fn h_before(t: u32, b: u32, j: u32) -> f32 {
  if (t == 0u) { return load_h0(b * units + j); }
  return load_hs(((t - 1u) * args.count + b) * units + j);
}`
  }
fn gradients(t: u32, b: u32, at: u32, j: u32, dh: f32, dc: f32) -> Back {${GRADIENTS[cell]}
}
fn kernel(group: u32, lane: u32) {
  let team = lane / ${tile.lanes}u;
  let mine = team * ${rows.vectors}u;
  let base = group * ${tile.teams * tile.rows}u;
  var dh: array<f32, ${sweeps * tile.rows}>;
  var dc: array<f32, ${sweeps * tile.rows}>;
  for (var left = args.steps; left > 0u; left--) {
    let t = left - 1u;${gradients}${resetBefore ? throughReset : ""}
    workgroupBarrier();${
    sweep(`
      ${rows.each((r) => `var d${r} = dh${own(r)};`)}${
      product(0, resetBefore ? 2 * hiddenSize : gateRows)
    }
      ${rows.each((r) => `dh${own(r)} = d${r};`)}`)
  }
    workgroupBarrier();
  }
}`;
}
