import { WasmBackend } from "./backend.ts";
import type { WasmExports } from "./exports.ts";
import type { RowThreadsOptions } from "./row_threads.ts";
import { PAGES_MAX, unpackKernels } from "./unpack.ts";

/** Threads at most: each keeps an engine of its own, some megabytes, and memory is what bounds many. */
const THREADS_MAX = 64;

/** How {@linkcode openWasm} chooses. */
export interface WasmOptions extends RowThreadsOptions {
  /** Whether relaxed SIMD is used; by default where the engine has it. */
  readonly relaxedSimd?: boolean;
  /** Threads that share steps of many rows; 1 where left out. */
  readonly threads?: number;
}

/**
 * Opens the CPU backend, with relaxed SIMD (one rounding for a multiply-add) where the engine has it, and
 * with threads where it has shared memory and workers; on one thread where not, and its description says why.
 *
 * @throws {Error} when the engine has no WebAssembly SIMD, or no relaxed SIMD where it is asked for.
 * @throws {RangeError} when the number of threads is none.
 */
export async function openWasm(options: WasmOptions = {}): Promise<WasmBackend> {
  const { threads = 1 } = options;
  if (!Number.isInteger(threads) || threads < 1 || threads > THREADS_MAX) {
    throw new RangeError(`Cannot open backend: threads must be 1 to ${THREADS_MAX}, is ${threads}`);
  }
  const modules = await unpackKernels();
  const relaxed = options.relaxedSimd ?? WebAssembly.validate(modules.relaxed);
  const code = relaxed ? modules.relaxed : modules.simd;
  const flavour = relaxed ? "relaxed SIMD" : "SIMD";
  if (!WebAssembly.validate(code)) {
    throw new Error(`Cannot open backend: this engine has no WebAssembly ${flavour}`);
  }
  if (threads === 1) return await openAlone(code, flavour);
  try {
    const { openThreads } = await import("./open_threads.ts");
    return await openThreads(code, flavour, threads, options);
  } catch (error) {
    return await openAlone(code, flavour, error instanceof Error ? error.message : String(error));
  }
}

async function openAlone(
  code: Uint8Array<ArrayBuffer>,
  flavour: string,
  why?: string,
): Promise<WasmBackend> {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: PAGES_MAX });
  const { instance } = await WebAssembly.instantiate(code, { env: { memory } });
  return new WasmBackend(instance.exports as unknown as WasmExports, flavour, { why });
}
