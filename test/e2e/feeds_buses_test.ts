// MQTT and server-sent events, forecasting through every fault again and again. TICKCAST_FAULT_SECONDS=60
// is the full length.
import { deepEqual, equal, ok } from "node:assert/strict";
import { connectAsync } from "mqtt";
import { OnlineForecaster, Pipeline } from "../../mod.ts";
import { encodeSse, mqttSource, sseSource, type Status, type Tick } from "../../streams/mod.ts";
import { heapBytes } from "../garbage.ts";
import { until } from "./servers/feed_server.ts";
import { Mosquitto, mosquittoPath } from "./servers/mosquitto.ts";

const seconds = Number(Deno.env.get("TICKCAST_FAULT_SECONDS") ?? 0);
const BURST = 2000;
const GROWTH_BYTES_MAX = 16 << 20;
const MALFORMED = [
  "",
  "{",
  "[1]",
  "null",
  '{"series":"a","time":1}',
  "\u0000",
  '{"series":"a","time":"x"}',
];

/** Sends messages, and fails on demand. */
interface Bus {
  /** Sends each; resolves when they are on their way. */
  send(messages: readonly string[]): Promise<void>;
  /** It closes and comes back. */
  close(): Promise<void>;
  /** It says nothing while its connections stay up, until `lost` holds. */
  stall(lost: () => boolean): Promise<void>;
}

interface Accounts {
  ticks: number;
  forecasts: number;
  duplicates: number;
  rejected: number;
  late: number;
  gaps: number;
}

async function endure(
  name: string,
  bus: Bus,
  open: (
    onStatus: (status: Status) => void,
    signal: AbortSignal,
  ) => ReadableStream<readonly Tick[]>,
): Promise<void> {
  const got: Accounts = { ticks: 0, forecasts: 0, duplicates: 0, rejected: 0, late: 0, gaps: 0 };
  const expected = { ...got };
  let reconnects = 0;
  let connected = 0;
  const count = (status: Status): void => {
    if (status.kind === "duplicate") got.duplicates++;
    else if (status.kind === "rejected") got.rejected += status.count;
    else if (status.kind === "late") got.late++;
    else if (status.kind === "gap") got.gaps++;
    else if (status.kind === "reconnecting") reconnects++;
    else if (status.kind === "connected") connected++;
  };
  const stop = new AbortController();
  const pipeline = new Pipeline({
    forecaster: new OnlineForecaster({ horizon: 3 }),
    onStatus: count,
  });
  const reading = (async (): Promise<void> => {
    for await (const batch of open(count, stop.signal)) {
      got.forecasts += (await pipeline.process(batch)).length;
      got.ticks += batch.length;
    }
  })();
  let n = 0;
  const tick = (time: number): string =>
    JSON.stringify({ series: "a", time, value: Math.sin(time / 50) });
  const send = async (count: number): Promise<void> => {
    for (let left = count; left > 0; left -= 50) {
      await bus.send(Array.from({ length: Math.min(left, 50) }, () => tick(++n)));
    }
    expected.ticks += count;
    expected.forecasts += count;
    await until(() => got.ticks >= expected.ticks);
  };
  const outage = async (fail: () => Promise<void>): Promise<void> => {
    const before = connected;
    await fail();
    await until(() => connected > before);
    await send(5);
  };
  try {
    await until(() => connected > 0);
    const end = performance.now() + 1000 * seconds;
    let rounds = 0;
    let heap = 0;
    do {
      await send(20);
      const again = tick(++n);
      await bus.send([again, again, again]);
      // The first of two that change places is on time, the other late.
      await bus.send([tick(n + 2), tick(n + 1)]);
      n += 2;
      await bus.send(MALFORMED);
      expected.ticks += 3;
      expected.forecasts += 2;
      expected.late++;
      expected.duplicates += 2;
      expected.rejected += MALFORMED.length;
      await send(BURST);
      await outage(() => bus.close());
      await outage(() => {
        const before = reconnects;
        return bus.stall(() => reconnects > before);
      });
      // Whatever a break may bring again is left out and counted.
      ok(got.duplicates >= expected.duplicates);
      expected.duplicates = got.duplicates;
      deepEqual(got, expected);
      if (++rounds === 1) heap = heapBytes();
    } while (performance.now() < end);
    const growth = heapBytes() - heap;
    ok(growth < GROWTH_BYTES_MAX, `the heap grew by ${growth} bytes in ${rounds} rounds`);
    equal(reconnects >= 2 * rounds, true);
    if (seconds > 0) console.log(name, JSON.stringify({ rounds, reconnects, growth, ...got }));
  } finally {
    stop.abort();
    await reading;
  }
}

const path = mosquittoPath();

Deno.test({
  name: "MQTT forecasts through every fault with exact accounts",
  ignore: path === undefined,
  async fn(): Promise<void> {
    const broker = await Mosquitto.start(path ?? "");
    const client = await connectAsync(broker.url, { reconnectPeriod: 20 });
    client.on("error", () => {});
    try {
      await endure("mqtt", {
        async send(messages): Promise<void> {
          await Promise.all(messages.map((text) => client.publishAsync("t", text, { qos: 1 })));
        },
        async close(): Promise<void> {
          await broker.down();
          await broker.restart();
        },
        async stall(lost): Promise<void> {
          broker.signal("SIGSTOP");
          await until(lost);
          broker.signal("SIGCONT");
        },
      }, (onStatus, signal) =>
        mqttSource({
          url: broker.url,
          topics: ["t"],
          clientId: "endure",
          keepAliveMs: 1000,
          connectTimeoutMs: 300,
          backoff: { baseMs: 20, maxMs: 100 },
          onStatus,
          signal,
        }));
    } finally {
      await client.endAsync(true);
      await broker.stop();
    }
  },
});

Deno.test("server-sent events forecast through every fault with exact accounts", async () => {
  const utf8 = new TextEncoder();
  /** Everything sent since the last outage, so that a client can go on from where it was. */
  let log: string[] = [];
  let first = 1;
  let current: ReadableStreamDefaultController<Uint8Array> | undefined;
  let silent = false;
  const event = (index: number): Uint8Array =>
    utf8.encode(encodeSse({ id: String(first + index), data: log[index] }));
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, (request) => {
    const last = Number(request.headers.get("last-event-id") ?? 0);
    const body = new ReadableStream<Uint8Array>({
      start(controller): void {
        controller.enqueue(utf8.encode(": hello\n\n"));
        // The last one comes again, as careful servers do.
        for (let i = Math.max(0, last - first); i < log.length; i++) controller.enqueue(event(i));
        current = controller;
      },
      cancel(): void {
        current = undefined;
      },
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  });
  const beat = setInterval(() => silent || current?.enqueue(utf8.encode(":\n\n")), 50);
  try {
    await endure("sse", {
      async send(messages): Promise<void> {
        await until(() => current !== undefined);
        for (const message of messages) {
          log.push(message);
          current?.enqueue(event(log.length - 1));
        }
        if (log.length > 10_000) {
          first += 5000;
          log = log.slice(5000);
        }
      },
      close(): Promise<void> {
        const ended = current;
        current = undefined;
        ended?.close();
        return Promise.resolve();
      },
      async stall(lost): Promise<void> {
        silent = true;
        await until(lost);
        silent = false;
      },
    }, (onStatus, signal) =>
      sseSource({
        url: `http://127.0.0.1:${(server.addr as Deno.NetAddr).port}/`,
        idleMs: 500,
        backoff: { baseMs: 20, maxMs: 100 },
        onStatus,
        signal,
      }));
  } finally {
    clearInterval(beat);
    await server.shutdown();
  }
});
