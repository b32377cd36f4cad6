import { Random } from "./random.ts";
import type { ForecasterKind } from "./sim_forecaster.ts";

/** What can happen to a server; each can be switched off, to find which ones a failure needs. */
export const FAULTS = [
  "drop",
  "duplicate",
  "delay",
  "disconnect",
  "crash",
  "stop",
  "checkpoint",
  "rot",
  "disk-full",
  "slow-consumer",
  "sink-failure",
  "device-loss",
  "clock-jump",
] as const;

/** One thing that can happen to it. */
export type Fault = typeof FAULTS[number];

/** One simulated run, wholly determined by this. */
export interface Scenario {
  readonly seed: number;
  /** Ticks sent by all clients together. */
  readonly ticks: number;
  readonly series: number;
  /** What forecasts. */
  readonly forecaster: ForecasterKind;
  /** How long a tick is held back for earlier ones of its series. */
  readonly latenessMs: number;
  readonly faults: ReadonlySet<Fault>;
}

/** The scenario of a seed: its size, and each fault with even chances. */
export function scenarioOf(seed: number): Scenario {
  const random = new Random(seed, "scenario");
  return {
    seed,
    ticks: random.between(40, 160),
    series: random.between(1, 5),
    forecaster: random.chance(0.25) ? "online" : "tiny",
    latenessMs: random.chance(0.25) ? 3_000 : 0,
    faults: new Set(FAULTS.filter(() => random.chance(0.5))),
  };
}

/** A scenario in one line, as it can be read in a report. */
export function describe(scenario: Scenario): string {
  const { seed, ticks, series, forecaster, latenessMs, faults } = scenario;
  return `seed ${seed}: ${ticks} ticks of ${series} series, forecaster ${forecaster}, ` +
    `${latenessMs} ms late at most, faults: ${[...faults].join(", ") || "none"}`;
}
