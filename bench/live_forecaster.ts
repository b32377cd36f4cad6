// The forecaster of the end-to-end benchmarks: what a user with many fast series would take.
import { LIGHT_EXPERTS } from "../src/forecast/experts/registry.ts";
import { OnlineForecaster } from "../src/forecast/online_forecaster.ts";
import { openNetwork } from "../src/forecast/open_network.ts";

/**
 * The light experts and a live LSTM of 64 units whose state is carried along; it is not retrained, since
 * that runs aside and would only compete for the processor.
 *
 * @param horizon Steps ahead.
 * @param bare Whether the network is alone, as in the Python service.
 */
export async function liveForecaster(horizon: number, bare = false): Promise<OnlineForecaster> {
  const network = await openNetwork({
    horizon,
    hiddenSize: 64,
    plan: false,
    backend: "wasm",
    memorySteps: 256,
  });
  return new OnlineForecaster({
    horizon,
    experts: bare ? [] : LIGHT_EXPERTS,
    guests: [network],
    levels: [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95],
  });
}
