import { Random } from "./random.ts";

/** What can go wrong; each can be switched off, to find which ones a failure needs. */
export const FAULTS = [
  "drop",
  "duplicate",
  "delay",
  "disconnect",
  "crash",
  "rot",
  "disk-full",
  "slow-consumer",
  "sink-failure",
  "device-loss",
  "clock-jump",
] as const;

/** One thing that can go wrong. */
export type Fault = typeof FAULTS[number];

/** One simulated run, wholly determined by this. */
export interface Scenario {
  readonly seed: number;
  /** Ticks sent by all clients together. */
  readonly ticks: number;
  readonly series: number;
  readonly faults: ReadonlySet<Fault>;
}

/** The scenario of a seed: its size, and each fault with even chances. */
export function scenarioOf(seed: number): Scenario {
  const random = new Random(seed, "scenario");
  return {
    seed,
    ticks: random.between(40, 160),
    series: random.between(1, 5),
    faults: new Set(FAULTS.filter(() => random.chance(0.5))),
  };
}

/** A scenario in one line, as it can be read in a report. */
export function describe({ seed, ticks, series, faults }: Scenario): string {
  return `seed ${seed}: ${ticks} ticks of ${series} series, faults: ${
    [...faults].join(", ") || "none"
  }`;
}
