import { deepEqual, equal, ok } from "node:assert/strict";
import { type Decoded, InputError, limits, TickDecoder } from "../../streams/mod.ts";

const GOOD = '{"series":"a","time":1000,"value":1.5}';

function reasons(decoded: Decoded): string[] {
  return decoded.rejected.map((error) => `${error.line} ${error.field} ${error.reason}`);
}

Deno.test("the wire format is read as an object, an array and NDJSON", () => {
  const decoder = new TickDecoder();
  const tick = { series: "a", time: 1000, values: { value: 1.5 } };
  deepEqual(decoder.decode(GOOD), { ticks: [tick], rejected: [] });
  deepEqual(decoder.decode(`[${GOOD},${GOOD}]`).ticks, [tick, tick]);
  deepEqual(decoder.decode(`${GOOD}\r\n\n ${GOOD}\n`).ticks, [tick, tick]);
  deepEqual(decoder.decode(JSON.stringify(JSON.parse(`[${GOOD}]`), null, 2)).ticks, [tick]);
  deepEqual(decoder.decode(JSON.stringify(JSON.parse(GOOD), null, 2)).ticks, [tick]);
  deepEqual(decoder.decode(new TextEncoder().encode(GOOD)).ticks, [tick]);
  deepEqual(decoder.decode("[]"), { ticks: [], rejected: [] });
  const rich =
    '{"series":"a","time":"1970-01-01T00:00:01Z","values":{"value":1,"wind":2},"id":"x"}';
  deepEqual(decoder.decode(rich).ticks, [
    { series: "a", time: 1000, values: { value: 1, wind: 2 }, id: "x" },
  ]);
});

Deno.test("each bad tick is refused alone, with its place, field and reason", () => {
  const decoder = new TickDecoder();
  const cases: [string, string][] = [
    ["", "0  malformed"],
    ["hello", "0  malformed"],
    ["7", "0  malformed"],
    ["null", "0  malformed"],
    ["{}", "0 series missing-field"],
    ['{"series":7,"time":1,"value":1}', "0 series bad-type"],
    ['{"series":"","time":1,"value":1}', "0 series missing-field"],
    [`{"series":"${"x".repeat(257)}","time":1,"value":1}`, "0 series too-large"],
    ['{"series":"a","value":1}', "0 time missing-field"],
    ['{"series":"a","time":true,"value":1}', "0 time bad-type"],
    ['{"series":"a","time":1e17,"value":1}', "0 time bad-time"],
    ['{"series":"a","time":"2026-02-30T00:00:00Z","value":1}', "0 time bad-time"],
    ['{"series":"a","time":"2026-02-20","value":1}', "0 time bad-time"],
    ['{"series":"a","time":1}', "0 value missing-field"],
    ['{"series":"a","time":1,"value":null}', "0 value bad-type"],
    ['{"series":"a","time":1,"value":"1"}', "0 value bad-type"],
    ['{"series":"a","time":1,"value":1e999}', "0 value not-finite"],
    ['{"series":"a","time":1,"value":1,"values":{}}', "0 values bad-type"],
    ['{"series":"a","time":1,"values":{}}', "0 values missing-field"],
    ['{"series":"a","time":1,"values":[1]}', "0 values bad-type"],
    ['{"series":"a","time":1,"values":{"x":"1"}}', "0 values.x bad-type"],
    ['{"series":"a","time":1,"values":{"__proto__":1}}', "0 values bad-type"],
    [`{"series":"a","time":1,"values":{"${"x".repeat(65)}":1}}`, "0 values too-large"],
    ['{"series":"a","time":1,"value":1,"id":7}', "0 id bad-type"],
    [`[${GOOD},{"series":"a"},${GOOD}]`, "2 time missing-field"],
    [`${GOOD}\n{"series":"a"\n${GOOD}`, "2  malformed"],
    [`garbage\n${GOOD}\n${GOOD}`, "1  malformed"],
  ];
  for (const [frame, expected] of cases) {
    const decoded = decoder.decode(frame);
    deepEqual(reasons(decoded), [expected], frame.slice(0, 80));
    const isBatch = frame.split(GOOD).length - 1;
    equal(decoded.ticks.length, isBatch, frame.slice(0, 80));
    ok(decoded.rejected.every((error) => error instanceof InputError));
  }
});

Deno.test("frames beyond a limit, broken UTF-8 and deep nesting are refused", () => {
  const decoder = new TickDecoder({ frameBytesMax: 100 });
  deepEqual(reasons(decoder.decode("x".repeat(101))), ["0  too-large"]);
  deepEqual(reasons(decoder.decode(new Uint8Array([0x7b, 0xff]))), ["0  malformed"]);
  deepEqual(reasons(new TickDecoder().decode("[".repeat(limits.frameBytes))), ["0  malformed"]);
  const wide = Object.fromEntries(Array.from({ length: 1025 }, (_, i) => [`f${i}`, i]));
  const frame = JSON.stringify({ series: "a", time: 1, values: wide });
  deepEqual(reasons(new TickDecoder().decode(frame)), ["0 values too-large"]);
});

Deno.test("foreign JSON is read by paths", () => {
  const decoder = new TickDecoder({
    seriesPath: "data.symbol",
    valuePath: 'data["last price"]',
    timePath: "data.at[0]",
    idPath: "data.n",
    timeUnit: "s",
  });
  const frame = { data: { symbol: "X", "last price": "-1.5e2", at: [12], n: 9 } };
  deepEqual(decoder.decode(JSON.stringify(frame)).ticks, [
    { series: "X", time: 12_000, values: { value: -150 }, id: "9" },
  ]);
  deepEqual(reasons(decoder.decode('{"type":"heartbeat"}')), ["0 data.symbol missing-field"]);
  const bad = '{"data":{"symbol":"X","last price":"n/a","at":[1]}}';
  deepEqual(reasons(decoder.decode(bad)), ['0 data["last price"] bad-type']);
});

Deno.test("a series, the time of arrival and an array inside can be given", () => {
  const decoder = new TickDecoder({
    itemsPath: "rows",
    valuePath: "[1]",
    series: "room",
    arrivalTime: true,
  });
  deepEqual(decoder.decode('{"rows":[[0,20],[0,21]]}', 5).ticks, [
    { series: "room", time: 5, values: { value: 20 } },
    { series: "room", time: 5, values: { value: 21 } },
  ]);
});
