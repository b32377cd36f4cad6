import { type Backend, type DeviceBuffer, isHostBackend } from "../../kernels/mod.ts";

/** Up to so many numbers are copied one by one. */
const LOOPED_MAX = 64;

/**
 * Copies a buffer to the host: at once where the host sees the device's memory, else as a promise.
 *
 * @param backend Whose buffer it is.
 * @param buffer What is read.
 * @param target What is filled.
 * @param offset From where on it is read.
 * @returns Nothing, or a promise of the copy having been made.
 */
export function readBuffer(
  backend: Backend,
  buffer: DeviceBuffer,
  target: Float32Array,
  offset: number = 0,
): void | Promise<void> {
  if (!isHostBackend(backend)) return backend.read(buffer, target, offset);
  const memory = backend.view(buffer);
  // A single series has few outputs: a loop is quicker than a view of them and a call.
  if (target.length <= LOOPED_MAX) {
    for (let k = 0; k < target.length; k++) {
      target[k] = memory[offset + k];
    }
  } else target.set(memory.subarray(offset, offset + target.length));
}
