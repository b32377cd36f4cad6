import type { GpuBuffer } from "./gpu_buffer.ts";

/** One dispatch of one shader. A kernel of the contract is one or several of them. */
export interface Stage {
  /** A name for messages and profilers. */
  readonly name: string;
  /**
   * WGSL with a function `kernel(group: u32, lane: u32)`. Every buffer `x` is there as `load_x(i)` and
   * `store_x(i, value)`, and `load4_x(i)` for four elements at once; `args.count` is the count of the
   * dispatch, other numbers are `args.<name>`.
   */
  readonly code: string;
  /** Buffers by the name the code uses. They may share memory. */
  readonly buffers: Readonly<Record<string, GpuBuffer>>;
  /** Whole numbers by name, `u32` in the code. */
  readonly sizes?: Readonly<Record<string, number>>;
  /** Other numbers by name, `f32` in the code. */
  readonly factors?: Readonly<Record<string, number>>;
  /** Threads of a workgroup. */
  readonly threads: number;
  /** The count where a dispatch names none. */
  readonly count: number;
  /** Workgroups for a count. */
  groups(count: number): number;
}

/** Threads of a workgroup where nothing else decides: the most that WebGPU guarantees. */
export const THREADS = 256;

/** A stage in which each thread has one element: `element(i)`, for i below the count. */
export function elementwise(
  stage: Omit<Stage, "threads" | "groups">,
): Stage {
  return {
    ...stage,
    threads: THREADS,
    groups: (count) => Math.ceil(count / THREADS),
    code: `${stage.code}
fn kernel(group: u32, lane: u32) {
  let i = group * ${THREADS}u + lane;
  if (i < args.count) { element(i); }
}`,
  };
}
