import type { StatusListener } from "../../streams/mod.ts";
import { ALL_EXPERTS, type ExpertName } from "../forecast/experts/registry.ts";
import { OnlineForecaster, type OnlineForecasterOptions } from "../forecast/online_forecaster.ts";
import { OnnxExpert } from "../interop/onnx_expert.ts";
import type { OptionValues } from "./options.ts";

/** The options of every command that forecasts. */
export const FORECASTER_OPTIONS = {
  horizon: {
    kind: "integer",
    default: 12,
    min: 1,
    max: 1000,
    placeholder: "STEPS",
    description: "Steps ahead to forecast",
  },
  season: {
    kind: "integer",
    min: 0,
    placeholder: "STEPS",
    description: "Seasonal period, 0 for none; found from the data where left out",
  },
  experts: {
    kind: "list",
    placeholder: "NAME",
    choices: ALL_EXPERTS,
    description: "Experts of the mixture; all of them where left out",
  },
} as const;

/** The options of commands that can take a model along. */
export const MODEL_OPTIONS = {
  model: {
    kind: "string",
    placeholder: "FILE.onnx",
    description: "A recurrent ONNX model as one more expert; it takes the value columns in order",
  },
} as const;

/** What a forecaster is made with, from the command line. */
export function forecasterOptions(
  options: OptionValues<typeof FORECASTER_OPTIONS>,
): OnlineForecasterOptions {
  const { horizon, season, experts } = options;
  return {
    horizon,
    season,
    experts: experts.length > 0 ? experts as readonly ExpertName[] : undefined,
  };
}

/** The forecaster that a command line asks for. */
export async function openForecaster(
  options: OptionValues<typeof FORECASTER_OPTIONS & typeof MODEL_OPTIONS>,
  onStatus: StatusListener,
): Promise<OnlineForecaster> {
  const { horizon, model } = options;
  const guests = model === undefined
    ? []
    : [await OnnxExpert.open(await Deno.readFile(model), { horizon, onStatus })];
  return new OnlineForecaster({ ...forecasterOptions(options), guests });
}
