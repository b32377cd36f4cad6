import type { Mutation } from "./mutations.ts";
import type { Scenario } from "./scenario.ts";
import { type Outcome, simulate } from "./simulate.ts";

/** A failing scenario, and how it failed. */
export interface Failing {
  readonly scenario: Scenario;
  readonly outcome: Outcome;
}

/** Leaves out faults and ticks as long as the run still fails: what is left is what the failure needs. */
export async function shrink(scenario: Scenario, mutation: Mutation): Promise<Failing> {
  let best: Failing = { scenario, outcome: await simulate(scenario, mutation) };
  const keepIfFailing = async (candidate: Scenario): Promise<boolean> => {
    const outcome = await simulate(candidate, mutation);
    const same = kindOf(outcome) === kindOf(best.outcome);
    if (same) best = { scenario: candidate, outcome };
    return same;
  };
  for (const fault of scenario.faults) {
    const faults = new Set(best.scenario.faults);
    faults.delete(fault);
    await keepIfFailing({ ...best.scenario, faults });
  }
  while (best.scenario.series > 1) {
    if (!await keepIfFailing({ ...best.scenario, series: best.scenario.series - 1 })) break;
  }
  for (let cut = best.scenario.ticks >> 1; cut > 0; cut >>= 1) {
    while (best.scenario.ticks > cut) {
      if (!await keepIfFailing({ ...best.scenario, ticks: best.scenario.ticks - cut })) break;
    }
  }
  return best;
}

/** What was broken, without which tick or forecast it was. */
function kindOf({ error }: Outcome): string | undefined {
  return error?.message.replace(/\S*\d\S*/g, "N");
}
