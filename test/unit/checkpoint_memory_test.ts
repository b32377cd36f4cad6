// A snapshot is as large as all state: nothing may hold it while what was made of it is written.
import { ok } from "node:assert/strict";
import type { Snapshot } from "../../src/forecast/forecaster.ts";
import { Pipeline } from "../../src/pipeline.ts";
import { DurableEngine } from "../../src/serve/durable_engine.ts";
import { encodeCheckpoint } from "../../src/state/checkpoint.ts";
import { MemoryStore } from "../../src/state/memory_store.ts";
import { systemClock } from "../../streams/mod.ts";
import { collectGarbage } from "../garbage.ts";
import { TinyForecaster } from "../simulation/tiny_forecaster.ts";

/** Whether something is gone after a turn of the event loop and a collection. */
async function isGone(reference: WeakRef<object>): Promise<boolean> {
  await new Promise((resolve) => setTimeout(resolve));
  collectGarbage();
  return reference.deref() === undefined;
}

Deno.test("the engine does not hold a snapshot while it is being saved", async () => {
  /** A disk that takes its time. */
  class SlowStore extends MemoryStore {
    snapshot: WeakRef<Snapshot> | undefined;
    readonly written = Promise.withResolvers<boolean>();
    override saveCheckpoint(snapshot: Snapshot): Promise<boolean> {
      this.snapshot = new WeakRef(snapshot);
      return this.written.promise;
    }
  }
  const store = new SlowStore();
  const pipeline = new Pipeline({ forecaster: new TinyForecaster() });
  const emit = (): void => {};
  const engine = await DurableEngine.open({ store, pipeline, clock: systemClock, emit });
  const saved = engine.checkpoint();
  while (store.snapshot === undefined) await new Promise((resolve) => setTimeout(resolve));
  ok(await isGone(store.snapshot));
  store.written.resolve(true);
  ok(await saved);
  await engine.close();
});

Deno.test("encoding a checkpoint holds its arrays no longer than it takes to copy them", async () => {
  // Its checksum takes some time, on another thread.
  const begin = (): [WeakRef<object>, ReturnType<typeof encodeCheckpoint>] => {
    const array = new Float64Array(4_000_000);
    return [new WeakRef(array), encodeCheckpoint({ manifest: {}, arrays: { array } }, 1, 0)];
  };
  const [array, encoded] = begin();
  ok(await isGone(array));
  await encoded;
});
