// deno task simulate --seeds 10000 [--first 0] [--mutation NAME]
import { parseArgs } from "node:util";
import { shareLeases } from "./lease_simulation.ts";
import { MUTATIONS } from "./mutations.ts";
import { describe, scenarioOf } from "./scenario.ts";
import { shrink } from "./shrink.ts";
import { simulate } from "./simulate.ts";
import { Tally } from "./tally.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "1000" },
    first: { type: "string", default: "0" },
    mutation: { type: "string" },
  },
});
const first = Number(values.first);
const seeds = Number(values.seeds);
if (!Number.isSafeInteger(first) || !Number.isSafeInteger(seeds) || seeds < 1) {
  throw new RangeError("--first and --seeds take whole numbers");
}
const mutation = values.mutation === undefined ? {} : MUTATIONS[values.mutation];
if (mutation === undefined) {
  throw new RangeError(`--mutation takes one of ${Object.keys(MUTATIONS).join(", ")}`);
}
/** One seed in so many also runs workers that share partitions out: it takes ten times as long. */
const LEASE_EVERY = 10;
const startedMs = performance.now();
let ticks = 0;
const tally = new Tally();
for (let seed = first; seed < first + seeds; seed++) {
  const scenario = scenarioOf(seed);
  const broken = seed % LEASE_EVERY === 0 ? await shareLeases(seed) : undefined;
  if (broken !== undefined) {
    console.log(`seed ${seed}, sharing partitions out: ${broken}`);
    Deno.exit(1);
  }
  const outcome = await simulate(scenario, mutation);
  ticks += outcome.applied;
  tally.addAll(outcome.tally);
  if (outcome.error !== undefined) {
    console.log(`${describe(scenario)}\n  ${outcome.error.message}\nMaking it smaller …`);
    const small = await shrink(scenario, mutation);
    console.log([describe(small.scenario), ...small.outcome.trace].join("\n  "));
    console.log(`To see it again: deno task simulate --first ${seed} --seeds 1`);
    Deno.exit(1);
  }
}
const seconds = (performance.now() - startedMs) / 1000;
console.log(
  `${seeds} seeds passed in ${seconds.toFixed(1)} s (${
    (seconds * 1000 / seeds).toFixed(2)
  } ms each): ` +
    `${ticks} ticks\n${tally}`,
);
