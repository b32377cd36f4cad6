import { equal } from "node:assert/strict";
import fc from "fast-check";
import { NumberWriter, prepared } from "../../src/serve/number_writer.ts";

/** What JavaScript makes of the same number. */
function oracle(value: number, places: number): string {
  const number = Math.round(value * 10 ** places) / 10 ** places;
  return Number.isFinite(number) ? String(number) : "null";
}

const writer = new NumberWriter();
const decoder = new TextDecoder();

/** The text that is put together within so many bytes. */
function text(bytesMax: number, put: () => void): string {
  writer.begin(bytesMax);
  put();
  return decoder.decode(writer.finish());
}

function written(values: readonly number[], places: number): string {
  const room = NumberWriter.NUMBER_BYTES * values.length;
  return text(room, () => writer.numbers(values, 0, 1, places));
}

Deno.test("numbers are written as JavaScript writes them", () => {
  const places = fc.oneof(fc.integer({ min: 0, max: 9 }), fc.integer({ min: -12, max: 300 }));
  const value = fc.oneof(
    fc.double(),
    fc.double({ min: -1e6, max: 1e6 }),
    fc.integer({ min: -1e16, max: 1e16 }),
    fc.tuple(fc.integer(), fc.integer({ min: 0, max: 18 })).map(([digits, e]) => digits / 10 ** e),
  );
  fc.assert(
    fc.property(value, places, (value, places) => {
      equal(written([value], places), oracle(value, places));
      equal(text(NumberWriter.NUMBER_BYTES, () => writer.exact(value)), JSON.stringify(value));
    }),
    { numRuns: 20_000 },
  );
});

Deno.test("numbers at the bounds are written as JavaScript writes them", () => {
  const sizes = [0, 1e-6, 1e-7, 9.9e-7, 1e-15, 0.5, 1, 9.99999, 999999999, 1e9, 1e9 + 1, 1e12 - 1]
    .concat([2 ** 31 - 1, 2 ** 31, 2 ** 31 + 1, 4e9, 1e15 - 1, 1e15, 1e15 + 2, 8.64e15, 2 ** 53])
    .concat([1e20, 1e21, 1e300, Number.MIN_VALUE, Number.MAX_VALUE, Infinity, NaN]);
  for (const size of sizes) {
    for (const value of [size, -size]) {
      for (const places of [-300, -3, 0, 1, 6, 7, 9, 10, 14, 15, 16, 22, 300]) {
        equal(written([value], places), oracle(value, places), `${value}, ${places} places`);
      }
    }
  }
});

Deno.test("strings are written as JSON", () => {
  const string = fc.oneof(
    fc.string(),
    fc.string({ unit: "binary" }),
    fc.string({ unit: "grapheme" }),
  );
  fc.assert(
    fc.property(string, (string) => {
      const room = NumberWriter.stringBytes(string);
      equal(text(room, () => writer.string(string)), JSON.stringify(string));
    }),
    { numRuns: 2000 },
  );
  const broken = "\ud800\u0000";
  equal(
    text(NumberWriter.stringBytes(broken), () => writer.string(broken)),
    JSON.stringify(broken),
  );
});

Deno.test("texts begin anew, and take every so many of their numbers", () => {
  const values = Array.from({ length: 500 }, (_, k) => k * 1234.5);
  const list = (): void => {
    writer.put(prepared('{"the odd ones":['));
    writer.numbers(values, 1, 2, 3);
    writer.put(prepared("]"));
    writer.put(prepared("}"));
  };
  const object = { "the odd ones": values.filter((_, k) => k % 2 === 1) };
  equal(text(20 + NumberWriter.NUMBER_BYTES * values.length, list), JSON.stringify(object));
  equal(text(0, () => {}), "");
});
