import { deepEqual, equal, ok } from "node:assert/strict";
import { compose, fitRegime, inverse, UNMOVED } from "../../src/forecast/regime_map.ts";
import { Random } from "../../mod.ts";

const REACH = 12;
const random = new Random(7);
const profile = Float64Array.from({ length: 36 + 2 * REACH }, (_, k) => {
  return 10 + 4 * Math.sin(2 * Math.PI * k / 24) + Math.sin(2 * Math.PI * k / 12 + 1);
});

Deno.test("offset, factor and shift of a moved profile are found within the noise", () => {
  for (const map of [UNMOVED, { offset: -3, factor: 1.5, shift: 5 }]) {
    const values = Float64Array.from({ length: 36 }, (_, k) => {
      return map.offset + map.factor * profile[REACH + k + map.shift] + 0.05 * random.normal();
    });
    const fit = fitRegime(values, profile, REACH);
    equal(fit.shift, map.shift);
    ok(Math.abs(fit.factor - map.factor) < 0.02, `${fit.factor}`);
    ok(Math.abs(fit.offset - map.offset) < 0.2, `${fit.offset}`);
    ok(fit.error < 0.06, `${fit.error}`);
  }
});

Deno.test("a profile that does not vary is only raised, and one that is not known is not fitted", () => {
  const values = new Float64Array(30).fill(7);
  const flat = fitRegime(values, new Float64Array(30).fill(2), 0);
  deepEqual(flat, { offset: 5, factor: 1, shift: 0, error: 0 });
  equal(fitRegime(values, new Float64Array(30).fill(NaN), 0).error, Infinity);
});

Deno.test("a map and then its inverse leave values as they were", () => {
  const map = { offset: 3, factor: 0.5, shift: -4 };
  deepEqual(compose(map, inverse(map)), UNMOVED);
});
