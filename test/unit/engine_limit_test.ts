// What counts towards the limit of series: what is durable, and what is about to be.
import { deepEqual, rejects } from "node:assert/strict";
import { Engine } from "../../src/serve/engine.ts";
import { MemoryStore } from "../../src/state/memory_store.ts";
import { type Appended, JournalError } from "../../src/state/store.ts";
import type { Tick } from "../../streams/mod.ts";
import { TinyForecaster } from "../simulation/tiny_forecaster.ts";

/** A store whose appends wait until the test says what becomes of them. */
class SlowStore extends MemoryStore {
  readonly appends: ((fails: boolean) => void)[] = [];

  override append(ticks: readonly Tick[]): Promise<Appended> {
    return new Promise((resolve, reject) => {
      this.appends.push((fails) => {
        if (fails) reject(new JournalError("The disk is full"));
        else resolve(super.append(ticks));
      });
    });
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

function ticksOf(...series: string[]): Tick[] {
  return series.map((name) => ({ series: name, time: 0, values: { value: 1 } }));
}

/** An engine for two series; what is accepted waits in the store. */
async function open(): Promise<{
  engine: Engine;
  store: SlowStore;
  accept: (...series: string[]) => Promise<number[]>;
}> {
  const store = new SlowStore();
  const engine = await Engine.open({ forecaster: new TinyForecaster(), store, seriesMax: 2 });
  const accept = async (...series: string[]): Promise<number[]> =>
    (await engine.accept(ticksOf(...series))).map(({ index }) => index);
  return { engine, store, accept };
}

Deno.test("series whose first ticks could not be made durable keep no others out", async () => {
  const { engine, store, accept } = await open();
  const failing = accept("a", "b", "c");
  await turn();
  deepEqual(await accept("d"), [0], "while they may still be taken, the limit holds");
  store.appends[0](true);
  await rejects(failing, JournalError);
  const others = accept("d", "e", "f", "e");
  await turn();
  store.appends[1](false);
  deepEqual(await others, [2]);
  deepEqual(await accept("a", "b"), [0, 1]);
  await engine.close();
});

Deno.test("a series that a second call makes durable stays, whatever becomes of the first", async () => {
  for (const order of [[0, 1], [1, 0]]) {
    const { engine, store, accept } = await open();
    const failing = rejects(accept("a", "b"), JournalError);
    const taken = accept("a");
    await turn();
    for (const call of order) store.appends[call](call === 0);
    await failing;
    deepEqual(await taken, []);
    const third = accept("c", "d", "a");
    await turn();
    store.appends[2](false);
    deepEqual(await third, [1], "there is room for one more beside it");
    await engine.close();
  }
});
