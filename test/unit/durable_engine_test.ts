import { deepStrictEqual, equal, ok, rejects } from "node:assert/strict";
import type { Tick } from "../../streams/mod.ts";
import { systemClock } from "../../streams/mod.ts";
import type { Forecast } from "../../src/forecast/forecast.ts";
import { Pipeline } from "../../src/pipeline.ts";
import { DurableEngine, type DurableEngineOptions } from "../../src/serve/durable_engine.ts";
import { MemoryStore } from "../../src/state/memory_store.ts";
import { type Appended, JournalError, type JournalRecord } from "../../src/state/store.ts";
import { TinyForecaster } from "../simulation/tiny_forecaster.ts";

function tick(step: number): Tick {
  return { series: "a", time: step * 1000, values: { value: Math.sin(step) }, id: String(step) };
}

function ticks(from: number, to: number): Tick[] {
  return Array.from({ length: to - from + 1 }, (_, index) => tick(from + index));
}

function open(
  store: MemoryStore,
  emit: DurableEngineOptions["emit"],
): Promise<DurableEngine> {
  const pipeline = new Pipeline({ forecaster: new TinyForecaster() });
  return DurableEngine.open({ store, pipeline, clock: systemClock, emit });
}

/** A promise and what resolves it. */
function gate(): { readonly passed: Promise<void>; readonly open: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { passed: promise, open: resolve };
}

Deno.test("a checkpoint asked for while forecasts are on their way holds only what was taken", async () => {
  const store = new MemoryStore();
  const taking = gate();
  const answer = gate();
  const taken: number[] = [];
  let attempts = 0;
  const engine = await open(store, async (forecasts) => {
    taking.open();
    await answer.passed;
    if (++attempts === 1) throw new Error("The sink does not take them");
    taken.push(...forecasts.map(({ step }) => step));
  });
  await engine.accept(ticks(1, 3));
  await taking.passed;
  const saved = engine.checkpoint();
  answer.open();
  ok(await saved);
  deepStrictEqual(taken, [0, 1, 2]);
  await engine.close();
});

Deno.test("a checkpoint asked for is saved between two batches; none after the end", async () => {
  const store = new MemoryStore();
  const taken: Forecast[] = [];
  const engine = await open(store, (forecasts) => void taken.push(...forecasts));
  await engine.accept(ticks(1, 5));
  deepStrictEqual(await Promise.all([engine.checkpoint(), engine.checkpoint()]), [true, true]);
  equal((await store.loadCheckpoint())?.sequence, taken.length);
  await engine.close();
  equal((await store.loadCheckpoint())?.sequence, 5);
  equal(await engine.checkpoint(), false);
});

/** A journal that answers when told to, and then refuses. */
class RefusingStore extends MemoryStore {
  readonly answer = gate();
  override async append(): Promise<Appended> {
    await this.answer.passed;
    throw new JournalError("Journal cannot write: the disk is full");
  }
}

Deno.test("closing does not wait for ticks that the journal refused", async () => {
  const store = new RefusingStore();
  const engine = await open(store, () => {});
  const refused = rejects(engine.accept(ticks(1, 2)), JournalError);
  await systemClock.sleep(0);
  equal(engine.waiting, 2);
  const closed = engine.close();
  store.answer.open();
  await refused;
  await closed;
  equal(engine.waiting, 0);
});

/** A journal that lost ticks 4 to 6 of what it held. */
class HoledStore extends MemoryStore {
  override *replay(after: number): Generator<JournalRecord> {
    for (const { first, ticks } of super.replay(after)) {
      for (const [from, to] of [[1, 4], [7, Infinity]]) {
        const start = Math.max(from, first);
        const left = ticks.slice(start - first, Math.max(0, to - first));
        if (left.length > 0) yield { first: start, ticks: left };
      }
    }
  }
}

Deno.test("behind a hole in a damaged journal ticks keep their numbers", async () => {
  const store = new HoledStore();
  await store.append(ticks(1, 9));
  const times: number[] = [];
  const engine = await open(store, (forecasts) => void times.push(...forecasts.map((f) => f.time)));
  deepStrictEqual(times, [1, 2, 3, 7, 8, 9].map((step) => step * 1000));
  equal(engine.applied, 9);
  await engine.accept(ticks(10, 10));
  await engine.close();
  equal((await store.loadCheckpoint())?.sequence, 10);
  ok(store.sequence === 10);
});
