import assert from "node:assert/strict";
import { startDemoFeed } from "../../src/cli/demo_feed.ts";

Deno.test("the demo feed plays history at once, then live ticks in time order", async () => {
  const feed = await startDemoFeed({ ticksPerSecond: 50, historyRows: 300 });
  const socket = new WebSocket(feed.url);
  const lastTime = new Map<string, number>();
  const count = new Map<string, number>();
  try {
    await new Promise<void>((resolve, reject) => {
      socket.onerror = () => reject(new Error("the socket failed"));
      socket.onmessage = (event): void => {
        for (const tick of JSON.parse(event.data)) {
          assert.ok(Number.isFinite(tick.value) && Number.isFinite(tick.time));
          assert.ok(tick.time > (lastTime.get(tick.series) ?? -Infinity), tick.series);
          lastTime.set(tick.series, tick.time);
          count.set(tick.series, (count.get(tick.series) ?? 0) + 1);
        }
        if (feed.series.every((series) => (count.get(series) ?? 0) > 305)) resolve();
      };
    });
  } finally {
    const closed = new Promise((resolve) => socket.onclose = resolve);
    socket.close();
    await closed;
    await feed.close();
  }
  assert.deepEqual([...count.keys()].sort(), [...feed.series].sort());
});
