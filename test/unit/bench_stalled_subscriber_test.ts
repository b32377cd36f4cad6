// The body of the benchmark, small: it runs, and a stalled subscriber is bounded and harms nobody.
import { equal, ok } from "node:assert/strict";
import { measure, TINY } from "../../bench/stalled_subscriber.ts";
import { limits } from "../../streams/mod.ts";

Deno.test("a stalled subscriber costs a bounded queue, and readers lose nothing", async () => {
  for (const policy of ["drop-oldest", "disconnect"] as const) {
    const figures = await measure(policy, TINY);
    equal(figures.lostByReaders, 0);
    // A socket is handed one message beyond its limit at most.
    const bytesMax = limits.subscriberQueueBytes + limits.socketBufferBytes +
      2 * TINY.messageLength;
    ok(figures.stalledBytesMax <= bytesMax, `${figures.stalledBytesMax} bytes`);
    ok(figures.sentBytes > 2 * bytesMax, "an unbounded queue would show");
  }
});
