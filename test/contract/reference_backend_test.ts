// The oracle under its own suite: it agrees with itself exactly, and holds what every backend must hold.
import { openBackend } from "../../kernels/mod.ts";
import { backendSuite } from "./backend_suite.ts";

const open = (): ReturnType<typeof openBackend> => openBackend("reference");

backendSuite("reference", open, open, {
  forward: 0,
  gradient: 0,
  linear: 0,
  loss: 0,
  optimiser: 0,
  training: 0,
});
