import { deepEqual, equal, throws } from "node:assert/strict";
import { RingBuffer } from "../../streams/mod.ts";

function filled(capacity: number, count: number): RingBuffer {
  const ring = new RingBuffer({ capacity, features: 2 });
  for (let i = 0; i < count; i++) ring.push(i * 1000, [i, -i]);
  return ring;
}

Deno.test("a ring buffer shows the last frames in order at every fill", () => {
  for (let count = 0; count <= 17; count++) {
    const ring = filled(5, count);
    const held = Math.min(5, count);
    equal(ring.length, held);
    equal(ring.pushed, count);
    for (let shown = 0; shown <= held; shown++) {
      const steps = Array.from({ length: shown }, (_, i) => count - shown + i);
      deepEqual([...ring.view(shown).times], steps.map((step) => step * 1000));
      deepEqual([...ring.view(shown).values], steps.flatMap((step) => [step, -step]));
    }
  }
});

Deno.test("a stale view is caught", () => {
  const ring = filled(3, 4);
  const view = ring.view(2);
  equal(view.stale, false);
  ring.push(9, [9, 9]);
  equal(view.stale, true);
  throws(() => view.times, { name: "RangeError", message: /Stale view/ });
  throws(() => view.values, { name: "RangeError", message: /Stale view/ });
});

Deno.test("a restored ring buffer goes on as the original", () => {
  for (const count of [0, 1, 4, 5, 6, 23]) {
    const original = filled(5, count);
    const restored = RingBuffer.restore(original.snapshot());
    for (let i = 0; i < 7; i++) {
      equal(restored.pushed, original.pushed);
      deepEqual([...restored.view().times], [...original.view().times]);
      deepEqual([...restored.view().values], [...original.view().values]);
      original.push(i, [i / 3, NaN]);
      restored.push(i, [i / 3, NaN]);
    }
  }
});

Deno.test("a ring buffer refuses sizes and snapshots that do not fit", () => {
  throws(() => new RingBuffer({ capacity: 0, features: 1 }), RangeError);
  throws(() => new RingBuffer({ capacity: 1, features: 1.5 }), RangeError);
  throws(() => filled(3, 1).push(1, [1]), RangeError);
  throws(() => filled(3, 1).view(2), RangeError);
  throws(() => RingBuffer.restore({ ...filled(3, 3).snapshot(), pushed: 2 }), RangeError);
});
