import { deepEqual, equal, match, ok } from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
// @ts-types="npm:@types/ws@8"
import { WebSocket, WebSocketServer } from "ws";
import {
  type IngestAnswer,
  type IngestOptions,
  ingestSocket,
  type IngestTotals,
  InputError,
  type Tick,
} from "../../streams/mod.ts";

interface Ingest {
  client: WebSocket;
  answers: IngestAnswer[];
  totals: Promise<IngestTotals>;
  answered(count: number): Promise<void>;
  close(): Promise<IngestTotals>;
}

async function open(options: IngestOptions): Promise<Ingest> {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: false });
  await once(server, "listening");
  const totals = new Promise<IngestTotals>((resolve) => {
    server.on("connection", (socket, { socket: stream }) => {
      resolve(ingestSocket(socket, { stream, ...options }));
    });
  });
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const answers: IngestAnswer[] = [];
  let notify = (): void => {};
  client.on("message", (data) => {
    answers.push(JSON.parse(String(data)));
    notify();
  });
  await once(client, "open");
  return {
    client,
    answers,
    totals,
    async answered(count): Promise<void> {
      while (answers.length < count) await new Promise<void>((resolve) => notify = resolve);
    },
    async close(): Promise<IngestTotals> {
      if (client.readyState !== WebSocket.CLOSED) {
        client.close();
        await once(client, "close");
      }
      const result = await totals;
      await new Promise((resolve) => server.close(resolve));
      return result;
    },
  };
}

function tick(value: number): string {
  return JSON.stringify({ series: "a", time: value, value });
}

Deno.test("each message is answered in order, with what was accepted and what was not", async () => {
  const taken: Tick[] = [];
  const ingest = await open({ accept: (ticks) => Promise.resolve(void taken.push(...ticks)) });
  ingest.client.send(tick(1));
  ingest.client.send(`[${tick(2)},{"series":"a","time":3},${tick(4)},7]`);
  ingest.client.send(new TextEncoder().encode(`${tick(5)}\n${tick(6)}\n`));
  ingest.client.send("nonsense");
  await ingest.answered(4);
  deepEqual(ingest.answers[0], { type: "ack", sequence: 1, count: 1 });
  const { errors, ...second } = ingest.answers[1];
  deepEqual(second, {
    type: "error",
    sequence: 2,
    count: 2,
    rejected: 2,
    reason: "missing-field",
    field: "value",
    detail: "expected a number, got nothing",
    line: 2,
  });
  deepEqual(errors?.map(({ reason, line }) => [reason, line]), [["missing-field", 2], [
    "malformed",
    4,
  ]]);
  deepEqual(ingest.answers[2], { type: "ack", sequence: 3, count: 2 });
  equal(ingest.answers[3].reason, "malformed");
  deepEqual(taken.map((tick) => tick.values.value), [1, 2, 4, 5, 6]);
  deepEqual(await ingest.close(), { messages: 4, ticks: 5, rejected: 3 });
});

Deno.test("10,000 malformed frames are each answered, and the socket goes on", async () => {
  let statuses = 0;
  const ingest = await open({ accept: () => Promise.resolve(), onStatus: () => statuses++ });
  for (let i = 0; i < 10_000; i++) ingest.client.send(`{"series":"a","time":${i},"value":`);
  ingest.client.send(tick(1));
  await ingest.answered(10_001);
  ok(ingest.answers.slice(0, -1).every((answer) => answer.reason === "malformed"));
  deepEqual(
    ingest.answers.map((answer) => answer.sequence),
    Array.from(
      { length: 10_001 },
      (_, i) => i + 1,
    ),
  );
  equal(ingest.answers.at(-1)?.type, "ack");
  deepEqual(await ingest.close(), { messages: 10_001, ticks: 1, rejected: 10_000 });
  equal(statuses, 10_000);
});

Deno.test("ticks refused by the acceptance are answered to the message they came in", async () => {
  const ingest = await open({
    accept: (ticks) =>
      Promise.resolve(
        ticks.flatMap((tick, index) =>
          tick.values.value < 0
            ? [{ index, error: new InputError("too-many-series", "series", "full") }]
            : []
        ),
      ),
  });
  for (const values of [[1], [-2, 3], [4], [-5, -6]]) {
    ingest.client.send(`[${values.map(tick).join()}]`);
  }
  await ingest.answered(4);
  deepEqual(ingest.answers.map(({ type, count, rejected }) => [type, count, rejected]), [
    ["ack", 1, undefined],
    ["error", 1, 1],
    ["ack", 1, undefined],
    ["error", 0, 2],
  ]);
  deepEqual(await ingest.close(), { messages: 4, ticks: 3, rejected: 3 });
});

Deno.test("a failing acceptance is answered and does not end the intake", async () => {
  const ingest = await open({
    accept: ([first]) =>
      first.values.value === 1 ? Promise.reject(new Error("disk full")) : Promise.resolve(),
  });
  ingest.client.send(tick(1));
  await ingest.answered(1);
  ingest.client.send(tick(2));
  await ingest.answered(2);
  equal(ingest.answers[0].reason, "unknown");
  match(ingest.answers[0].detail ?? "", /disk full/);
  equal(ingest.answers[1].type, "ack");
  await ingest.close();
});

Deno.test("a slow acceptance holds the sender back, in bounded memory, and gets batches", async () => {
  const gate = Promise.withResolvers<void>();
  const batches: number[] = [];
  const ingest = await open({
    async accept(ticks): Promise<void> {
      batches.push(ticks.length);
      await gate.promise;
    },
  });
  const message = `[${Array.from({ length: 2000 }, (_, i) => tick(i)).join()}]`;
  const count = 400;
  for (let i = 0; i < count; i++) ingest.client.send(message);
  // Far more was sent than the sockets' buffers hold, so without a pause it would all have come over.
  while (batches.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  let before = -1;
  while (before !== ingest.client.bufferedAmount) {
    before = ingest.client.bufferedAmount;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  ok(ingest.client.bufferedAmount > 8 << 20, `${ingest.client.bufferedAmount} bytes held back`);
  gate.resolve();
  await ingest.answered(count);
  equal(batches.reduce((sum, size) => sum + size), count * 2000);
  ok(batches.length < count, "messages that waited were accepted together");
  await ingest.close();
});

Deno.test("an aborted intake accepts and answers what it has, then closes", async () => {
  const stop = new AbortController();
  const gate = Promise.withResolvers<void>();
  const ingest = await open({
    accept: () => (stop.abort(), gate.promise),
    signal: stop.signal,
  });
  ingest.client.send(tick(1));
  setTimeout(() => gate.resolve(), 10);
  const [code] = await once(ingest.client, "close");
  equal(code, 1001);
  deepEqual(ingest.answers, [{ type: "ack", sequence: 1, count: 1 }]);
  deepEqual(await ingest.close(), { messages: 1, ticks: 1, rejected: 0 });
});

Deno.test("a client that vanishes mid-way leaves what it sent accepted", async () => {
  const taken: number[] = [];
  const ingest = await open({
    async accept(ticks): Promise<void> {
      await new Promise((resolve) => setTimeout(resolve, 5));
      taken.push(...ticks.map((tick) => tick.values.value));
    },
  });
  ingest.client.send(tick(1));
  await ingest.answered(1);
  ingest.client.send(tick(2), () => ingest.client.terminate());
  await ingest.totals;
  ok(taken.length >= 1 && taken[0] === 1);
  await ingest.close();
});
