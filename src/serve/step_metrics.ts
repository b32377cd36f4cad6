import { Counter, Histogram, type Registry } from "prom-client";

/** From half a millisecond, a step on a CPU, to ten seconds, when something is wrong. */
const SECONDS_BUCKETS = [
  0.0005,
  0.001,
  0.0025,
  0.005,
  0.01,
  0.025,
  0.05,
  0.1,
  0.25,
  0.5,
  1,
  2.5,
  5,
  10,
];

/** Counts ticks that were forecast from, and how long that took. */
export class StepMetrics {
  readonly #ticks: Counter;
  readonly #durations: Histogram;

  /**
   * Starts counting at zero.
   *
   * @param registry Where it is told.
   * @param durations What a duration is, in words.
   */
  constructor(registry: Registry, durations: string) {
    const registers = [registry];
    this.#ticks = new Counter({
      name: "tickcast_ticks_total",
      help: "Ticks accepted and taken through the pipeline",
      registers,
    });
    this.#durations = new Histogram({
      name: "tickcast_tick_to_forecast_seconds",
      help: durations,
      buckets: SECONDS_BUCKETS,
      registers,
    });
  }

  /** Counts a batch of ticks whose last forecast took so long. */
  note(ticks: number, durationMs: number): void {
    this.#ticks.inc(ticks);
    this.#durations.observe(durationMs / 1000);
  }
}
