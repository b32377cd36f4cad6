// What a snapshot copies late is what was there when it was taken, whatever happens before it is copied.
import { deepEqual, equal, ok } from "node:assert/strict";
import { History } from "../../src/forecast/history.ts";
import { LateCopy } from "../../src/forecast/late_copy.ts";
import { NetworkMemory, NetworkPages } from "../../src/forecast/network_memory.ts";
import { OnlineForecaster } from "../../src/forecast/online_forecaster.ts";
import { PackedArrays } from "../../src/forecast/packed_arrays.ts";
import { StateReader, StateWriter } from "../../src/forecast/state_buffer.ts";
import { arrayBits } from "../array_bits.ts";
import { collectGarbage } from "../garbage.ts";

const LIMIT = 256;

/** Values that say which step they are of; every ninth is missing. */
function pushValues(history: History, from: number, to: number): void {
  for (let step = from; step < to; step++) history.push(step % 9 === 4 ? NaN : step, -step);
}

function saved(history: History): Float64Array {
  const writer = new StateWriter();
  history.save(writer);
  return writer.finish();
}

/** Begins a snapshot of a history. @returns What finishes it. */
function beginSaving(history: History): () => Float64Array {
  const packed = new PackedArrays();
  const writer = new StateWriter();
  history.save(writer);
  packed.keep("history", ...writer.pieces());
  return () => {
    packed.settle();
    return packed.arrays.history as Float64Array;
  };
}

Deno.test("a history that goes on, grows, turns over or is retold does not change what was saved", () => {
  const changes: Record<string, (history: History, length: number) => void> = {
    nothing: () => {},
    "one step": (history, n) => pushValues(history, n, n + 1),
    "some steps": (history, n) => pushValues(history, n, n + 40),
    "all new": (history, n) => pushValues(history, n, n + 2 * LIMIT + 7),
    retold: (history, n) => history.retell(n, { offset: 3, factor: -2, shift: 0 }, 7),
    "saved again": (history, n) => {
      pushValues(history, n, n + 5);
      saved(history);
      pushValues(history, n + 5, n + 300);
    },
  };
  for (const limit of [LIMIT, 4 * LIMIT]) {
    for (const length of [0, 1, 200, LIMIT, LIMIT + 77, 5 * LIMIT]) {
      for (const [name, change] of Object.entries(changes)) {
        const history = new History(limit);
        const twin = new History(limit);
        for (const each of [history, twin]) pushValues(each, 0, length);
        const finish = beginSaving(history);
        change(history, length);
        deepEqual(finish(), saved(twin), `limit ${limit}, ${length} values, ${name}`);
      }
    }
  }
});

Deno.test("a history counts its missing values, also where they are overwritten or retold", () => {
  for (const length of [100, LIMIT, LIMIT + 77]) {
    const history = new History(LIMIT);
    pushValues(history, 0, length);
    history.retell(length - 20, { offset: 0, factor: 1, shift: 3 }, 7);
    pushValues(history, length, length + 30);
    const missing: number[] = [];
    for (let step = history.first; step < history.length; step++) {
      if (Number.isNaN(history.observed(step))) missing.push(step);
    }
    const state = saved(history);
    deepEqual([...state.subarray(3, 4 + missing.length)], [missing.length, ...missing]);
    const restored = new History(LIMIT);
    restored.load(new StateReader(state));
    for (const each of [history, restored]) pushValues(each, length + 30, length + 200);
    deepEqual(saved(restored), saved(history));
  }
});

Deno.test("a network's memory that goes on does not change what was saved", () => {
  const [inputs, horizon] = [3, 2];
  const x = new Float32Array(inputs);
  const settled = new Float32Array(horizon);
  const pushSteps = (memory: NetworkMemory, from: number, to: number): void => {
    for (let step = from; step < to; step++) {
      memory.push(x.fill(step), 0, settled.fill(step / 2));
    }
  };
  const begin = (memory: NetworkMemory): PackedArrays => {
    const packed = new PackedArrays();
    const pieces = memory.snapshot();
    packed.keep("inputs", ...pieces.inputs);
    packed.keep("targets", ...pieces.targets);
    return packed;
  };
  for (const limit of [1, 100, 256]) {
    for (const length of [0, 1, 90, 256, 300, 700]) {
      for (const more of [0, 1, 2, 50, 600]) {
        const memory = new NetworkMemory(limit, new NetworkPages(inputs, horizon));
        pushSteps(memory, 0, length);
        const expected = begin(memory);
        expected.settle();
        const packed = begin(memory);
        pushSteps(memory, length, length + more);
        packed.settle();
        const where = `limit ${limit}, ${length} steps, ${more} more`;
        deepEqual(arrayBits(packed.arrays), arrayBits(expected.arrays), where);
      }
    }
  }
});

Deno.test("series whose histories are full go on while their snapshot is taken, and it is the whole one", () => {
  const forecaster = new OnlineForecaster({ horizon: 2, historyLimit: LIMIT, covariates: 1 });
  const follow = (from: number, to: number): void => {
    for (let step = from; step < to; step++) {
      for (const series of ["a", "b"]) {
        const value = step % 50 === 7 ? NaN : Math.sin(step) + (series === "a" ? 0 : 5);
        const values = Float64Array.of(value, step % 3);
        forecaster.step([{ series, time: step * 60_000, step, values }]);
      }
    }
  };
  follow(0, LIMIT + 50);
  const { manifest, arrays } = forecaster.snapshot();
  const packed = new PackedArrays();
  const snapshot = forecaster.beginSnapshot(packed.keep);
  for (const series of ["b", "a"]) snapshot.take(series);
  follow(LIMIT + 50, 2 * LIMIT);
  deepEqual(snapshot.finish(), manifest);
  packed.settle();
  deepEqual(arrayBits(packed.arrays), arrayBits(arrays));
});

Deno.test("what was copied is held no longer, and a copy that nobody wanted is none", () => {
  const source = Float64Array.of(1, 2, 3);
  const late = LateCopy.of(source);
  late.before(1);
  ok(late.done, "few steps are copied at once");
  late.begin(0, 3).finish();
  const begin = (): WeakRef<Float64Array> => {
    const target = new Float64Array(4);
    late.begin(0, 3).into(target, 1);
    late.finish();
    deepEqual([...target], [0, 1, 2, 3]);
    return new WeakRef(target);
  };
  const target = begin();
  return new Promise<void>((resolve) => setTimeout(resolve)).then(() => {
    collectGarbage();
    equal(target.deref(), undefined);
  });
});
