/** What a reader of a forecast should know about it. */
export type ForecastFlag =
  /** The series is young: the bands rest on little. */
  | "warming-up"
  /** A part of the model is out of order and others stand in. */
  | "degraded"
  /** The feed has been silent for longer than it should. */
  | "stale"
  /** The tick at the origin lay outside its band. */
  | "anomaly";

/** What comes out: the next steps of one series, as seen after one tick. */
export interface Forecast {
  /** The series. */
  readonly series: string;
  /** The time of the last tick seen, epoch milliseconds. */
  readonly time: number;
  /** The step of that tick within the series. */
  readonly step: number;
  /** The value of that tick, `NaN` where it was missing: the truth of what was forecast before. */
  readonly value: number;
  /** The times forecast for, epoch milliseconds `[horizon]`. */
  readonly times: Float64Array;
  /** The expected values `[horizon]`, in the series' own unit. */
  readonly mean: Float64Array;
  /** The levels of `quantiles`, ascending. */
  readonly levels: readonly number[];
  /** Quantiles `[horizon, levels]`, row-major, never crossing. */
  readonly quantiles: Float64Array;
  /** Which parameters made it; 0 is the untrained network. */
  readonly parametersVersion: number;
  /** What to know about it. */
  readonly flags: readonly ForecastFlag[];
  /** How surprising the tick at the origin was: the two-sided p-value of its band, in (0, 1]. */
  readonly pValue: number;
}
