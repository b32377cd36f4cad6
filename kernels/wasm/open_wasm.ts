import { WasmBackend } from "./backend.ts";
import type { WasmExports } from "./exports.ts";
import { RELAXED_MODULE, SIMD_MODULE } from "./module.ts";

/** How {@linkcode openWasm} chooses. */
export interface WasmOptions {
  /** Whether relaxed SIMD is used; by default where the engine has it. */
  readonly relaxedSimd?: boolean;
}

function bytes(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

/**
 * Opens the CPU backend, with relaxed SIMD (one rounding for a multiply-add) where the engine has it.
 *
 * @throws {Error} when the engine has no WebAssembly SIMD, or no relaxed SIMD where it is asked for.
 */
export async function openWasm(options: WasmOptions = {}): Promise<WasmBackend> {
  const relaxedBytes = bytes(RELAXED_MODULE);
  const relaxed = options.relaxedSimd ?? WebAssembly.validate(relaxedBytes);
  const code = relaxed ? relaxedBytes : bytes(SIMD_MODULE);
  if (!WebAssembly.validate(code)) {
    const missing = relaxed ? "relaxed SIMD" : "SIMD";
    throw new Error(`Cannot open backend: this engine has no WebAssembly ${missing}`);
  }
  const { instance } = await WebAssembly.instantiate(code, {
    env: {
      abort(): never {
        throw new Error("The WASM kernels stopped: this is a bug");
      },
    },
  });
  const exports = instance.exports as unknown as WasmExports;
  return new WasmBackend(exports, relaxed ? "relaxed SIMD" : "SIMD");
}
