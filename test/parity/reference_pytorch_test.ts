import { openBackend } from "../../kernels/mod.ts";
import { pytorchSuite } from "./pytorch_suite.ts";

pytorchSuite("reference", () => openBackend("reference"));
