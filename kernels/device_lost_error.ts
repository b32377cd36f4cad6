/**
 * The device is gone, its memory with it: unplugged, reset by its driver, or given back. Whoever waits
 * for a read is told by this error; a backend must be opened anew and filled from a copy on the host.
 *
 * @example Telling a lost device from other trouble
 * ```ts
 * import { DeviceLostError } from "@tickcast/tickcast/kernels";
 *
 * const error: unknown = new DeviceLostError("The GPU was lost: destroyed");
 * if (!(error instanceof DeviceLostError)) throw error;
 * ```
 */
export class DeviceLostError extends Error {
  /** The error's class name. */
  override readonly name: string = "DeviceLostError";
}
