import type { Forecast, ForecastFlag } from "../forecast/forecast.ts";
import type { Forecaster } from "../forecast/forecaster.ts";

/** The flags there are, a bit each. */
const FLAGS: readonly ForecastFlag[] = ["warming-up", "degraded", "stale", "anomaly"];
/** Where what is not an array stands in a row. */
const [TIME, STEP, VALUE, VERSION, FLAG_BITS, P_VALUE, ARRAYS] = [0, 1, 2, 3, 4, 5, 6];

/**
 * Writes forecasts into rows of numbers and back. What a server remembers of them outlives many
 * collections of garbage: as objects, each of which is moved twice, they made ticks wait for 10 ms
 * several times a second.
 */
export class ForecastPacker {
  /** Numbers in a row. */
  readonly width: number;
  readonly #horizon: number;
  readonly #levels: readonly number[];

  /** @param forecaster Whose forecasts they are: all have its horizon and levels. */
  constructor({ horizon, levels }: Pick<Forecaster, "horizon" | "levels">) {
    this.#horizon = horizon;
    this.#levels = levels;
    this.width = ARRAYS + horizon * (2 + levels.length);
  }

  /** Writes everything but the name of the series, from `start` on. */
  pack(forecast: Forecast, row: Float64Array, start = 0): void {
    row[start + TIME] = forecast.time;
    row[start + STEP] = forecast.step;
    row[start + VALUE] = forecast.value;
    row[start + VERSION] = forecast.parametersVersion;
    let bits = 0;
    for (const flag of forecast.flags) bits |= 1 << FLAGS.indexOf(flag);
    row[start + FLAG_BITS] = bits;
    row[start + P_VALUE] = forecast.pValue;
    let at = start + ARRAYS;
    // A few numbers each: loops are quicker than calls that set them.
    const { times, mean, quantiles } = forecast;
    for (let h = 0; h < times.length; h++) row[at++] = times[h];
    for (let h = 0; h < mean.length; h++) row[at++] = mean[h];
    for (let q = 0; q < quantiles.length; q++) row[at++] = quantiles[q];
  }

  /** The forecast that a row holds; it shares no memory with it. */
  unpack(series: string, row: Float64Array): Forecast {
    const horizon = this.#horizon;
    const mean = ARRAYS + horizon;
    const quantiles = mean + horizon;
    return {
      series,
      time: row[TIME],
      step: row[STEP],
      value: row[VALUE],
      times: row.slice(ARRAYS, mean),
      mean: row.slice(mean, quantiles),
      levels: this.#levels,
      quantiles: row.slice(quantiles),
      parametersVersion: row[VERSION],
      flags: FLAGS.filter((_, bit) => (row[FLAG_BITS] & 1 << bit) !== 0),
      pValue: row[P_VALUE],
    };
  }

  /** The step of the forecast that a row holds. */
  step(row: Float64Array): number {
    return row[STEP];
  }
}
