import type { LayerShape } from "../../backend.ts";
import type { Tile } from "../tile.ts";
import { RowVectors } from "./row_vectors.ts";

/**
 * Activations. tanh goes through exp with a series near 0, since the built-in one may overflow, and
 * every multiply-add is written as `fma`, so that no compiler contracts it in one kernel and not in
 * another: `sequence` must equal repeated `step` to the last bit.
 */
export const ACTIVATIONS = `
fn sigmoid(a: f32) -> f32 { return 1.0 / (1.0 + exp(-a)); }
fn tangent(a: f32) -> f32 {
  let square = a * a;
  let series = fma(square, fma(square, fma(square, -17.0 / 315.0, 2.0 / 15.0), -1.0 / 3.0), 1.0);
  let e = exp(-2.0 * abs(a));
  return select(sign(a) * (1.0 - e) / (1.0 + e), a * series, square < 0.01);
}
`;

/**
 * One step of one unit from its four sums before activation: i f g o for an LSTM; r, z, the input part
 * of the candidate, and its recurrent part (where the reset comes after the product) for a GRU.
 */
const CELLS = {
  lstm: `
fn cell(a: vec4f, state: vec2f) -> Step {
  let gates = vec4f(sigmoid(a.x), sigmoid(a.y), tangent(a.z), sigmoid(a.w));
  let c = fma(gates.y, state.y, gates.x * gates.z);
  return Step(gates, vec2f(gates.w * tangent(c), c));
}`,
  gru: `
fn cell(a: vec4f, state: vec2f) -> Step {
  let r = sigmoid(a.x);
  let z = sigmoid(a.y);
  let n = tangent(fma(r, a.w, a.z));
  return Step(vec4f(r, z, n, a.w), vec2f(fma(z, state.x - n, n), 0.0));
}`,
  // Here r and z come activated, since the recurrent part had to wait for r h of all units.
  gru_reset_before: `
fn cell(a: vec4f, state: vec2f) -> Step {
  let n = tangent(a.z + a.w);
  return Step(vec4f(a.x, a.y, n, a.x * state.x), vec2f(fma(a.y, state.x - n, n), 0.0));
}`,
};

/** How a kernel around the cell reaches its data; WGSL expressions over `b` (a row) and `j` (a unit). */
export interface CellAccess {
  /** Rows of workgroup memory a step needs beside the state: its inputs, or none. */
  readonly inputs: number;
  /** Statements before the steps. */
  readonly prologue: string;
  /** `for` header of the steps, or nothing for a single one. */
  readonly loop: string;
  /** Offset of this step's inputs and state in the tile, in vectors. */
  readonly from: string;
  /** First weight of the loop over inputs and state. */
  readonly firstWeight: number;
  /** The sums a unit starts from. */
  readonly start: (b: string) => string;
  /** The unit's state (h, c) before the step. */
  readonly state: (b: string, h: string) => string;
  /** Stores `step` of row `b`, unit `j`. */
  readonly store: (b: string) => string;
  /** Statements after the units of a step, given the new state of a thread's rows as `n0`, `n1`. */
  readonly keep: string;
  /** Copies of the state in the tile. */
  readonly copies: number;
  /** WGSL functions the expressions use. */
  readonly functions: string;
}

/** WGSL of a cell that walks over steps for the rows of its workgroup. */
export function cellShader(shape: LayerShape, tile: Tile, access: CellAccess): string {
  const { inputSize, hiddenSize, cell } = shape;
  const rows = new RowVectors(tile.rows);
  const resetBefore = cell === "gru_reset_before";
  const line = tile.teams * rows.vectors;
  const products = access.inputs + hiddenSize;
  const sweeps = Math.ceil(hiddenSize / tile.lanes);
  const row = (index: number): string => `(base + team * ${tile.rows}u + ${index}u)`;

  const sums = `
      ${rows.each((r) => `var a${r} = ${access.start(row(r))};`)}
      for (var k = 0u; k < ${products}u; k++) {
        let w = load4_packed((${access.firstWeight}u + k) * units + j);
        ${rows.eachVector((v) => `let v${v} = tile[at + k * line + mine + ${v}u];`)}
        ${rows.each((r) => `a${r} = fma(vec4f(${rows.element("v", r)}), w, a${r});`)}
      }
      ${
    rows.eachVector((v) => `let h${v} = tile[at + (${access.inputs}u + j) * line + mine + ${v}u];`)
  }`;
  const step = (sum: (r: number) => string): string => `
      ${rows.eachVector((v) => `var n${v} = ${rows.type}();`)}
      ${
    rows.each((r) =>
      `{
        let b = ${row(r)};
        let step = cell(${sum(r)}, ${access.state("b", rows.element("h", r))});
        ${rows.element("n", r)} = step.state.x;
        if (b < args.count) { ${access.store("b")} }
      }`
    )
  }
      ${access.keep}`;
  const sweep = (index: string, body: string): string => `
    for (var ${index} = 0u; ${index} < ${sweeps}u; ${index}++) {
      let j = ${index} * ${tile.lanes}u + lane % ${tile.lanes}u;
      if (j < units) {${body}
      }
    }`;

  const whole = sweep("s", `${sums}${step((r) => `a${r}`)}`);
  // With the reset before the product, the candidate needs r h of all units: two sweeps.
  const halves = `${
    sweep(
      "s",
      `${sums}
      ${
        rows.each((r) =>
          `partial[s * ${tile.rows}u + ${r}u] = vec4f(
        sigmoid(a${r}.x), sigmoid(a${r}.y), a${r}.z, 0.0);`
        )
      }
      ${
        rows.eachVector((v) =>
          `reset[j * line + mine + ${v}u] = ${
            rows.gather((i) => {
              const r = v * rows.width + i;
              return `partial[s * ${tile.rows}u + ${r}u].x * ${rows.element("h", r)}`;
            })
          };`
        )
      }`,
    )
  }
    workgroupBarrier();${
    sweep(
      "s",
      `
      ${rows.each((r) => `var q${r} = load4_packed((inputs + units) * units + j).w;`)}
      for (var k = 0u; k < units; k++) {
        let w = load4_packed((inputs + k) * units + j).w;
        ${rows.eachVector((v) => `let v${v} = reset[k * line + mine + ${v}u];`)}
        ${rows.each((r) => `q${r} = fma(${rows.element("v", r)}, w, q${r});`)}
      }
      ${
        rows.eachVector((v) =>
          `let h${v} = tile[at + (${access.inputs}u + j) * line + mine + ${v}u];`
        )
      }
      ${rows.each((r) => `let p${r} = partial[s * ${tile.rows}u + ${r}u];`)}
      ${step((r) => `vec4f(p${r}.xyz, q${r})`)}`,
    )
  }`;

  return `${ACTIVATIONS}
struct Step { gates: vec4f, state: vec2f }
${CELLS[cell]}
const inputs = ${inputSize}u;
const units = ${hiddenSize}u;
/** Vectors from one input of the tile to the next. */
const line = ${line}u;
var<workgroup> tile: array<${rows.type}, ${(access.inputs + access.copies * hiddenSize) * line}>;
${resetBefore ? `var<workgroup> reset: array<${rows.type}, ${hiddenSize * line}>;` : ""}
${access.functions}
fn kernel(group: u32, lane: u32) {
  let team = lane / ${tile.lanes}u;
  let mine = team * ${rows.vectors}u;
  let base = group * ${tile.teams * tile.rows}u;
  ${resetBefore ? `var partial: array<vec4f, ${sweeps * tile.rows}>;` : ""}
  ${access.prologue}
  ${access.loop} {
    let at = ${access.from};
    workgroupBarrier();
    ${resetBefore ? halves : whole}
  }
}
`;
}

/** WGSL that fills the tile at vector `at`: input `k` of row `b` is `value`, over `count` inputs. */
export function fillTile(
  tile: Tile,
  at: number,
  count: number,
  value: (b: string, k: string) => string,
): string {
  const rows = new RowVectors(tile.rows);
  const line = tile.teams * rows.vectors;
  return `for (var e = lane; e < ${count * line}u; e += ${tile.lanes * tile.teams}u) {
    let k = e % ${count}u;
    let v = e / ${count}u;
    tile[${at}u + k * line + v] = ${
    rows.gather((i) => value(`(base + v * ${rows.width}u + ${i}u)`, "k"))
  };
  }`;
}

/** Bytes of workgroup memory a row takes. */
export function cellBytesPerRow(shape: LayerShape, inputs: number, copies: number): number {
  const reset = shape.cell === "gru_reset_before" ? shape.hiddenSize : 0;
  return 4 * (inputs + copies * shape.hiddenSize + reset);
}
