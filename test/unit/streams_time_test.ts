import { equal, throws } from "node:assert/strict";
import { compilePath, fromEpoch, parseRfc3339, parseTime } from "../../streams/mod.ts";

const NOON = Date.UTC(2024, 1, 29, 12, 34, 56);

Deno.test("RFC 3339 is read strictly", () => {
  const good: [string, number][] = [
    ["2024-02-29T12:34:56Z", NOON],
    ["2024-02-29t12:34:56z", NOON],
    ["2024-02-29 12:34:56.789123Z", NOON + 789],
    ["2024-02-29T12:34:56.5+00:00", NOON + 500],
    ["2024-02-29T14:04:56+01:30", NOON],
    ["2024-02-28T23:34:56-13:00", NOON],
    ["2016-12-31T23:59:60Z", Date.UTC(2017, 0, 1)],
    ["0001-01-01T00:00:00Z", -62135596800000],
  ];
  for (const [text, time] of good) equal(parseRfc3339(text), time, text);
  const bad = [
    "",
    "2024-02-29",
    "2024-02-29T12:34:56",
    "2024-02-29T12:34Z",
    "2023-02-29T12:34:56Z",
    "2024-04-31T12:34:56Z",
    "1900-02-29T00:00:00Z",
    "2024-13-01T00:00:00Z",
    "2024-00-01T00:00:00Z",
    "2024-01-01T24:00:00Z",
    "2024-01-01T00:60:00Z",
    "2024-01-01T00:00:61Z",
    "2024-01-01T00:00:00.Z",
    "2024-01-01T00:00:00+1:00",
    "2024-01-01T00:00:00+0100",
    "2024-01-01T00:00:00Z ",
    "12024-01-01T00:00:00Z",
    "２０24-01-01T00:00:00Z",
  ];
  for (const text of bad) equal(parseRfc3339(text), NaN, text);
});

Deno.test("RFC 3339 is read as Date writes it, in every month and century", () => {
  for (let days = -719_528; days < 2_932_896; days += 97) {
    const time = days * 86_400_000 + (days * 7919 % 86_400_000 + 86_400_000) % 86_400_000;
    equal(parseRfc3339(new Date(time).toISOString()), time);
  }
});

Deno.test("times are read as tables write them, as UTC where no offset is given", () => {
  const good: [string, number][] = [
    ["2024-02-29 12:34:56", NOON],
    ["2024-02-29T12:34:56", NOON],
    ["2024-02-29T12:34:56.25", NOON + 250],
    ["2024-02-29 12:34:57.001", NOON + 1001],
    ["2024-02-29T12:34:56+00:00", NOON],
    ["2024/02/29 12:34:56", NOON],
    ["2024/2/29 2:34", Date.UTC(2024, 1, 29, 2, 34)],
    ["29.02.2024 12:34:56", NOON],
    ["29.02.2024 12:34", NOON - 56_000],
    ["2024-02-29", Date.UTC(2024, 1, 29)],
    ["29.02.2024", Date.UTC(2024, 1, 29)],
    ["2024-02", Date.UTC(2024, 1, 1)],
    ["Feb 29 2024", Date.UTC(2024, 1, 29)],
    ["February 29, 2024", Date.UTC(2024, 1, 29)],
    ["1709210096", NOON],
    ["1709210096000", NOON],
    ["1709210096.5", NOON + 500],
    ["-1000", -1_000_000],
  ];
  for (const [text, time] of good) equal(parseTime(text), time, text);
  const bad = [
    "",
    "NA",
    "2024-02-30",
    "2024-02-29 25:00:00",
    "2024-02-29 12:34:56 garbage",
    "32.01.2024",
    "Foo 1 2024",
    "Feb 30 2024",
    "2024-02/29",
    "1e3",
    "0x10",
  ];
  for (const text of bad) equal(parseTime(text), NaN, text);
});

Deno.test("numbers since the epoch are told apart by magnitude or unit", () => {
  for (const unit of [1e-3, 1, 1e3, 1e6]) equal(fromEpoch(NOON * unit), NOON);
  equal(fromEpoch(5, "ms"), 5);
  equal(fromEpoch(5, "s"), 5000);
  equal(fromEpoch(5e6, "ns"), 5);
  equal(fromEpoch(9e15, "ms"), NaN);
  equal(fromEpoch(NaN), NaN);
});

Deno.test("paths see own properties only, and a bad path is said at once", () => {
  equal(compilePath("$.a[0]['b c'].d")({ a: [{ "b c": { d: 1 } }] }), 1);
  equal(compilePath("$")(5), 5);
  equal(compilePath("a.b")({ a: null }), undefined);
  equal(compilePath("constructor")({}), undefined);
  equal(compilePath("length")("text"), undefined);
  for (const path of ["", "a[", "a[x]", "a..b", "a]"]) {
    throws(() => compilePath(path), SyntaxError, path);
  }
});
