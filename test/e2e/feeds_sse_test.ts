// Server-sent events in and out, and webhooks, over real sockets.
import { deepEqual, equal, match, ok } from "node:assert/strict";
import {
  encodeSse,
  FanOut,
  sseSource,
  type SseSourceOptions,
  sseSubscriber,
  type Status,
  type Subscription,
  type Tick,
  webhookSink,
} from "../../streams/mod.ts";
import { until } from "./servers/feed_server.ts";

type Answer = (request: Request) => Response | Promise<Response>;

async function withServer(
  answer: Answer,
  use: (url: string, server: Deno.HttpServer) => Promise<void>,
): Promise<void> {
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, answer);
  try {
    await use(`http://127.0.0.1:${(server.addr as Deno.NetAddr).port}/`, server);
  } finally {
    await server.shutdown();
  }
}

function follow(
  options: SseSourceOptions,
): { ticks: Tick[]; statuses: Status[]; stop: () => Promise<void> } {
  const stop = new AbortController();
  const ticks: Tick[] = [];
  const statuses: Status[] = [];
  const reading = (async (): Promise<void> => {
    const source = sseSource({
      backoff: { baseMs: 5 },
      signal: stop.signal,
      onStatus: (status) => statuses.push(status),
      ...options,
    });
    for await (const batch of source) ticks.push(...batch);
  })();
  return {
    ticks,
    statuses,
    stop: (): Promise<void> => {
      stop.abort();
      return reading;
    },
  };
}

const data = (n: number): string => JSON.stringify({ series: "a", time: n, value: n });
const stream = (body: BodyInit): Response =>
  new Response(body, { headers: { "content-type": "text/event-stream" } });

Deno.test("events are read, a lost connection goes on after the last one, and repeats are left out", async () => {
  const asked: (string | null)[] = [];
  const answer: Answer = (request) => {
    const last = request.headers.get("last-event-id");
    asked.push(last);
    if (asked.length === 2) return new Response("busy", { status: 503 });
    if (asked.length === 3) {
      return new Response("html", { headers: { "content-type": "text/html" } });
    }
    // One event comes again.
    const from = Math.max(1, Number(last ?? 0));
    let text = ": welcome\n\nevent: other\ndata: {}\n\nevent: tick\ndata: oops\n\n";
    for (let n = from; n < from + 5; n++) {
      text += encodeSse({ event: "tick", id: String(n), data: data(n) });
    }
    return stream(text);
  };
  await withServer(answer, async (url) => {
    const run = follow({ url, events: ["tick"] });
    await until(() => run.ticks.length >= 13);
    await run.stop();
    deepEqual(
      run.ticks.map(({ time }) => time).slice(0, 13),
      Array.from({ length: 13 }, (_, i) => i + 1),
    );
    deepEqual(asked.slice(0, 5), [null, "5", "5", "5", "9"]);
    const why = run.statuses.flatMap((status) =>
      status.kind === "reconnecting" ? [status.why] : []
    );
    deepEqual(why.slice(0, 3), [
      "closed",
      "HTTP status 503",
      "expected text/event-stream, got text/html",
    ]);
    ok(run.statuses.filter((status) => status.kind === "duplicate").length >= 2);
    const rejected = run.statuses.find((status) => status.kind === "rejected");
    match(rejected?.detail ?? "", /Not JSON: "oops"/);
    equal(run.statuses.filter((status) => status.kind === "gap").length, 0);
  });
});

Deno.test("a stream that falls silent is opened again and the gap is told", async () => {
  let connections = 0;
  const answer: Answer = () => {
    const n = ++connections;
    return stream(
      new ReadableStream({
        start: (controller): void =>
          controller.enqueue(new TextEncoder().encode(encodeSse({ data: data(n) }))),
      }),
    );
  };
  await withServer(answer, async (url) => {
    const run = follow({ url, idleMs: 40 });
    await until(() => run.ticks.length === 3);
    await run.stop();
    const gaps = run.statuses.filter((status) => status.kind === "gap");
    deepEqual(gaps[0], { kind: "gap", series: "a", from: 1, to: 2, missing: 0 });
    const why = run.statuses.flatMap((status) =>
      status.kind === "reconnecting" ? [status.why] : []
    );
    equal(why[0], "nothing heard for 40 ms");
  });
});

Deno.test("an event over the limit is rejected, and the stream goes on", async () => {
  const answer: Answer = () =>
    stream(
      `data: ${"x".repeat(5000)}\n\n` + "data: y\n".repeat(2000) + "\n" +
        encodeSse({ data: data(1) }),
    );
  await withServer(answer, async (url) => {
    const run = follow({ url, decode: { frameBytesMax: 1000 } });
    await until(() => run.ticks.length === 1);
    await run.stop();
    const rejected = run.statuses.flatMap((status) =>
      status.kind === "rejected" ? [status.reason] : []
    );
    deepEqual(rejected.slice(0, 2), ["too-large", "too-large"]);
  });
});

Deno.test("a reader of events that stalls loses its own oldest, and nobody else anything", async () => {
  interface Item {
    series: string;
    n: number;
  }
  const subscriptions: Subscription[] = [];
  const fanOut = new FanOut<Item>({
    series: (item) => item.series,
    encode: (item) => JSON.stringify(item),
    queueMessagesMax: 100,
    onStatus: (status) => dropped += status.kind === "dropped" ? status.count : 0,
  });
  let dropped = 0;
  const answer: Answer = () => {
    const { body, socket } = sseSubscriber({ heartbeatMs: 20, retryMs: 10 });
    subscriptions.push(fanOut.subscribe(socket));
    return stream(body);
  };
  await withServer(answer, async (url) => {
    const stalled = await fetch(url);
    const live = (await fetch(url)).body?.pipeThrough(new TextDecoderStream()).getReader();
    await until(() => fanOut.size === 2);
    let text = "";
    const reading = (async (): Promise<void> => {
      for (
        let chunk;
        !(chunk = await live?.read())?.done && !text.slice(-60_000).includes('"n":19999,');
      ) {
        text += chunk?.value ?? "";
      }
    })();
    const padding = "x".repeat(200);
    for (let n = 0; n < 20_000; n += 50) {
      await fanOut.publish(
        Array.from({ length: 50 }, (_, i) => ({ series: "a", n: n + i, padding })),
      );
      // As in life, time passes between two batches.
      await new Promise((resolve) => setTimeout(resolve, 0));
      await until(() => text.slice(-60_000).includes(`"n":${n},`));
    }
    await reading;
    equal(text.match(/"n":/g)?.length, 20_000);
    match(text, /retry: 10\n/);
    const [behind, beside] = subscriptions;
    equal(beside.dropped, 0);
    equal(behind.dropped, dropped);
    ok(behind.dropped > 0 && behind.queued <= 100);
    await live?.cancel();
    await stalled.body?.cancel();
    await until(() => fanOut.size === 0);
  });
});

Deno.test("a webhook is tried again under its key, in order, and refusals are given up and counted", async () => {
  const requests: { key: string | null; items: { n: number }[]; status: number }[] = [];
  const plan = [503, 200, 429, 200, 400, 200];
  const answer: Answer = async (request) => {
    const status = plan[requests.length] ?? 200;
    requests.push({
      key: request.headers.get("idempotency-key"),
      items: await request.json(),
      status,
    });
    equal(request.headers.get("authorization"), "Bearer x");
    return new Response(null, { status, headers: status === 429 ? { "retry-after": "0" } : {} });
  };
  await withServer(answer, async (url) => {
    const statuses: Status[] = [];
    const writer = webhookSink<{ series: string; n: number }>({
      url,
      id: "me",
      headers: { authorization: "Bearer x" },
      batchItems: 2,
      backoff: { baseMs: 5 },
      onStatus: (status) => statuses.push(status),
    }).getWriter();
    await writer.write(Array.from({ length: 8 }, (_, n) => ({ series: "a", n })));
    await writer.close();
    deepEqual(requests.map(({ key }) => key), ["me-0", "me-0", "me-1", "me-1", "me-2", "me-3"]);
    const taken = requests.filter(({ status }) => status === 200).flatMap(({ items }) => items);
    deepEqual(taken.map(({ n }) => n), [0, 1, 2, 3, 6, 7]);
    deepEqual(statuses.filter((status) => status.kind === "dropped"), [
      { kind: "dropped", source: "webhook", policy: "undeliverable", count: 2 },
    ]);
    equal(statuses.filter((status) => status.kind === "reconnecting").length, 2);
  });
});

Deno.test("a webhook that does not answer costs a bounded queue and holds nobody up", async () => {
  const hung: (() => void)[] = [];
  const answer: Answer = () => new Promise((resolve) => hung.push(() => resolve(new Response())));
  await withServer(answer, async (url) => {
    let dropped = 0;
    const writer = webhookSink<{ series: string; n: number }>({
      url,
      itemsMax: 100,
      batchItems: 10,
      timeoutMs: 50,
      attemptsMax: 2,
      backoff: { baseMs: 1 },
      drainMs: 20,
      onStatus: (status) => dropped += status.kind === "dropped" ? status.count : 0,
    }).getWriter();
    for (let n = 0; n < 1000; n++) await writer.write([{ series: "a", n }]);
    await writer.close();
    equal(dropped, 1000);
    for (const answer of hung) answer();
  });
});

Deno.test("a webhook under block holds its chain back and loses nothing", async () => {
  const got: number[] = [];
  const answer: Answer = async (request) => {
    got.push(...(await request.json()).map(({ n }: { n: number }) => n));
    return new Response();
  };
  await withServer(answer, async (url) => {
    const sink = webhookSink<{ series: string; n: number }>({
      url,
      policy: "block",
      itemsMax: 50,
      batchItems: 25,
    });
    const items = Array.from({ length: 1000 }, (_, n) => [{ series: "a", n }]);
    await ReadableStream.from(items).pipeTo(sink);
    deepEqual(got, items.map(([{ n }]) => n));
  });
});
