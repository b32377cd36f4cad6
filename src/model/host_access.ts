import { type Backend, type DeviceBuffer, isHostBackend } from "../../kernels/mod.ts";

/**
 * Copies a buffer to the host: at once where the host sees the device's memory, else as a promise.
 *
 * @param backend Whose buffer it is.
 * @param buffer What is read.
 * @param target What is filled.
 * @returns Nothing, or a promise of the copy having been made.
 */
export function readBuffer(
  backend: Backend,
  buffer: DeviceBuffer,
  target: Float32Array,
): void | Promise<void> {
  if (!isHostBackend(backend)) return backend.read(buffer, target);
  const memory = backend.view(buffer);
  target.set(memory.length === target.length ? memory : memory.subarray(0, target.length));
}
