import { MODULES, SIMD_BYTES } from "./module.ts";

/** The two flavours of the kernels, as WebAssembly. */
export interface KernelModules {
  /** With 128-bit SIMD. */
  readonly simd: Uint8Array<ArrayBuffer>;
  /** With relaxed SIMD as well. */
  readonly relaxed: Uint8Array<ArrayBuffer>;
}

/** Pages of 64 KiB that 32-bit addresses reach: the most that the modules take as their memory. */
export const PAGES_MAX = 65_536;

let unpacked: Promise<KernelModules> | undefined;

/** What base64 text stands for. */
export function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

/** The kernels, unpacked once: the flavours are much alike, so packed as one they weigh as much as one. */
export function unpackKernels(): Promise<KernelModules> {
  unpacked ??= unpack();
  return unpacked;
}

async function unpack(): Promise<KernelModules> {
  const packed = new Blob([bytesOf(MODULES)]).stream();
  const both = await new Response(packed.pipeThrough(new DecompressionStream("deflate-raw")))
    .arrayBuffer();
  return {
    simd: new Uint8Array(both, 0, SIMD_BYTES),
    relaxed: new Uint8Array(both, SIMD_BYTES),
  };
}
