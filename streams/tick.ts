/**
 * One observation of one series: what enters Tickcast.
 *
 * A stream's chunk is a micro-batch, `readonly Tick[]`: whatever has arrived since the last pull.
 */
export interface Tick {
  /** Which series it belongs to. */
  readonly series: string;
  /** When it was observed, in epoch milliseconds. */
  readonly time: number;
  /**
   * The values by feature. The target is the feature `value` unless configured otherwise. Empty in a
   * step in which nothing arrived: resampling makes such ticks, decoders refuse them.
   */
  readonly values: Readonly<Record<string, number>>;
  /** The sender's own identifier, by which a repeated delivery is recognised. */
  readonly id?: string;
}

/** The feature that is forecast where nothing else is said. */
export const TARGET_FEATURE = "value";

/**
 * A tick brought to the grid: one step of one series, in the feature order of the pipeline.
 *
 * A feature that was missing holds `NaN`; a step in which nothing arrived holds only `NaN`.
 */
export interface Frame {
  /** Which series it belongs to. */
  readonly series: string;
  /** The time of the step, in epoch milliseconds. */
  readonly time: number;
  /** The step's index within the series, counted from 0; empty steps count. */
  readonly step: number;
  /** The values in feature order, target first; `NaN` where missing. */
  readonly values: Float64Array;
}
