import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { NetworkMemory, NetworkPages } from "../../src/forecast/network_memory.ts";
import { PackedArrays } from "../../src/forecast/packed_arrays.ts";

const INPUTS = 3;
const HORIZON = 2;

/** Steps whose numbers say which they are: inputs `step + k / 10`, targets settled h later `step + h / 10`. */
function pushSteps(memory: NetworkMemory, from: number, to: number): void {
  const x = new Float32Array(1 + INPUTS);
  const settled = new Float32Array(HORIZON);
  for (let step = from; step < to; step++) {
    for (let k = 0; k < INPUTS; k++) x[1 + k] = step + k / 10;
    for (let h = 1; h <= HORIZON; h++) settled[h - 1] = step >= h ? step - h + h / 10 : NaN;
    memory.push(x, 1, settled);
  }
}

/** What is kept, as plain arrays, in which NaN equals NaN. */
function keptIn(memory: NetworkMemory): { inputs: number[]; targets: number[] } {
  const { inputs, targets } = memory.snapshot();
  const packed = new PackedArrays();
  packed.keep("inputs", ...inputs);
  packed.keep("targets", ...targets);
  packed.settle();
  return { inputs: [...packed.arrays.inputs], targets: [...packed.arrays.targets] };
}

/** What should be kept after `pushed` steps. */
function expected(pushed: number, limit: number): { inputs: number[]; targets: number[] } {
  const inputs: number[] = [];
  const targets: number[] = [];
  for (let step = Math.max(0, pushed - limit); step < pushed; step++) {
    for (let k = 0; k < INPUTS; k++) inputs.push(Math.fround(step + k / 10));
    for (let h = 1; h <= HORIZON; h++) {
      targets.push(step + h < pushed ? Math.fround(step + h / 10) : NaN);
    }
  }
  return { inputs, targets };
}

Deno.test("a memory keeps its latest steps, whatever its limit, and its neighbour's are its own", () => {
  for (const limit of [1, 127, 128, 200, 384]) {
    const pages = new NetworkPages(INPUTS, HORIZON);
    const memory = new NetworkMemory(limit, pages);
    const neighbour = new NetworkMemory(limit, pages);
    for (let pushed = 1; pushed <= 3 * limit + 2; pushed++) {
      pushSteps(memory, pushed - 1, pushed);
      pushSteps(neighbour, pushed - 1, pushed);
      if (pushed % 7 === 0 || pushed % limit < 2) {
        deepEqual(keptIn(memory), expected(pushed, limit));
      }
      equal(memory.length, Math.min(pushed, limit));
    }
    const x = new Float32Array(INPUTS);
    for (let back = 0; back < limit; back++) {
      memory.readInputs(back, x, 0);
      equal(x[0], 3 * limit + 1 - back);
    }
  }
});

Deno.test("a stretch of it is told with a mask, and no further than it goes", () => {
  const memory = new NetworkMemory(170, new NetworkPages(INPUTS, HORIZON));
  pushSteps(memory, 0, 200);
  const { inputs, targets, mask } = memory.sequence(10, 190);
  equal(inputs.length, 160 * INPUTS);
  equal(inputs[0], 40);
  ok(targets.every((target, k) => Number.isNaN(target) === (mask[k] === 0)));
  // Of the last two steps three targets are still to come.
  equal(mask.filter((each) => each === 0).length, 3);
});

Deno.test("what a snapshot restores goes on alike, and one that does not fit is refused", () => {
  for (const pushed of [0, 1, 140, 170, 333]) {
    const memory = new NetworkMemory(170, new NetworkPages(INPUTS, HORIZON));
    pushSteps(memory, 0, pushed);
    const kept = keptIn(memory);
    const restored = new NetworkMemory(170, new NetworkPages(INPUTS, HORIZON));
    restored.restore(pushed, Float32Array.from(kept.inputs), Float32Array.from(kept.targets));
    deepEqual(keptIn(restored), keptIn(memory));
    pushSteps(memory, pushed, pushed + 200);
    pushSteps(restored, pushed, pushed + 200);
    deepEqual(keptIn(restored), keptIn(memory));
  }
  const memory = new NetworkMemory(170, new NetworkPages(INPUTS, HORIZON));
  throws(() => memory.restore(5, new Float32Array(4 * INPUTS), new Float32Array(10)), SyntaxError);
});
