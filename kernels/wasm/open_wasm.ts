import { WasmBackend } from "./backend.ts";
import type { WasmExports } from "./exports.ts";
import { unpackKernels } from "./unpack.ts";

/** How {@linkcode openWasm} chooses. */
export interface WasmOptions {
  /** Whether relaxed SIMD is used; by default where the engine has it. */
  readonly relaxedSimd?: boolean;
}

/**
 * Opens the CPU backend, with relaxed SIMD (one rounding for a multiply-add) where the engine has it.
 *
 * @throws {Error} when the engine has no WebAssembly SIMD, or no relaxed SIMD where it is asked for.
 */
export async function openWasm(options: WasmOptions = {}): Promise<WasmBackend> {
  const modules = await unpackKernels();
  const relaxed = options.relaxedSimd ?? WebAssembly.validate(modules.relaxed);
  const code = relaxed ? modules.relaxed : modules.simd;
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
