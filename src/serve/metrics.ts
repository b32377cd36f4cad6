import { Gauge, Registry } from "prom-client";
import type { Engine } from "./engine.ts";
import type { Monitor } from "./monitor.ts";
import { gauge } from "./gauge.ts";
import { tellProcess } from "./process_metrics.ts";
import { StatusCounters } from "./status_counters.ts";
import { StepMetrics } from "./step_metrics.ts";

/** What a server counts, in the Prometheus text format. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #unsubscribe: readonly (() => void)[];

  /**
   * Starts counting at zero.
   *
   * @param engine What is counted.
   * @param monitor Whose scores are told.
   * @param subscribers How many sockets and event streams subscribe to forecasts now.
   */
  constructor(engine: Engine, monitor: Monitor, subscribers: () => number) {
    const registry = this.#registry;
    const counters = new StatusCounters(registry);
    const steps = new StepMetrics(
      registry,
      "From the coming of a batch of ticks to its last forecast, its commit included",
    );
    this.#scores(monitor);
    this.#feeds(engine);
    gauge(registry, "tickcast_series", "Series with a forecast", () => engine.health().series);
    gauge(registry, "tickcast_waiting_ticks", "Ticks accepted and not forecast from", () => {
      return engine.health().waiting;
    });
    gauge(registry, "tickcast_healthy", "1 while forecasts are made and ticks can be kept", () => {
      return engine.health().ok ? 1 : 0;
    });
    gauge(registry, "tickcast_journal_bytes", "Bytes the journal takes", () => {
      return engine.health().store.journalBytes;
    });
    gauge(
      registry,
      "tickcast_subscribers",
      "Sockets and event streams that subscribe to forecasts",
      subscribers,
    );
    gauge(
      registry,
      "tickcast_parameters_version",
      "Version of the parameters in use; 0 untrained",
      () => {
        return engine.forecaster.learner?.learning.version ?? 0;
      },
    );
    tellProcess(registry);
    this.#unsubscribe = [
      engine.onStatus((status) => counters.note(status)),
      engine.onApplied((ticks, durationMs) => steps.note(ticks, durationMs)),
    ];
  }

  /** The type of {@linkcode Metrics.text}. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Every metric as text. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** Stops counting. */
  close(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
  }

  #scores(monitor: Monitor): void {
    const registers = [this.#registry];
    new Gauge({
      name: "tickcast_skill_ratio",
      help: "1 - MAE / MAE of the naive forecast, over all series, by horizon: first step or last",
      labelNames: ["horizon"],
      registers,
      collect(): void {
        for (const horizon of ["first", "last"] as const) {
          this.set({ horizon }, monitor.overall(horizon).skill);
        }
      },
    });
    new Gauge({
      name: "tickcast_interval_coverage_ratio",
      help: "Share of truths inside their bands, over all series, by level and horizon",
      labelNames: ["level", "horizon"],
      registers,
      collect(): void {
        for (const horizon of ["first", "last"] as const) {
          const { coverage80, coverage90 } = monitor.overall(horizon);
          this.set({ level: "0.8", horizon }, coverage80);
          this.set({ level: "0.9", horizon }, coverage90);
        }
      },
    });
  }

  #feeds(engine: Engine): void {
    new Gauge({
      name: "tickcast_feed_last_message_timestamp_seconds",
      help: "When the last message of a feed came; http and websocket are what clients send in",
      labelNames: ["feed"],
      registers: [this.#registry],
      collect(): void {
        for (const [feed, timeMs] of engine.lastMessages) this.set({ feed }, timeMs / 1000);
      },
    });
  }
}
