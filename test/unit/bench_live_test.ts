// The end-to-end and memory benchmarks, tiny.
import { ok, strictEqual } from "node:assert/strict";
import { endToEnd, SMALL } from "../../bench/end_to_end.ts";
import { soak } from "../../bench/memory.ts";
import { tickcast } from "../../bench/peers/live_service.ts";

Deno.test("every tick of the end-to-end benchmark comes back as a forecast", async () => {
  const found = await endToEnd(tickcast(1), 5, SMALL);
  if (typeof found === "string") throw new Error(found);
  ok(found.ticksPerSecond > 0 && found.p99Ms >= found.p50Ms);
  strictEqual(found.lost, 0);
});

Deno.test("memory is looked at along the way", async () => {
  const { footprints } = await soak(4, 64);
  strictEqual(footprints.length, 8);
  strictEqual(footprints[7].ticks, 64);
  ok(footprints.every(({ residentBytes }) => residentBytes > 0));
});
