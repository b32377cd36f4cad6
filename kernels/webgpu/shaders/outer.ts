import { elementwise, type Stage } from "../stage.ts";
import type { GpuBuffer } from "../gpu_buffer.ts";

/**
 * A sum over rows `target[q, i] += Σₙ a(n, q) b(n, i)`, the gradient of a weight matrix; column
 * `columns` is the bias, where b is 1.
 */
export interface OuterProduct {
  readonly name: string;
  readonly buffers: Stage["buffers"];
  /** Where the gradient is added. */
  readonly gradient: GpuBuffer;
  /** Rows `n` summed over. */
  readonly rows: number;
  /** Rows `q` of the matrix. */
  readonly outputs: number;
  /** Columns `i` of the matrix, the bias not counted. */
  readonly columns: number;
  /** WGSL functions the expressions use. */
  readonly functions?: string;
  /** `a(n, q)`. */
  readonly left: string;
  /** `b(n, i)`. */
  readonly right: string;
  /** Where the matrix starts in the gradient. */
  readonly weightAt: number;
  /** Where the bias starts in the gradient. */
  readonly biasAt: number;
}

const SIDE = 16;
const DEPTH = 16;
/** Matrix rows and columns of one thread. */
const OWN = 4;
/** Rows summed by one workgroup at least: below, another partial sum costs more than it saves. */
const ROWS_MIN = 256;
/** Partial sums at most, to bound the memory they take. */
const PARTS_MAX = 64;

/** Partial sums taken side by side. */
function partCount(rows: number): number {
  return Math.min(PARTS_MAX, Math.ceil(rows / ROWS_MIN));
}

/** Elements of scratch memory the partial sums take. */
export function outerScratchLength(rows: number, outputs: number, columns: number): number {
  return partCount(rows) * outputs * (columns + 1);
}

/** Tiled partial sums over parts of the rows, then their sum in a fixed order. */
export function outer(product: OuterProduct, partial: GpuBuffer): Stage[] {
  const { rows, outputs, columns } = product;
  const parts = partCount(rows);
  const partRows = Math.ceil(rows / parts);
  const tile = SIDE * OWN;
  const tilesDown = Math.ceil(outputs / tile);
  const tilesAcross = Math.ceil((columns + 1) / tile);
  const own = [0, 1, 2, 3];
  const code = `
const outputs = ${outputs}u;
const columns = ${columns}u;
var<workgroup> left_tile: array<vec4f, ${SIDE * DEPTH}>;
var<workgroup> right_tile: array<vec4f, ${SIDE * DEPTH}>;
${product.functions ?? ""}
fn left(n: u32, q: u32) -> f32 { if (q >= outputs) { return 0.0; } ${product.left} }
fn right(n: u32, i: u32) -> f32 {
  if (i >= columns) { return select(0.0, 1.0, i == columns); }
  ${product.right}
}
fn put(part: u32, q: u32, i: u32, sums: vec4f) {
  if (q >= outputs) { return; }
  for (var s = 0u; s < 4u && i + s <= columns; s++) {
    store_partial((part * outputs + q) * (columns + 1u) + i + s, sums[s]);
  }
}
fn kernel(group: u32, lane: u32) {
  let part = group / ${tilesDown * tilesAcross}u;
  let q = group / ${tilesAcross}u % ${tilesDown}u * ${tile}u + lane / ${SIDE}u * ${OWN}u;
  let i = group % ${tilesAcross}u * ${tile}u + lane % ${SIDE}u * ${OWN}u;
  let tile_q = group / ${tilesAcross}u % ${tilesDown}u * ${tile}u + lane % ${SIDE}u * ${OWN}u;
  let end = min((part + 1u) * args.part_rows, args.count);
  ${own.map((r) => `var sum${r} = vec4f();`).join("\n")}
  for (var k0 = part * args.part_rows; k0 < end; k0 += ${DEPTH}u) {
    let n = k0 + lane / ${SIDE}u;
    workgroupBarrier();
    if (n < end) {
      left_tile[lane] =
        vec4f(left(n, tile_q), left(n, tile_q + 1u), left(n, tile_q + 2u), left(n, tile_q + 3u));
      right_tile[lane] = vec4f(right(n, i), right(n, i + 1u), right(n, i + 2u), right(n, i + 3u));
    }
    workgroupBarrier();
    for (var k = 0u; k < min(${DEPTH}u, end - k0); k++) {
      let a = left_tile[k * ${SIDE}u + lane / ${SIDE}u];
      let b = right_tile[k * ${SIDE}u + lane % ${SIDE}u];
      ${own.map((r) => `sum${r} = fma(vec4f(a[${r}]), b, sum${r});`).join("\n")}
    }
  }
  ${own.map((r) => `put(part, q + ${r}u, i, sum${r});`).join("\n")}
}`;
  const sums = {
    name: product.name,
    code,
    buffers: { ...product.buffers, partial },
    sizes: { part_rows: partRows },
    threads: SIDE * SIDE,
    count: rows,
    groups: () => parts * tilesDown * tilesAcross,
  };
  const add = elementwise({
    name: `${product.name}, sum`,
    code: `
fn element(e: u32) {
  var sum = 0.0;
  for (var part = 0u; part < args.parts; part++) { sum += load_partial(part * args.count + e); }
  let q = e / ${columns + 1}u;
  let i = e % ${columns + 1}u;
  var at = ${product.weightAt}u + q * ${columns}u + i;
  if (i == ${columns}u) { at = ${product.biasAt}u + q; }
  store_gradient(at, load_gradient(at) + sum);
}`,
    buffers: { partial, gradient: product.gradient },
    sizes: { parts },
    count: outputs * (columns + 1),
  });
  return [sums, add];
}
