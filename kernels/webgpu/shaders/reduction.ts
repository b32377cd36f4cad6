import type { GpuBuffer } from "../gpu_buffer.ts";
import { type Stage, THREADS } from "../stage.ts";

/** Workgroups of the first stage at most: as many as the second stage has threads. */
const PARTS_MAX = THREADS;

/** Elements of scratch memory a reduction takes: two for each part. */
export const REDUCTION_SCRATCH_LENGTH = 2 * PARTS_MAX;

/** A sum of pairs over elements. */
export interface Reduction {
  readonly name: string;
  readonly buffers: Stage["buffers"];
  readonly length: number;
  readonly factors?: Stage["factors"];
  /** WGSL functions that `value` uses. */
  readonly functions: string;
  /** The pair of element `i`. */
  readonly value: string;
  /** What is done with `sum`, a `vec2f`. */
  readonly finish: string;
  /** Buffers of `finish`. */
  readonly results: Stage["buffers"];
}

const TREE = `
var<workgroup> sums: array<vec2f, ${THREADS}>;
fn tree(lane: u32) {
  for (var half = ${THREADS / 2}u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { sums[lane] += sums[lane + half]; }
  }
}`;

/** Sums on the device, in an order that depends on the length alone. */
export function reduction(options: Reduction, partial: GpuBuffer): Stage[] {
  const parts = Math.min(PARTS_MAX, Math.ceil(options.length / THREADS));
  return [{
    name: options.name,
    code: `${TREE}
${options.functions}
fn value(i: u32) -> vec2f { ${options.value} }
fn kernel(group: u32, lane: u32) {
  var sum = vec2f();
  for (var i = group * ${THREADS}u + lane; i < args.count; i += ${parts * THREADS}u) {
    sum += value(i);
  }
  sums[lane] = sum;
  tree(lane);
  if (lane == 0u) {
    store_partial(2u * group, sums[0].x);
    store_partial(2u * group + 1u, sums[0].y);
  }
}`,
    buffers: { ...options.buffers, partial },
    factors: options.factors,
    threads: THREADS,
    count: options.length,
    groups: () => parts,
  }, {
    name: `${options.name}, sum`,
    code: `${TREE}
fn kernel(group: u32, lane: u32) {
  sums[lane] = vec2f();
  if (lane < args.count) {
    sums[lane] = vec2f(load_partial(2u * lane), load_partial(2u * lane + 1u));
  }
  tree(lane);
  if (lane == 0u) {
    let sum = sums[0];
    ${options.finish}
  }
}`,
    buffers: { ...options.results, partial },
    threads: THREADS,
    count: parts,
    groups: () => 1,
  }];
}
