import type { Frame } from "../../streams/mod.ts";
import type { Forecaster } from "../../src/forecast/forecaster.ts";
import { OnlineForecaster } from "../../src/forecast/online_forecaster.ts";
import { DeviceLostError, TinyForecaster } from "./tiny_forecaster.ts";

/** What forecasts in a simulation: the smallest one with everything, or the product's own. */
export type ForecasterKind = "tiny" | "online";

/** Says whether the device is lost at this step. */
export type LosesDevice = () => boolean;

/** The product's forecaster with cheap experts, on a device that may be lost in the middle of a step. */
export class FragileOnlineForecaster extends OnlineForecaster {
  readonly #losesDevice: LosesDevice;

  constructor(losesDevice: LosesDevice = () => false) {
    super({
      horizon: 2,
      levels: [0.1, 0.5, 0.9],
      experts: ["last_value", "smoothing"],
      season: 0,
      historyLimit: 256,
    });
    this.#losesDevice = losesDevice;
  }

  override step(frames: readonly Frame[]): void | Promise<void> {
    if (!this.#losesDevice()) return super.step(frames);
    super.step(frames.slice(0, frames.length >> 1));
    throw new DeviceLostError("Device lost");
  }
}

/** A forecaster of a kind. */
export function simForecaster(kind: ForecasterKind, losesDevice?: LosesDevice): Forecaster {
  return kind === "tiny"
    ? new TinyForecaster(losesDevice)
    : new FragileOnlineForecaster(losesDevice);
}
