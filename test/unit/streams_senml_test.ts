import { deepEqual, equal } from "node:assert/strict";
import { SenmlDecoder } from "../../streams/mod.ts";

const NOW = 1.8e12;
const decode = (pack: unknown): [string, number, Record<string, number>][] =>
  new SenmlDecoder().decode(JSON.stringify(pack), NOW).ticks
    .map(({ series, time, values }) => [series, time, { ...values }]);
const reasons = (pack: unknown): string[] =>
  new SenmlDecoder().decode(JSON.stringify(pack), NOW).rejected.map((error) => error.message);

Deno.test("the examples of RFC 8428 resolve as the RFC says", () => {
  // Section 5.1.1 and 5.1.2.
  deepEqual(decode([{ n: "urn:dev:ow:10e2073a01080063", u: "Cel", v: 23.1 }]), [
    ["urn:dev:ow:10e2073a01080063", NOW, { value: 23.1 }],
  ]);
  deepEqual(
    decode([
      {
        ...{ bn: "urn:dev:ow:10e2073a0108006:", bt: 1.276020076001e+09, bu: "A", bver: 5 },
        ...{ n: "voltage", u: "V", v: 120.1 },
      },
      { n: "current", t: -5, v: 1.2 },
      { n: "current", t: -4, v: 1.3 },
      { n: "current", v: 1.7 },
    ]),
    [
      ["urn:dev:ow:10e2073a0108006:voltage", 1276020076001, { value: 120.1 }],
      ["urn:dev:ow:10e2073a0108006:current", 1276020071001, { value: 1.2 }],
      ["urn:dev:ow:10e2073a0108006:current", 1276020072001, { value: 1.3 }],
      ["urn:dev:ow:10e2073a0108006:current", 1276020076001, { value: 1.7 }],
    ],
  );
});

Deno.test("base values, sums, booleans and relative times", () => {
  deepEqual(
    decode([
      { bn: "d:", bv: 20, bs: 100, n: "a", v: 1.5, s: 7 },
      { n: "b", s: 1, t: -60 },
      { n: "c", vb: false },
      { bn: "e:", bv: 0 },
      { n: "f", v: 1 },
    ]),
    [
      ["d:a", NOW, { value: 21.5, sum: 107 }],
      ["d:b", NOW - 60_000, { sum: 101 }],
      ["d:c", NOW, { value: 0 }],
      ["e:f", NOW, { value: 1 }],
    ],
  );
});

Deno.test("what is no number is rejected alone, what is not understood with its pack", () => {
  const pack = [
    { n: "a", v: 1 },
    { n: "b", vs: "open" },
    { n: "c", vd: "aGk" },
    { n: "d" },
    { n: "-e", v: 1 },
    { n: "f", v: "1" },
    { v: 1 },
    { n: "g", v: 1, t: 1e300 },
  ];
  equal(decode(pack).length, 1);
  deepEqual(reasons(pack), [
    'Line 2, field "vs": only numbers can be forecast',
    'Line 3, field "vd": only numbers can be forecast',
    'Line 4, field "v": expected a number, got nothing',
    'Line 5, field "n": "-e" is not a name of letters, digits and -:./_',
    'Line 6, field "v": expected a number, got "1"',
    'Line 7, field "n": is empty',
    'Line 8, field "t": 1e+300 s is no time',
  ]);
  for (const unknown of [{ n: "b", v: 1, x_: 1 }, { n: "b", v: 1, bver: 11 }]) {
    deepEqual(decode([{ n: "a", v: 1 }, unknown]), []);
    equal(reasons([{ n: "a", v: 1 }, unknown]).length, 1);
  }
  equal(reasons({ n: "a", v: 1 }).length, 1);
});
