import { deepStrictEqual, equal, ok } from "node:assert/strict";
import { MUTATIONS } from "./mutations.ts";
import { describe, FAULTS, scenarioOf } from "./scenario.ts";
import { shrink } from "./shrink.ts";
import { simulate } from "./simulate.ts";
import { HAPPENINGS, Tally } from "./tally.ts";

/** Enough to meet every fault many times over; `deno task simulate` runs as many as one likes. */
const SEEDS = 300;
/** A planted bug must be found within so many. */
const SEEDS_TO_FIND_A_BUG = 1000;

Deno.test("every invariant holds in every simulated run, whatever happens", async () => {
  const tally = new Tally();
  for (let seed = 0; seed < SEEDS; seed++) {
    const scenario = scenarioOf(seed);
    const outcome = await simulate(scenario);
    equal(outcome.error, undefined, `${describe(scenario)}\n${outcome.trace.join("\n")}`);
    const { applied, late } = outcome;
    ok(scenario.latenessMs > 0 || applied + late === scenario.ticks, describe(scenario));
    tally.addAll(outcome.tally);
  }
  // A fault that never struck proves nothing.
  deepStrictEqual(HAPPENINGS.filter((happening) => tally.count(happening) === 0), []);
});

Deno.test("a seed runs the same way every time", async () => {
  const scenario = { ...scenarioOf(5), faults: new Set(FAULTS) };
  const first = await simulate(scenario);
  ok(first.trace.length > 0);
  deepStrictEqual(await simulate(scenario), first);
});

for (const [name, mutation] of Object.entries(MUTATIONS)) {
  Deno.test(`a planted bug is found: ${name}`, async () => {
    let seed = 0;
    while ((await simulate(scenarioOf(seed), mutation)).error === undefined) {
      seed++;
      ok(seed < SEEDS_TO_FIND_A_BUG, `not found in ${seed} seeds`);
    }
    const small = await shrink(scenarioOf(seed), mutation);
    ok(small.scenario.ticks <= scenarioOf(seed).ticks);
    ok(small.outcome.trace.at(-1)?.includes("BROKEN"));
    deepStrictEqual(await simulate(small.scenario, mutation), small.outcome);
  });
}
