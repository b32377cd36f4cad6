import { WasmBackend } from "./backend.ts";
import type { WasmExports } from "./exports.ts";
import { RowThreads, type RowThreadsOptions } from "./row_threads.ts";
import { openSharedMemory, withSharedMemory } from "./shared_memory.ts";

/**
 * Opens a backend with several threads. It is loaded only where they are asked for.
 *
 * @param code The kernels, importing memory of their own.
 * @param flavour What they need of the engine, for people.
 * @param count How many threads.
 * @throws {Error} when this place has no shared memory or no workers.
 */
export async function openThreads(
  code: Uint8Array<ArrayBuffer>,
  flavour: string,
  count: number,
  options: RowThreadsOptions,
): Promise<WasmBackend> {
  // Pages that are not isolated from others (COOP, COEP) have no shared memory, some places no workers.
  for (const needed of ["SharedArrayBuffer", "Worker"]) {
    if (!(needed in globalThis)) throw new Error(`there is no ${needed} here`);
  }
  const memory = openSharedMemory();
  const module = await WebAssembly.compile(withSharedMemory(code));
  const instance = await WebAssembly.instantiate(module, { env: { memory } });
  const exports = instance.exports as unknown as WasmExports;
  const threads = await RowThreads.open(module, memory, exports, count, options);
  return new WasmBackend(exports, flavour, { threads });
}
