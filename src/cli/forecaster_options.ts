import { OnlineForecaster, type OnlineForecasterOptions } from "../forecast/online_forecaster.ts";
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
} as const;

/** What a forecaster is made with, from the command line. */
export function forecasterOptions(
  options: OptionValues<typeof FORECASTER_OPTIONS>,
): OnlineForecasterOptions {
  return { horizon: options.horizon, season: options.season };
}

/** The forecaster that a command line asks for. */
export function makeForecaster(
  options: OptionValues<typeof FORECASTER_OPTIONS>,
): OnlineForecaster {
  return new OnlineForecaster(forecasterOptions(options));
}
