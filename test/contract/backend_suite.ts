// What every backend is held to: agreement with the reference kernel by kernel, and what must be exact.
import { elementwiseTests } from "./elementwise_tests.ts";
import { exactnessTests } from "./exactness_tests.ts";
import { lossTests } from "./loss_tests.ts";
import { recurrentTests } from "./recurrent_tests.ts";
import { refusalTests } from "./refusal_tests.ts";
import { trainingTests } from "./training_tests.ts";
import type { Backend } from "../../kernels/mod.ts";
import { Device } from "./device.ts";

/**
 * The largest error allowed, relative to the largest element of the expected result. `exact` is not
 * here: what must be exact is exact on every backend.
 */
export interface Tolerances {
  /** h and c after one step or a short sequence. */
  readonly forward: number;
  /** Gradients through a sequence or a linear layer. */
  readonly gradient: number;
  /** A linear layer. */
  readonly linear: number;
  /** A loss and its gradient. */
  readonly loss: number;
  /** Parameters and moments after ten steps of an optimiser. */
  readonly optimiser: number;
  /** Each of 200 losses of a training run, relative to that loss. */
  readonly training: number;
}

/** Registers one test on the backend under test, with the oracle beside it. */
export type Case = (
  name: string,
  run: (device: Device, oracle: Device, tolerances: Tolerances) => Promise<void>,
) => void;

/** Where a suite cannot run. */
export interface SuiteOptions {
  /** Why, in words; the tests are then ignored and the reason printed. */
  readonly skip?: string;
}

/** Registers the whole suite for one backend. */
export function backendSuite(
  title: string,
  open: () => Promise<Backend>,
  openOracle: () => Promise<Backend>,
  tolerances: Tolerances,
  options: SuiteOptions = {},
): void {
  if (options.skip) console.warn(`${title}: skipped, ${options.skip}`);
  const register: Case = (name, run) => {
    Deno.test({
      name: `${title}: ${name}`,
      ignore: options.skip !== undefined,
      async fn(): Promise<void> {
        using device = new Device(await open());
        using oracle = new Device(await openOracle());
        await run(device, oracle, tolerances);
      },
    });
  };
  elementwiseTests(register);
  recurrentTests(register);
  lossTests(register);
  exactnessTests(register);
  trainingTests(register);
  refusalTests(register);
}
