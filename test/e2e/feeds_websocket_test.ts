import { deepEqual, equal, match, ok } from "node:assert/strict";
import {
  jsonFeed,
  openNativeSocket,
  type Status,
  type Tick,
  webSocketSource,
  type WebSocketSourceOptions,
} from "../../streams/mod.ts";
import { FeedServer, until } from "./servers/feed_server.ts";

interface Run {
  ticks: Tick[];
  statuses: Status[];
  kinds(): string[];
  stop(): Promise<void>;
}

function follow(url: string, options: Partial<WebSocketSourceOptions> = {}): Run {
  const stop = new AbortController();
  const run: Run = {
    ticks: [],
    statuses: [],
    kinds: () => run.statuses.map((status) => status.kind),
    async stop(): Promise<void> {
      stop.abort();
      await reading;
    },
  };
  const reading = (async (): Promise<void> => {
    const source = webSocketSource({
      url,
      backoff: { baseMs: 1 },
      signal: stop.signal,
      onStatus: (status) => run.statuses.push(status),
      ...options,
    });
    for await (const batch of source) run.ticks.push(...batch);
  })();
  return run;
}

function tick(n: number, series = "a"): { series: string; time: number; value: number } {
  return { series, time: n * 1000, value: n };
}

function values(run: Run): number[] {
  return run.ticks.map((tick) => tick.values.value);
}

Deno.test("a feed is subscribed and read, and abort closes it politely", async () => {
  const server = await FeedServer.start();
  const run = follow(server.url, { protocol: jsonFeed({ subscribe: [{ op: "sub" }, "raw"] }) });
  await until(() => server.clients[0]?.messages.length === 2);
  deepEqual(server.clients[0].messages, ['{"op":"sub"}', "raw"]);
  server.send([tick(1), tick(2)]);
  server.send("garbage");
  server.send(tick(3));
  await until(() => run.ticks.length === 3);
  deepEqual(values(run), [1, 2, 3]);
  await run.stop();
  deepEqual(run.kinds(), ["connecting", "connected", "rejected", "ended"]);
  await server.stop();
});

Deno.test("a closed and a cut connection are opened again, subscribed again, and the gap is told", async () => {
  const server = await FeedServer.start();
  const run = follow(server.url, {
    protocol: jsonFeed({ subscribe: ["hello"] }),
    gapMarkers: true,
  });
  for (let n = 1; n <= 3; n++) {
    await until(() => server.open[0]?.messages.length === 1);
    server.send(tick(2 * n));
    await until(() => values(run).includes(2 * n));
    if (n === 1) server.open[0].socket.close(1012);
    else server.cut();
    await until(() => server.open.length === 0);
  }
  await until(() => server.open[0]?.messages.length === 1);
  await run.stop();
  deepEqual(run.ticks.map(({ time, values }) => [time, values.value]), [
    [2000, 2],
    [3000, undefined],
    [4000, 4],
    [5000, undefined],
    [6000, 6],
  ]);
  deepEqual(run.statuses.filter((status) => status.kind === "gap"), [
    { kind: "gap", series: "a", from: 2000, to: 4000, missing: 0 },
    { kind: "gap", series: "a", from: 4000, to: 6000, missing: 0 },
  ]);
  const why = run.statuses.flatMap((status) => status.kind === "reconnecting" ? [status.why] : []);
  match(why[0], /closed with 1012/);
  await server.stop();
});

Deno.test("waits grow while a server refuses, and jitter is a share of the ceiling", async () => {
  const server = await FeedServer.start();
  const { url } = server;
  await server.stop();
  const run = follow(url, { backoff: { baseMs: 4, maxMs: 20 }, random: () => 0.5 });
  const delays = (): number[] =>
    run.statuses.flatMap((status) => status.kind === "reconnecting" ? [status.delayMs] : []);
  await until(() => delays().length === 5);
  deepEqual(delays().slice(0, 5), [2, 4, 8, 10, 10]);
  await run.stop();
});

Deno.test("a server that accepts and closes at once is not asked faster and faster", async () => {
  const server = await FeedServer.start((client) => client.socket.close());
  const run = follow(server.url, {
    protocol: jsonFeed({ subscribe: ["x"] }),
    backoff: { baseMs: 1, maxMs: 8 },
    random: () => 0.999,
  });
  await until(() => run.kinds().filter((kind) => kind === "reconnecting").length === 4);
  const attempts = run.statuses.flatMap((status) =>
    status.kind === "reconnecting" ? [status.attempt] : []
  );
  deepEqual(attempts.slice(0, 4), [1, 2, 3, 4]);
  await run.stop();
  await server.stop();
});

Deno.test("a half-open connection is noticed by its missing pong", async () => {
  const server = await FeedServer.start();
  server.answerPings = false;
  const run = follow(server.url, { pingIntervalMs: 10, pongTimeoutMs: 20 });
  await until(() => run.kinds().includes("reconnecting"));
  server.answerPings = true;
  // What is sent to the old connection is lost, as it would be.
  await until(() => (server.send(tick(1)), run.ticks.length === 1));
  const reconnecting = run.statuses.find((status) => status.kind === "reconnecting");
  match(reconnecting?.why ?? "", /no pong/);
  await run.stop();
  await server.stop();
});

Deno.test("a series that falls silent is noticed while others go on, and nothing of theirs is lost", async () => {
  const server = await FeedServer.start();
  const run = follow(server.url, {
    protocol: jsonFeed({ watch: ["a", "b"] }),
    staleAfterMs: 100,
    overlapMs: 50,
  });
  await until(() => server.open.length === 1);
  let n = 0;
  const beat = setInterval(() => {
    n++;
    server.send(tick(n, "a"));
    // The first connection has forgotten one of its subscriptions.
    if (server.clients.length > 1) server.clients.at(-1)?.socket.send(JSON.stringify(tick(n, "b")));
  }, 5);
  await until(() => run.ticks.some((tick) => tick.series === "b"));
  clearInterval(beat);
  await until(() => run.ticks.filter((tick) => tick.series === "a").length === n);
  await run.stop();
  const stale = run.statuses.find((status) => status.kind === "stale");
  equal(stale?.series, "b");
  ok(run.statuses.some((status) => status.kind === "recovered" && status.part === "feed/b"));
  deepEqual(
    run.ticks.filter((tick) => tick.series === "a").map((tick) => tick.values.value),
    Array.from({ length: n }, (_, i) => i + 1),
  );
  await server.stop();
});

Deno.test("a planned reconnect overlaps and leaves no gap and no duplicate", async () => {
  const server = await FeedServer.start();
  const run = follow(server.url, { sessionMs: 60, overlapMs: 1000 });
  await until(() => server.open.length === 1);
  let n = 0;
  const beat = setInterval(() => server.send(tick(++n)), 3);
  await until(() => server.clients.length >= 4);
  clearInterval(beat);
  await until(() => run.ticks.length === n);
  await run.stop();
  deepEqual(values(run), Array.from({ length: n }, (_, i) => i + 1));
  ok(!run.kinds().includes("gap"));
  ok(!run.kinds().includes("reconnecting"));
  await server.stop();
});

Deno.test("sequence numbers that skip are told as a gap", async () => {
  const server = await FeedServer.start();
  const run = follow(server.url, {
    protocol: {
      ...jsonFeed(),
      decode(
        frame,
      ): { ticks: Tick[]; sequences: { channel: string; number: number; series: string }[] } {
        const number = Number(frame);
        return {
          ticks: [{ series: "a", time: number, values: { value: number } }],
          sequences: [{ channel: "a", number, series: "a" }],
        };
      },
    },
  });
  await until(() => server.open.length === 1);
  for (const number of [10, 11, 15, 14, 16]) server.send(String(number));
  await until(() => run.ticks.length === 5);
  await run.stop();
  deepEqual(run.statuses.filter((status) => status.kind === "gap"), [
    { kind: "gap", series: "a", from: 11, to: 15, missing: 3 },
  ]);
  await server.stop();
});

Deno.test("block holds the feed back and loses nothing", async () => {
  const server = await FeedServer.start();
  const source = webSocketSource({ url: server.url, queue: { ticksMax: 100, batchTicks: 50 } });
  const reader = source.getReader();
  const first = reader.read();
  await until(() => server.open.length === 1);
  const count = 100_000;
  const padding = "x".repeat(100);
  for (let n = 0; n < count; n++) {
    server.open[0].socket.send(`{"series":"a","time":${n},"value":${n},"padding":"${padding}"}`);
  }
  let got = (await first).value?.length ?? 0;
  await new Promise((resolve) => setTimeout(resolve, 300));
  ok(server.open[0].socket.bufferedAmount > 1 << 20, "the server feels it");
  while (got < count) {
    const { value } = await reader.read();
    ok(value && value.length <= 50);
    got += value.length;
  }
  equal(got, count);
  await reader.cancel();
  await server.stop();
});

Deno.test("the dropping policies count exactly what they drop", async () => {
  for (const policy of ["drop-oldest", "latest-per-series"] as const) {
    const server = await FeedServer.start();
    let dropped = 0;
    const source = webSocketSource({
      url: server.url,
      queue: { policy, ticksMax: 10 },
      onStatus: (status) => dropped += status.kind === "dropped" ? status.count : 0,
    });
    const reader = source.getReader();
    const got: Tick[] = [];
    const first = reader.read();
    await until(() => server.open.length === 1);
    server.send(tick(0));
    got.push(...(await first).value ?? []);
    const count = 5000;
    const batch = Array.from({ length: count }, (_, i) => tick(i + 1, i % 2 ? "odd" : "even"));
    server.send(batch);
    while (got.length + dropped < count + 1) got.push(...(await reader.read()).value ?? []);
    equal(got.length + dropped, count + 1);
    deepEqual(new Set(got.slice(-2).map((tick) => tick.values.value)), new Set([count - 1, count]));
    ok(dropped >= count - 1 - 2 * 10);
    await reader.cancel();
    await server.stop();
  }
});

Deno.test("the native socket of browsers works too, without pause and ping", async () => {
  const server = await FeedServer.start();
  const run = follow(server.url, { openSocket: openNativeSocket, pingIntervalMs: 5 });
  await until(() => server.open.length === 1);
  server.send(tick(1));
  await until(() => run.ticks.length === 1);
  server.cut();
  await until(() => server.clients.length === 2);
  server.clients[1].socket.send(new TextEncoder().encode(JSON.stringify(tick(2))));
  await until(() => run.ticks.length === 2);
  await run.stop();
  deepEqual(values(run), [1, 2]);
  await server.stop();
});
