// The soak's body, run tiny: the whole one is bench/soak.ts.
import { equal, match, ok } from "node:assert/strict";
import { type Soak, soak, soakPlot } from "../../bench/soak.ts";

Deno.test({
  name: "a small soak: every subscriber gets every forecast, in order",
  ignore: Deno.build.os !== "linux",
  // Sockets that were cut off end when the kernel says so.
  sanitizeOps: false,
  sanitizeResources: false,
  async fn(): Promise<void> {
    const options: Soak = {
      minutes: 0.04,
      warmUpMinutes: 0,
      subscribers: 6,
      series: 4,
      rate: 80,
      preload: 3,
      history: 256,
    };
    const result = await soak(options);
    equal(result.lost, 0);
    equal(result.disordered, 0);
    // Two of the four series have two subscribers.
    ok(result.forecasts > result.ticks && result.forecasts < 2 * result.ticks);
    ok(result.live.length > 0 && result.live.every(({ memoryMib }) => memoryMib > 1));
    match(soakPlot(options, result), /^<svg xmlns=.*<\/svg>\n$/s);
  },
});
