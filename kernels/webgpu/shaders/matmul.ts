import type { Stage } from "../stage.ts";

/** A product `y[n, o] = start(o) + Σₖ a(n, k) w(k, o)`; WGSL expressions and functions. */
export interface Product {
  readonly name: string;
  readonly buffers: Stage["buffers"];
  /** Rows `n`: the count of the dispatch. */
  readonly rows: number;
  /** Length of the sums. */
  readonly inner: number;
  /** Columns `o`. */
  readonly columns: number;
  /** `a(n, k)`. */
  readonly left: string;
  /** `w(k, o)`. */
  readonly right: string;
  /** What the sum of column `o` starts from. */
  readonly start: string;
  /** Stores `value` at `(n, o)`. */
  readonly store: string;
}

/** Threads of a side of the workgroup's square. */
const SIDE = 16;
/** Length of the piece of the sums that is held in workgroup memory. */
const DEPTH = 16;
/** Columns of one thread. */
const COLUMNS = 4;
/** Rows from which a thread has four of them, so that many rows still fill a large GPU. */
const ROWS_MANY = 4096;

/**
 * A tiled matrix product. Every sum is taken in the order of k, one `fma` a term, so that it equals a
 * plain loop to the last bit and no row depends on its neighbours.
 */
export function matmul(product: Product): Stage {
  const { rows, inner, columns } = product;
  const own = rows >= ROWS_MANY ? 4 : 1;
  const tileRows = SIDE * own;
  const tileColumns = SIDE * COLUMNS;
  const columnTiles = Math.ceil(columns / tileColumns);
  const each = (text: (r: number) => string): string =>
    Array.from({ length: own }, (_, r) => text(r)).join("\n");
  const code = `
const inner = ${inner}u;
const columns = ${columns}u;
var<workgroup> left_tile: array<f32, ${tileRows * DEPTH}>;
var<workgroup> right_tile: array<vec4f, ${SIDE * DEPTH}>;
fn left(n: u32, k: u32) -> f32 { ${product.left} }
fn right(k: u32, o: u32) -> f32 { if (o >= columns) { return 0.0; } ${product.right} }
fn start(o: u32) -> f32 { if (o >= columns) { return 0.0; } ${product.start} }
fn put(n: u32, o: u32, value: f32) { if (o < columns) { ${product.store} } }
fn kernel(group: u32, lane: u32) {
  let base = group / ${columnTiles}u * ${tileRows}u;
  let column = group % ${columnTiles}u * ${tileColumns}u + lane % ${SIDE}u * ${COLUMNS}u;
  let row = lane / ${SIDE}u * ${own}u;
  let first = vec4f(start(column), start(column + 1u), start(column + 2u), start(column + 3u));
  ${each((r) => `var sum${r} = first;`)}
  for (var k0 = 0u; k0 < inner; k0 += ${DEPTH}u) {
    let depth = min(${DEPTH}u, inner - k0);
    workgroupBarrier();
    for (var e = lane; e < ${tileRows * DEPTH}u; e += ${SIDE * SIDE}u) {
      let n = base + e / ${DEPTH}u;
      let k = e % ${DEPTH}u;
      left_tile[e] = 0.0;
      if (n < args.count && k < depth) { left_tile[e] = left(n, k0 + k); }
    }
    if (lane / ${SIDE}u < depth) {
      let k = k0 + lane / ${SIDE}u;
      right_tile[lane] =
        vec4f(right(k, column), right(k, column + 1u), right(k, column + 2u), right(k, column + 3u));
    }
    workgroupBarrier();
    for (var k = 0u; k < depth; k++) {
      let w = right_tile[k * ${SIDE}u + lane % ${SIDE}u];
      ${each((r) => `sum${r} = fma(vec4f(left_tile[(row + ${r}u) * ${DEPTH}u + k]), w, sum${r});`)}
    }
  }
  ${
    each((r) =>
      `if (base + row + ${r}u < args.count) {
    let n = base + row + ${r}u;
    put(n, column, sum${r}.x);
    put(n, column + 1u, sum${r}.y);
    put(n, column + 2u, sum${r}.z);
    put(n, column + 3u, sum${r}.w);
  }`
    )
  }
}`;
  return {
    name: product.name,
    code,
    buffers: product.buffers,
    threads: SIDE * SIDE,
    count: rows,
    groups: (count) => Math.ceil(count / tileRows) * columnTiles,
  };
}
