import { PAGES_MAX } from "./unpack.ts";

/** Pages below which it is not worth asking a system that has no room for more: 64 MiB. */
const PAGES_FEW = 1024;

/** How the module's import of its memory begins: the name, the kind (memory), and limits with a maximum. */
const IMPORT = [6, ...new TextEncoder().encode("memory"), 2, 1];

/** Limits with a maximum, of a shared memory. */
const SHARED_LIMITS = 3;

/**
 * The module with the memory that it imports declared as shared: one bit. A memory's limits begin with
 * flags, 1 for a maximum and 2 for shared (WebAssembly's threads proposal, "Memory types" of the binary
 * format), and the kernels are valid over either, since they access it without atomics.
 *
 * @throws {Error} when it imports no memory.
 */
export function withSharedMemory(code: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const at = code.findIndex((_, from) => IMPORT.every((byte, k) => code[from + k] === byte));
  if (at < 0) throw new Error("The module imports no memory");
  const shared = code.slice();
  shared[at + IMPORT.length - 1] = SHARED_LIMITS;
  return shared;
}

/**
 * A memory that threads share. Its addresses are set aside at once, which some devices allow for less than
 * 4 GiB only.
 *
 * @throws {RangeError} when there is no room for 64 MiB.
 */
export function openSharedMemory(): WebAssembly.Memory {
  for (let maximum = PAGES_MAX;; maximum /= 2) {
    try {
      return new WebAssembly.Memory({ initial: 1, maximum, shared: true });
    } catch (error) {
      if (!(error instanceof RangeError) || maximum <= PAGES_FEW) throw error;
    }
  }
}
