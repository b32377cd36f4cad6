import { deepEqual, equal, ok } from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
// @ts-types="npm:@types/ws@8"
import { WebSocket, WebSocketServer } from "ws";
import { FanOut, type FanOutOptions, type Status, type Subscription } from "../../streams/mod.ts";

interface Item {
  series: string;
  n: number;
  padding?: string;
}

interface Rig {
  fanOut: FanOut<Item>;
  statuses: Status[];
  encoded(): number;
  join(series?: string[]): Promise<{ client: WebSocket; got: Item[]; subscription: Subscription }>;
  close(): Promise<void>;
}

async function rig(options: Partial<FanOutOptions<Item>> = {}): Promise<Rig> {
  const statuses: Status[] = [];
  let encoded = 0;
  const fanOut = new FanOut<Item>({
    series: (item) => item.series,
    encode: (item) => (encoded++, JSON.stringify(item)),
    onStatus: (status) => statuses.push(status),
    ...options,
  });
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: false });
  await once(server, "listening");
  const clients: WebSocket[] = [];
  return {
    fanOut,
    statuses,
    encoded: () => encoded,
    async join(series): ReturnType<Rig["join"]> {
      const connected = once(server, "connection");
      const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
      clients.push(client);
      const got: Item[] = [];
      client.on("message", (data) => got.push(JSON.parse(String(data))));
      const [[socket, request]] = await Promise.all([connected, once(client, "open")]);
      return { client, got, subscription: fanOut.subscribe(socket, series, request.socket) };
    },
    async close(): Promise<void> {
      for (const client of clients) {
        if (client.readyState === WebSocket.CLOSED) continue;
        client.resume();
        client.terminate();
        await once(client, "close");
      }
      while (fanOut.size > 0) await new Promise((resolve) => setTimeout(resolve, 1));
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}

Deno.test("subscribers get their series, and a message is encoded once for all", async () => {
  const { fanOut, join, close, encoded } = await rig();
  await fanOut.publish([{ series: "a", n: 0 }]);
  equal(encoded(), 0);
  const all = await join();
  const onlyA = await join(["a"]);
  const none = await join([]);
  await fanOut.publish([{ series: "a", n: 1 }, { series: "b", n: 2 }, { series: "a", n: 3 }]);
  await until(() => all.got.length === 3 && onlyA.got.length === 2);
  deepEqual(all.got.map((item) => item.n), [1, 2, 3]);
  deepEqual(onlyA.got.map((item) => item.n), [1, 3]);
  deepEqual(none.got, []);
  equal(encoded(), 3);
  onlyA.subscription.unsubscribe();
  equal(fanOut.size, 2);
  await close();
});

/** Every item's bytes in the same memory. */
function bytesOf(item: Item): Uint8Array {
  return memory.subarray(0, new TextEncoder().encodeInto(JSON.stringify(item), memory).written);
}
const memory = new Uint8Array(1e6);

for (const encode of [JSON.stringify, bytesOf]) {
  Deno.test(`messages of every length and script arrive whole, by ${encode.name}`, async () => {
    await everyLength(encode);
  });
}

async function everyLength(encode: (item: Item) => string | Uint8Array): Promise<void> {
  const { fanOut, join, close } = await rig({ encode });
  const { got, subscription } = await join();
  const items: Item[] = [0, 90, 91, 95, 96, 97, 98, 300, 65_000, 65_509, 65_510, 70_000, 200_000]
    .flatMap((length, n) => [
      { series: "a", n, padding: "x".repeat(length) },
      { series: "☃", n, padding: "é".repeat(length / 2) },
    ]);
  for (const item of items) await fanOut.publish([item]);
  await fanOut.publish(items);
  await until(() => got.length + subscription.dropped === 2 * items.length);
  deepEqual(got, [...items, ...items]);
  await close();
}

Deno.test("a burst far beyond the queue reaches a subscriber that reads", async () => {
  const { fanOut, join, close, statuses } = await rig();
  const { got, subscription } = await join();
  const burst = Array.from({ length: 20_000 }, (_, n) => ({ series: "a", n }));
  await fanOut.publish(burst);
  await until(() => got.length + subscription.dropped === burst.length);
  deepEqual(got.map((item) => item.n), burst.map((item) => item.n));
  deepEqual(statuses, []);
  await close();
});

Deno.test("a stalled subscriber costs a bounded queue and the others lose nothing", async () => {
  const queueMessagesMax = 64;
  const { fanOut, join, close, statuses } = await rig({ queueMessagesMax });
  const stalled = await join();
  stalled.client.pause();
  const reader = await join();
  const count = 3000;
  const padding = "x".repeat(10_000);
  for (let n = 0; n < count; n++) {
    await fanOut.publish([{ series: "a", n, padding }]);
    ok(stalled.subscription.queued <= queueMessagesMax);
    await until(() => reader.got.length > n - queueMessagesMax / 2);
  }
  await until(() => reader.got.length === count);
  ok(stalled.subscription.dropped > 0);
  stalled.client.resume();
  await until(() => stalled.got.length + stalled.subscription.dropped === count);
  equal(stalled.got.at(-1)?.n, count - 1, "the newest are kept");
  const told = statuses.reduce(
    (sum, status) => sum + (status.kind === "dropped" ? status.count : 0),
    0,
  );
  equal(told, stalled.subscription.dropped);
  await close();
});

Deno.test("latest per series keeps one message of each", async () => {
  const { fanOut, join, close } = await rig({ policy: "latest-per-series" });
  const { client, got, subscription } = await join();
  client.pause();
  const padding = "x".repeat(100_000);
  for (let n = 0; n < 300; n++) {
    await fanOut.publish([{ series: n % 2 ? "odd" : "even", n, padding }]);
  }
  ok(subscription.queued <= 2);
  client.resume();
  await until(() => got.length + subscription.dropped === 300);
  deepEqual(new Set(got.slice(-2).map((item) => item.n)), new Set([298, 299]));
  await close();
});

Deno.test("the policy disconnect ends a stalled subscriber and nobody else", async () => {
  const { fanOut, join, close, statuses } = await rig({
    policy: "disconnect",
    queueBytesMax: 1 << 20,
  });
  const { client, subscription } = await join();
  client.pause();
  const reader = await join();
  const padding = "x".repeat(100_000);
  let n = 0;
  while (fanOut.size === 2) {
    await fanOut.publish([{ series: "a", n: n++, padding }]);
    await until(() => reader.got.length === n);
  }
  equal(subscription.queued, 0);
  ok(subscription.dropped > 0);
  equal(statuses[0].kind, "dropped");
  await fanOut.publish([{ series: "a", n }]);
  await until(() => reader.got.length === n + 1);
  await close();
});
