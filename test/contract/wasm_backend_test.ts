// The WASM kernels, in both flavours, under the suite that every backend is held to.
import { openBackend } from "../../kernels/mod.ts";
import { openWasm } from "../../kernels/wasm/open_wasm.ts";
import { backendSuite } from "./backend_suite.ts";

for (const relaxedSimd of [false, true]) {
  backendSuite(
    relaxedSimd ? "wasm with relaxed SIMD" : "wasm",
    () => openWasm({ relaxedSimd }),
    () => openBackend("reference"),
    {
      forward: 2e-6,
      gradient: 1e-5,
      linear: 2e-6,
      loss: 2e-6,
      optimiser: 1e-5,
      training: 1e-3,
    },
  );
}
