// Every exchange's adapter, forecasting through every fault again and again. TICKCAST_FAULT_SECONDS=60 is
// the full length.
import { equal, ok } from "node:assert/strict";
import { OnlineForecaster, Pipeline } from "../../mod.ts";
import { dialects } from "./servers/exchange_server.ts";
import { heapBytes } from "../garbage.ts";
import { FaultRun } from "./servers/faults.ts";

const seconds = Number(Deno.env.get("TICKCAST_FAULT_SECONDS") ?? 0);
/** Ten times what the other faults bring in a second. */
const BURST = 2000;
/** What the heap may grow by after the first round: the caches of 65,536 recent ticks fill up. */
const GROWTH_BYTES_MAX = 16 << 20;

for (const [name, dialect] of Object.entries(dialects)) {
  Deno.test(`${name} forecasts through every fault with exact accounts`, async () => {
    const pipeline = new Pipeline({ forecaster: new OnlineForecaster({ horizon: 3 }) });
    let forecasts = 0;
    const run = await FaultRun.start(dialect, async (ticks) => {
      forecasts += (await pipeline.process(ticks)).length;
    });
    try {
      const end = performance.now() + 1000 * seconds;
      let rounds = 0;
      let heap = 0;
      do {
        await run.all(BURST);
        // Every tick that came was forecast from, the ones after each fault included.
        equal(forecasts, run.accounts.ticks);
        if (++rounds === 1) heap = heapBytes();
      } while (performance.now() < end);
      const growth = heapBytes() - heap;
      ok(growth < GROWTH_BYTES_MAX, `the heap grew by ${growth} bytes in ${rounds} rounds`);
      if (seconds > 0) {
        console.log(name, JSON.stringify({ rounds, forecasts, growth, ...run.accounts }));
      }
    } finally {
      await run.end();
    }
  });
}
