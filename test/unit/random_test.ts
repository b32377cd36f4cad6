import { deepStrictEqual, notDeepStrictEqual, ok, throws } from "node:assert/strict";
import { Random } from "../../src/model/random.ts";

const draw = (random: Random, count: number): number[] =>
  Array.from({ length: count }, () => random.uniform());

Deno.test("a seed fixes the numbers, another gives others, a snapshot goes on", () => {
  const random = new Random(1);
  const first = draw(random, 5);
  const snapshot = random.snapshot();
  const next = draw(random, 5);
  deepStrictEqual(draw(new Random(1), 10), [...first, ...next]);
  notDeepStrictEqual(draw(new Random(2), 5), first);
  const other = new Random(0);
  other.restore(snapshot);
  deepStrictEqual(draw(other, 5), next);
  throws(() => other.restore(new Uint32Array(3)), RangeError);
});

Deno.test("uniform and normal numbers have the moments they should", () => {
  const random = new Random(3);
  const count = 100_000;
  let [sum, normal, squares, fourth] = [0, 0, 0, 0];
  const buckets = new Uint32Array(10);
  for (let k = 0; k < count; k++) {
    sum += random.uniform();
    buckets[random.integer(10)]++;
    const value = random.normal();
    normal += value;
    squares += value ** 2;
    fourth += value ** 4;
  }
  // Five standard errors each.
  ok(Math.abs(sum / count - 0.5) < 5 * Math.sqrt(1 / 12 / count));
  ok(Math.abs(normal / count) < 5 * Math.sqrt(1 / count));
  ok(Math.abs(squares / count - 1) < 5 * Math.sqrt(2 / count));
  ok(Math.abs(fourth / count - 3) < 5 * Math.sqrt(96 / count));
  for (const bucket of buckets) ok(Math.abs(bucket - count / 10) < 5 * Math.sqrt(0.09 * count));
});

Deno.test("shuffling keeps every item and moves them about", () => {
  const items = Uint32Array.from({ length: 50 }, (_, k) => k);
  new Random(4).shuffle(items, 40);
  deepStrictEqual([...items].sort((a, b) => a - b), Array.from({ length: 50 }, (_, k) => k));
  deepStrictEqual([...items.subarray(40)], [40, 41, 42, 43, 44, 45, 46, 47, 48, 49]);
  ok(items.subarray(0, 40).filter((item, k) => item === k).length < 10);
});
