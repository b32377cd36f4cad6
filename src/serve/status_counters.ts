import { Counter, type Registry } from "prom-client";
import type { Status } from "../../streams/mod.ts";

/** The sources of statuses that hand forecasts to subscribers. */
const FAN_OUTS: ReadonlySet<string> = new Set(["forecasts", "event streams"]);

/**
 * Counts what statuses tell. Labels are bounded: reasons and results come from fixed sets, feeds are
 * named by the operator, and a series is never a label.
 */
export class StatusCounters {
  readonly #dropped: Counter<"reason">;
  readonly #late: Counter;
  readonly #missing: Counter;
  readonly #forecastsDropped: Counter;
  readonly #reconnects: Counter<"feed">;
  readonly #drifts: Counter;
  readonly #promotions: Counter<"result">;

  /**
   * Starts counting at zero.
   *
   * @param registry Where the counters are told.
   */
  constructor(registry: Registry) {
    const registers = [registry];
    const counter = <L extends string = never>(
      name: string,
      help: string,
      labelNames: L[] = [],
    ): Counter<L> => new Counter({ name: `tickcast_${name}`, help, labelNames, registers });
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
  }

  /** Counts one. */
  note(status: Status): void {
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
}
