// However the network cuts bytes into pieces, the same ticks come out.
import { deepEqual, ok } from "node:assert/strict";
import fc from "fast-check";
import {
  csvSource,
  encodeSse,
  ndjsonSource,
  recordingSource,
  type Tick,
} from "../../streams/mod.ts";
import { type ReceivedEvent, SseParser } from "../../streams/sources/sse_parser.ts";

const RUNS = { numRuns: 60 };
const utf8 = new TextEncoder();

/** Names of more than one byte a character, so that a cut may fall inside one. */
const name = fc.constantFrom("a", "Zürich", "東京", "🌡");
const ticks = fc.array(
  fc.record({
    series: name,
    time: fc.nat(),
    value: fc.double({ noNaN: true, noDefaultInfinity: true }),
  }),
  { minLength: 1, maxLength: 30 },
);
const lineEnd = fc.constantFrom("\n", "\r\n");
const cuts = fc.array(fc.nat(), { maxLength: 20 });

function pieces(text: string, cuts: readonly number[]): Uint8Array<ArrayBuffer>[] {
  const bytes = utf8.encode(text);
  const at = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...at].map((from, i) => bytes.slice(from, at[i] ?? bytes.length));
}

async function read(source: ReadableStream<readonly Tick[]>): Promise<Tick[]> {
  return (await Array.fromAsync(source)).flat();
}

type Open = (input: ReadableStream<Uint8Array<ArrayBuffer>>) => ReadableStream<readonly Tick[]>;

async function sameHoweverCut(text: string, cuts: readonly number[], open: Open): Promise<void> {
  const whole = await read(open(ReadableStream.from([utf8.encode(text)])));
  ok(whole.length > 0);
  // An empty piece stands for a read that brought nothing.
  deepEqual(await read(open(ReadableStream.from(pieces(text, cuts)))), whole);
}

Deno.test("lines of JSON, whatever the pieces", async () => {
  await fc.assert(
    fc.asyncProperty(ticks, lineEnd, cuts, (ticks, end, cuts) => {
      const text = ["oops", ...ticks.map((tick) => JSON.stringify(tick))].join(end);
      return sameHoweverCut(text, cuts, (input) => ndjsonSource({ input }));
    }),
    RUNS,
  );
});

Deno.test("a CSV, whatever the pieces", async () => {
  await fc.assert(
    fc.asyncProperty(ticks, lineEnd, cuts, (ticks, end, cuts) => {
      const rows = ticks.map(({ series, time, value }) => `"${series}",${time},${value}`);
      const text = ["series,time,value", ...rows].join(end);
      return sameHoweverCut(
        text,
        cuts,
        (input) =>
          csvSource({ input, series: "series", time: "time", value: "value", timeUnit: "ms" }),
      );
    }),
    RUNS,
  );
});

Deno.test("a recording, whatever the pieces", async () => {
  await fc.assert(
    fc.asyncProperty(ticks, cuts, (ticks, cuts) => {
      const entries = ticks.map(({ series, time, value }, arrival) =>
        JSON.stringify({ arrival, ticks: [{ series, time, values: { value } }] })
      );
      const text = ['{"format":"tickcast-recording","version":1}', ...entries, ""].join("\n");
      return sameHoweverCut(text, cuts, (input) => recordingSource({ input }));
    }),
    RUNS,
  );
});

Deno.test("server-sent events, whatever the pieces and line ends", () => {
  const event = fc.record({
    data: fc.array(name, { minLength: 1, maxLength: 3 }).map((lines) => lines.join("\n")),
    event: fc.option(name, { nil: undefined }),
    id: fc.option(name, { nil: undefined }),
  });
  fc.assert(
    fc.property(
      fc.array(event, { minLength: 1, maxLength: 20 }),
      fc.constantFrom("\n", "\r\n", "\r"),
      cuts,
      (events, end, cuts) => {
        const text = events.map(encodeSse).join(": a comment\n").replaceAll("\n", end);
        const parser = new SseParser(1000);
        const got: ReceivedEvent[] = pieces(text, cuts).flatMap((piece) => parser.push(piece));
        deepEqual(
          got,
          events.map(({ data, event }) => ({ event: event ?? "message", data, tooLong: false })),
        );
        deepEqual(parser.lastId, events.findLast(({ id }) => id !== undefined)?.id ?? "");
      },
    ),
    { numRuns: 300 },
  );
});
