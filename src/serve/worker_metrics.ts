import { Registry } from "prom-client";
import { type Clock, type Status, systemClock } from "../../streams/mod.ts";
import { gauge } from "./gauge.ts";
import { tellProcess } from "./process_metrics.ts";
import { StatusCounters } from "./status_counters.ts";
import { StepMetrics } from "./step_metrics.ts";

/** What a worker of a cluster counts, in the Prometheus text format, and whether it works. */
export class WorkerMetrics {
  readonly #registry = new Registry();
  readonly #counters = new StatusCounters(this.#registry);
  readonly #steps = new StepMetrics(
    this.#registry,
    "From the reading of a batch of ticks to its last forecast in JetStream",
  );
  readonly #leaseMs: number;
  readonly #clock: Clock;
  #partitions = 0;
  #heartbeatMs = -Infinity;

  /**
   * Starts counting at zero.
   *
   * @param leaseMs A worker without a heartbeat for so long does not work.
   * @param clock Where time comes from.
   */
  constructor(leaseMs: number, clock: Clock = systemClock) {
    this.#leaseMs = leaseMs;
    this.#clock = clock;
    const registry = this.#registry;
    gauge(registry, "tickcast_partitions", "Partitions worked on", () => this.#partitions);
    gauge(registry, "tickcast_healthy", "1 while the lease on the partitions is renewed", () => {
      return this.healthy ? 1 : 0;
    });
    tellProcess(registry);
  }

  /** Whether its lease was renewed lately, so that it may work. */
  get healthy(): boolean {
    return this.#clock.now() - this.#heartbeatMs < this.#leaseMs;
  }

  /** The type of {@linkcode WorkerMetrics.text}. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Every metric as text. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** Counts what a status tells. */
  note(status: Status): void {
    this.#counters.note(status);
  }

  /** Counts a batch of ticks. */
  applied(ticks: number, durationMs: number): void {
    this.#steps.note(ticks, durationMs);
  }

  /** Notes how many partitions are worked on. */
  owned(partitions: number): void {
    this.#partitions = partitions;
  }

  /** Notes that the lease was renewed. */
  renewed(): void {
    this.#heartbeatMs = this.#clock.now();
  }
}
