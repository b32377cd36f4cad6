import { deepEqual, equal, rejects } from "node:assert/strict";
import {
  ManualClock,
  ndjsonSource,
  recordingSink,
  recordingSource,
  type Status,
  type Tick,
} from "../../streams/mod.ts";

function bytesOf(text: string): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new Blob([text]).stream();
}

const BATCHES: Tick[][] = [
  [{ series: "a", time: 1, values: { value: 0.1 + 0.2 } }],
  [
    { series: "a", time: 1.5, values: { value: 5e-324, wind: -1e300 }, id: "x" },
    { series: "b", time: 2, values: {} },
  ],
];

async function record(batches: readonly Tick[][], clock = new ManualClock()): Promise<string> {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const text = new Response(readable as ReadableStream<Uint8Array<ArrayBuffer>>).text();
  await ReadableStream.from(batches).pipeTo(recordingSink(writable, { clock }));
  return await text;
}

Deno.test("a recording replays the same ticks in the same batches", async () => {
  const text = await record(BATCHES);
  deepEqual(await Array.fromAsync(recordingSource({ input: bytesOf(text) })), BATCHES);
  const packed = bytesOf(text).pipeThrough(new CompressionStream("gzip"));
  deepEqual(await Array.fromAsync(recordingSource({ input: packed })), BATCHES);
});

Deno.test("a recording that was cut off replays up to there", async () => {
  const text = await record(BATCHES);
  const statuses: Status[] = [];
  const input = bytesOf(text.slice(0, -10));
  const replayed = await Array.fromAsync(
    recordingSource({ input, onStatus: (status) => statuses.push(status) }),
  );
  deepEqual(replayed, BATCHES.slice(0, 1));
  deepEqual(statuses.map((status) => status.kind), ["rejected", "ended"]);
});

Deno.test("what is no recording is refused", async () => {
  for (const text of ["{}\n", "hello", '{"format":"tickcast-recording","version":2}\n']) {
    await rejects(() => Array.fromAsync(recordingSource({ input: bytesOf(text) })), SyntaxError);
  }
});

Deno.test("lines are joined over chunks, and too long ones are refused alone", async () => {
  const line = (n: number): string => `{"series":"a","time":${n},"value":${n}}`;
  const long = `{"series":"${"x".repeat(2 << 20)}"}`;
  const text = `${line(1)}\r\n\n${line(2)}\n${long}\n${line(3)}\n{"bad\n${line(4)}`;
  const bytes = new TextEncoder().encode(text);
  const input = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start(controller): void {
      for (let at = 0; at < bytes.length; at += 997) controller.enqueue(bytes.slice(at, at + 997));
      controller.close();
    },
  });
  const reasons: string[] = [];
  const ticks = await Array.fromAsync(ndjsonSource({
    input,
    onStatus: (status) => status.kind === "rejected" && reasons.push(status.detail.slice(0, 17)),
  }));
  deepEqual(ticks.flat().map((tick) => tick.time), [1, 2, 3, 4]);
  deepEqual(reasons, ["Line 4: is over t", "Line 6: not JSON:"]);
});

Deno.test("a silent input lets go when the source is stopped", async () => {
  let cancelled = false;
  const silent = (): ReadableStream<Uint8Array<ArrayBuffer>> =>
    new ReadableStream({ cancel: () => void (cancelled = true) });
  const stop = new AbortController();
  const aborted = ndjsonSource({ input: silent(), signal: stop.signal }).getReader();
  const read = aborted.read();
  setTimeout(() => stop.abort(), 5);
  equal((await read).done, true);
  equal(cancelled, true);

  cancelled = false;
  const reader = ndjsonSource({ input: silent() }).getReader();
  const pending = reader.read();
  await new Promise((resolve) => setTimeout(resolve, 5));
  await reader.cancel();
  await pending;
  equal(cancelled, true);
});
