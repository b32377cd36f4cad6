import { OnlineForecaster, openNetwork, type OpenNetworkOptions } from "../../mod.ts";
import { forecasterSuite } from "./forecaster_suite.ts";
import { skipWithoutAdapter } from "../gpu_adapter.ts";
import { networkOnGpu } from "../network_on_gpu.ts";

/** Small and often retrained, so that a few hundred steps see several swaps. */
const SMALL: OpenNetworkOptions = {
  horizon: 3,
  hiddenSize: 8,
  trainInline: true,
  memorySteps: 256,
  plan: { everySteps: 128, firstSteps: 128, delaySteps: 40, delayMs: 0 },
  trainer: { epochs: 2, window: 32, burnIn: 8 },
};

async function alone(options: OpenNetworkOptions): Promise<OnlineForecaster> {
  const guests = [await openNetwork(options)];
  return new OnlineForecaster({ horizon: options.horizon, experts: [], guests });
}

forecasterSuite("an LSTM", () => alone(SMALL));
forecasterSuite("two GRU layers", () => alone({ ...SMALL, cell: "gru", layers: 2 }), 300);
forecasterSuite(
  "a frozen GRU",
  () => alone({ ...SMALL, cell: "gru_reset_before", plan: false }),
  200,
);

const skip = await skipWithoutAdapter();
if (skip) console.warn(`a network on the GPU: skipped, ${skip}`);
else {
  // Few steps: every read of a device costs some ten milliseconds. Swaps, and snapshots around them, have
  // a test of their own.
  forecasterSuite("a GRU on the GPU", async () => {
    const guests = [await networkOnGpu({ ...SMALL, cell: "gru", plan: false })];
    return new OnlineForecaster({ horizon: SMALL.horizon, experts: [], guests });
  }, 24);
}
