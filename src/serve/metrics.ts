import process from "node:process";
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { Status } from "../../streams/mod.ts";
import type { Engine } from "./engine.ts";
import type { Monitor } from "./monitor.ts";

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

/** The sources of statuses that hand forecasts to subscribers. */
const FAN_OUTS: ReadonlySet<string> = new Set(["forecasts", "event streams"]);

/**
 * What a server counts, in the Prometheus text format. Labels are bounded: reasons and results come from
 * fixed sets, feeds are named by the operator, and a series is never a label.
 */
export class Metrics {
  readonly #registry = new Registry();
  readonly #ticks: Counter;
  readonly #dropped: Counter<"reason">;
  readonly #late: Counter;
  readonly #missing: Counter;
  readonly #forecastsDropped: Counter;
  readonly #reconnects: Counter<"feed">;
  readonly #drifts: Counter;
  readonly #promotions: Counter<"result">;
  readonly #unsubscribe: readonly (() => void)[];

  /**
   * Starts counting at zero.
   *
   * @param engine What is counted.
   * @param monitor Whose scores are told.
   * @param subscribers How many sockets and event streams subscribe to forecasts now.
   */
  constructor(engine: Engine, monitor: Monitor, subscribers: () => number) {
    const registers = [this.#registry];
    const counter = <L extends string = never>(
      name: string,
      help: string,
      labelNames: L[] = [],
    ): Counter<L> => new Counter({ name: `tickcast_${name}`, help, labelNames, registers });
    const gauge = (name: string, help: string, value: () => number): Gauge =>
      new Gauge({
        name,
        help,
        registers,
        collect(): void {
          this.set(value());
        },
      });
    this.#ticks = counter("ticks_total", "Ticks accepted and taken through the pipeline");
    this.#dropped = counter("dropped_total", "Ticks left out, by reason", ["reason"]);
    this.#late = counter("late_total", "Ticks left out because later ones had been taken");
    this.#missing = counter("missing_total", "Ticks that a feed left out, told by its gaps");
    this.#forecastsDropped = counter(
      "forecasts_dropped_total",
      "Forecasts that subscribers lost by reading too slowly",
    );
    this.#reconnects = counter("feed_reconnects_total", "Attempts to connect anew", ["feed"]);
    this.#drifts = counter("drifts_total", "Drifts found");
    this.#promotions = counter("promotions_total", "Verdicts on retrained parameters", ["result"]);
    for (const result of ["promoted", "rejected"]) this.#promotions.inc({ result }, 0);
    const durations = new Histogram({
      name: "tickcast_tick_to_forecast_seconds",
      help: "From the coming of a batch of ticks to its last forecast, its commit included",
      buckets: SECONDS_BUCKETS,
      registers,
    });
    this.#scores(monitor);
    this.#feeds(engine);
    gauge("tickcast_series", "Series with a forecast", () => engine.health().series);
    gauge("tickcast_waiting_ticks", "Ticks accepted and not forecast from", () => {
      return engine.health().waiting;
    });
    gauge("tickcast_healthy", "1 while forecasts are made and ticks can be kept", () => {
      return engine.health().ok ? 1 : 0;
    });
    gauge("tickcast_journal_bytes", "Bytes the journal takes", () => {
      return engine.health().store.journalBytes;
    });
    gauge(
      "tickcast_subscribers",
      "Sockets and event streams that subscribe to forecasts",
      subscribers,
    );
    gauge("tickcast_parameters_version", "Version of the parameters in use; 0 untrained", () => {
      return engine.forecaster.learner?.learning.version ?? 0;
    });
    this.#process(gauge);
    this.#unsubscribe = [
      engine.onStatus((status) => this.#note(status)),
      engine.onApplied((ticks, durationMs) => {
        this.#ticks.inc(ticks);
        durations.observe(durationMs / 1000);
      }),
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

  #note(status: Status): void {
    switch (status.kind) {
      case "rejected":
        return this.#dropped.inc({ reason: status.reason }, status.count);
      case "duplicate":
        return this.#dropped.inc({ reason: "duplicate" });
      case "dropped":
        // What fans out loses forecasts; whoever else drops, drops ticks.
        return FAN_OUTS.has(status.source)
          ? this.#forecastsDropped.inc(status.count)
          : this.#dropped.inc({ reason: status.policy }, status.count);
      case "late":
        return this.#late.inc();
      case "gap":
        return this.#missing.inc(status.missing);
      case "reconnecting":
        return this.#reconnects.inc({ feed: status.source });
      case "drift":
        return this.#drifts.inc();
      case "promoted":
        return this.#promotions.inc({ result: "promoted" });
      case "candidate-rejected":
        return this.#promotions.inc({ result: "rejected" });
    }
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

  /** The usual metrics of a process; prom-client's own read zeros under Deno. */
  #process(gauge: (name: string, help: string, value: () => number) => Gauge): void {
    const memory = (): Deno.MemoryUsage => Deno.memoryUsage();
    gauge("process_resident_memory_bytes", "Resident memory", () => memory().rss);
    gauge("process_heap_bytes", "Heap in use by JavaScript", () => memory().heapUsed);
    gauge("process_external_memory_bytes", "Memory of buffers outside the heap", () => {
      return memory().external;
    });
    new Counter({
      name: "process_cpu_seconds_total",
      help: "CPU time, user and system",
      registers: [this.#registry],
      collect(): void {
        const { user, system } = process.cpuUsage();
        this.reset();
        this.inc((user + system) / 1e6);
      },
    });
    const startedMs = performance.timeOrigin;
    gauge("process_start_time_seconds", "When the process started", () => startedMs / 1000);
  }
}
