import { deepEqual, equal, ok, rejects, throws } from "node:assert/strict";
import { csvSource, type CsvSourceOptions, ManualClock, type Tick } from "../../streams/mod.ts";

function bytesOf(text: string): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new Blob([text]).stream();
}

async function read(
  text: string,
  options: Omit<CsvSourceOptions, "input">,
): Promise<{ ticks: Tick[]; problems: string[] }> {
  const problems: string[] = [];
  const source = csvSource({
    input: bytesOf(text),
    onStatus: (status) => status.kind === "rejected" && problems.push(status.detail),
    ...options,
  });
  return { ticks: (await Array.fromAsync(source)).flat(), problems };
}

const DAY = 86_400_000;
const START = Date.UTC(2026, 0, 1);

Deno.test("columns become series, time and features", async () => {
  const text = 'day;who;"a, first";b\n2026-01-01;x;1;2\n2026-01-02;y;3;\n';
  const { ticks, problems } = await read(text, {
    time: "day",
    value: ["a, first", "b"],
    series: "who",
    separator: ";",
  });
  deepEqual(ticks, [
    { series: "x", time: START, values: { value: 1, b: 2 } },
    { series: "y", time: START + DAY, values: { value: 3 } },
  ]);
  deepEqual(problems, []);
});

Deno.test("bad rows are counted with their line and reason and the rest is kept", async () => {
  const text = "t,v\nfloat,int\n2026-01-01,1\nyesterday,2\n2026-01-03,\n2026-01-04,x\n" +
    "2026-01-05,5,5\n2026-01-06,1e999\n2026-01-07,7\n";
  const { ticks, problems } = await read(text, { time: "t", value: "v", skipRows: 1 });
  deepEqual(ticks.map((tick) => tick.values.value), [1, 7]);
  equal(ticks[0].series, "v");
  deepEqual(problems, [
    'Line 4, field "t": "yesterday" is no time',
    'Line 5, field "v": expected a number, got nothing',
    'Line 6, field "v": expected a number, got "x"',
    "Line 7: expected 2 columns, got 3",
    'Line 8, field "v": is beyond the range of a double',
  ]);
});

Deno.test("a quote that is never closed ends the file but not the stream", async () => {
  const text = 't,v\n2026-01-01,1\n"2026-01-02,2\n2026-01-03,3\n';
  const { ticks, problems } = await read(text, { time: "t", value: "v" });
  deepEqual(ticks.map((tick) => tick.values.value), [1]);
  equal(problems.length, 1);
});

Deno.test("a missing column or file fails the stream, a negative speed at once", async () => {
  const bad = csvSource({ input: bytesOf("a,b\n1,2\n"), time: "t", value: "b" });
  await rejects(() => Array.fromAsync(bad), { message: /Column "t": no such column.*"a", "b"/ });
  const absent = csvSource({ input: "/nonexistent/file.csv", time: "t", value: "b" });
  await rejects(() => Array.fromAsync(absent), Deno.errors.NotFound);
  throws(() => csvSource({ input: bytesOf(""), time: "t", value: "v", speed: -1 }), RangeError);
});

Deno.test("gzip is told by its content, from a file as from a stream", async () => {
  const text = "t,v\n2026-01-01,1\n2026-01-02,2\n";
  const packed = bytesOf(text).pipeThrough(new CompressionStream("gzip"));
  const path = await Deno.makeTempFile({ suffix: ".data" });
  try {
    await Deno.writeFile(path, packed);
    for (const input of [path, new URL(`file://${path}`)]) {
      const ticks = (await Array.fromAsync(csvSource({ input, time: "t", value: "v" }))).flat();
      deepEqual(ticks.map((tick) => tick.time), [START, START + DAY]);
    }
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("a real file of month names and several series is read whole", async () => {
  const input = new URL("../data/stocks.csv", import.meta.resolve("vega-datasets"));
  const source = csvSource({ input, time: "date", value: "price", series: "symbol" });
  const ticks = (await Array.fromAsync(source)).flat();
  deepEqual(ticks[0], { series: "MSFT", time: Date.UTC(2000, 0, 1), values: { value: 39.81 } });
  equal(new Set(ticks.map((tick) => tick.series)).size, 5);
  equal(ticks.length, 560);
});

Deno.test("chunks are bounded and nothing is lost between them", async () => {
  const rows = Array.from({ length: 25 }, (_, i) => `${1e9 + i},${i}`);
  const source = csvSource({
    input: bytesOf(`t,v\n${rows.join("\n")}`),
    time: "t",
    value: "v",
    batchTicks: 10,
  });
  const batches = await Array.fromAsync(source);
  deepEqual(batches.map((batch) => batch.length), [10, 10, 5]);
  deepEqual(batches.flat().map((tick) => tick.values.value), rows.map((_, i) => i));
});

Deno.test("chunks of one series are small, those of several large", async () => {
  const rows = Array.from({ length: 1500 }, (_, i) => `${1e9 + i},s${i % 3},${i}`);
  const text = `t,name,v\n${rows.join("\n")}`;
  const options = { time: "t", value: "v" };
  const one = await Array.fromAsync(csvSource({ ...options, input: bytesOf(text) }));
  deepEqual(new Set(one.map((batch) => batch.length)), new Set([64, 1500 % 64]));
  const several = csvSource({ ...options, input: bytesOf(text), series: "name" });
  deepEqual((await Array.fromAsync(several)).map((batch) => batch.length), [1024, 476]);
});

Deno.test("a bad row of a paced replay is told when it is reached", async () => {
  const stop = new AbortController();
  const told: string[] = [];
  const source = csvSource({
    input: bytesOf("t,v\n2026-01-01,0\n2027-01-01,1\n2028-01-01,?\n"),
    ...{ time: "t", value: "v", speed: 1, signal: stop.signal },
    onStatus: (status) => told.push(status.kind),
  });
  const reader = source.getReader();
  equal((await reader.read()).value?.length, 1);
  deepEqual(told, []);
  stop.abort();
  ok((await reader.read()).done);
  deepEqual(told, []);
});

Deno.test("rows come at the pace of the time column, times the speed", async () => {
  const clock = new ManualClock(5_000_000);
  const text = "t,v\n2026-01-01T00:00:00,0\n2026-01-01T00:00:00,1\n2026-01-01T00:00:10,2\n" +
    "2026-01-01T00:00:05,3\n2026-01-01T00:01:00,4\n";
  const source = csvSource({ input: bytesOf(text), time: "t", value: "v", speed: 10, clock });
  const seen: [number, number[]][] = [];
  const done = (async () => {
    for await (const batch of source) {
      seen.push([clock.now() - 5_000_000, batch.map((tick) => tick.values.value)]);
    }
  })();
  while (clock.sleeping === 0) await clock.advance(0);
  await clock.advance(60_000);
  await done;
  deepEqual(seen, [[0, [0, 1]], [1000, [2, 3]], [6000, [4]]]);
});

Deno.test("a paced replay ends at once when aborted or cancelled", async () => {
  for (const how of ["abort", "cancel"]) {
    const stop = new AbortController();
    const source = csvSource({
      input: bytesOf("t,v\n2026-01-01,0\n2027-01-01,1\n"),
      time: "t",
      value: "v",
      speed: 1,
      signal: stop.signal,
    });
    const reader = source.getReader();
    deepEqual((await reader.read()).value?.length, 1);
    if (how === "abort") {
      stop.abort();
      ok((await reader.read()).done);
    } else {
      await reader.cancel();
    }
  }
});
