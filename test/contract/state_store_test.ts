// What every store promises, run over each of them.
import { deepEqual, equal } from "node:assert/strict";
import { MemoryStore } from "../../src/state/memory_store.ts";
import { SqliteStore } from "../../src/state/sqlite_store.ts";
import type { JournalRecord, StateStore } from "../../src/state/store.ts";
import type { Tick } from "../../streams/mod.ts";

const stores: Record<string, (folder: string) => StateStore> = {
  MemoryStore: () => new MemoryStore({ checkpointsKept: 2, idsKept: 4 }),
  SqliteStore: (folder) => SqliteStore.open({ folder, checkpointsKept: 2, idsKept: 4 }),
};

function tick(time: number, id?: string, series = "room"): Tick {
  const body = { series, time, values: { value: time / 3 } };
  return id === undefined ? body : { ...body, id };
}

/** The journal flattened to the times of its ticks. */
function flat(records: Iterable<JournalRecord>): number[] {
  return [...records].flatMap(({ ticks }) => ticks.map(({ time }) => time));
}

for (const [name, make] of Object.entries(stores)) {
  const check = (what: string, body: (store: StateStore) => Promise<void>): void =>
    Deno.test(`${name}: ${what}`, async () => {
      const folder = await Deno.makeTempDir();
      const store = make(folder);
      try {
        await body(store);
      } finally {
        await store.close();
        await Deno.remove(folder, { recursive: true });
      }
    });

  check("numbers ticks from 1 without gaps, in the order of the calls", async (store) => {
    const appended = await Promise.all([
      store.append([tick(1), tick(2)]),
      store.append([tick(3)]),
      store.append([]),
      store.append([tick(4)]),
    ]);
    deepEqual(appended.map(({ first }) => first), [1, 3, 4, 4]);
    equal(store.sequence, 4);
    deepEqual(flat(store.replay(0)), [1, 2, 3, 4]);
  });

  check("replays from the middle of a batch, every field as it was", async (store) => {
    const ticks: Tick[] = [
      tick(1),
      { series: "naïve \u2603", time: 2.5, values: { value: -0, load: 1e-300 }, id: "x" },
      { series: "room", time: 3, values: { load: 7 } },
    ];
    await store.append(ticks);
    const [record] = store.replay(1);
    deepEqual(record, { first: 2, ticks: ticks.slice(1) });
  });

  check("leaves out what it has seen, by series and id", async (store) => {
    await store.append([tick(1, "a"), tick(1, "a", "hall"), tick(1, "a"), tick(1)]);
    const again = await store.append([tick(1, "a"), tick(5, "b"), tick(1)]);
    deepEqual(again, { first: 4, ticks: [tick(5, "b"), tick(1)], duplicates: [0] });
  });

  check("forgets the oldest ids beyond its limit", async (store) => {
    await store.append(["a", "b", "c", "d", "e"].map((id, index) => tick(index, id)));
    const again = await store.append([tick(1, "b"), tick(0, "a")]);
    deepEqual(again.duplicates, [0]);
  });

  check("moves a feed's cursor in the commit of its ticks", async (store) => {
    equal(store.cursor("binance"), undefined);
    await store.append([tick(1)], { feed: "binance", position: "17" });
    await store.append([], { feed: "binance", position: "18" });
    equal(store.cursor("binance"), "18");
  });

  check("gives back a checkpoint as it was saved, the newest of those kept", async (store) => {
    equal(await store.loadCheckpoint(), undefined);
    await store.append(Array.from({ length: 12 }, (_, index) => tick(index + 1)));
    for (const sequence of [3, 6, 9]) {
      const arrays = {
        h: new Float32Array([sequence, 0.1]),
        ring: new Float64Array([Math.PI]),
        rows: new Uint32Array([7]),
      };
      const pending = store.saveCheckpoint({ manifest: { sequence }, arrays }, sequence);
      arrays.h[0] = -1;
      equal(await pending, true);
    }
    const checkpoint = await store.loadCheckpoint();
    equal(checkpoint?.sequence, 9);
    deepEqual(checkpoint?.snapshot, {
      manifest: { sequence: 9 },
      arrays: {
        h: new Float32Array([9, Math.fround(0.1)]),
        ring: new Float64Array([Math.PI]),
        rows: new Uint32Array([7]),
      },
    });
    deepEqual(store.stats().checkpoints, [6, 9]);
    deepEqual(flat(store.replay(6)), [7, 8, 9, 10, 11, 12]);
  });
}
