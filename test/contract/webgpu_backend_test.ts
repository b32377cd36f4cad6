// The WGSL kernels under the suite that every backend is held to.
import { openBackend } from "../../kernels/mod.ts";
import { openWebGpu } from "../../kernels/webgpu/open_webgpu.ts";
import { skipWithoutAdapter } from "../gpu_adapter.ts";
import { backendSuite } from "./backend_suite.ts";

backendSuite(
  "webgpu",
  () => openWebGpu({ allowFallbackAdapter: true }),
  () => openBackend("reference"),
  {
    forward: 5e-6,
    gradient: 2e-5,
    linear: 2e-6,
    loss: 2e-6,
    optimiser: 1e-5,
    training: 1e-3,
  },
  { skip: await skipWithoutAdapter() },
);
