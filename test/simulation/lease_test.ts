import { equal, ok } from "node:assert/strict";
import { CarelessKeyValues, shareLeases } from "./lease_simulation.ts";

const SEEDS = 60;

Deno.test("never do two workers hold a partition, and in the end each has its share", async () => {
  for (let seed = 0; seed < SEEDS; seed++) {
    equal(await shareLeases(seed), undefined, `seed ${seed}`);
  }
});

Deno.test("a store that does not compare before it sets is found out", async () => {
  let seed = 0;
  while (await shareLeases(seed, CarelessKeyValues) === undefined) ok(++seed < SEEDS);
  equal(await shareLeases(seed, CarelessKeyValues), await shareLeases(seed, CarelessKeyValues));
});
