// What an operator changes takes effect between two ticks, once, and also after a crash.
import { deepEqual, equal, notDeepEqual, rejects } from "node:assert/strict";
import { Engine } from "../../src/serve/engine.ts";
import { encodeForecast } from "../../src/serve/wire.ts";
import { MemoryStore } from "../../src/state/memory_store.ts";
import { JournalError } from "../../src/state/store.ts";
import type { Tick } from "../../streams/mod.ts";
import { settled } from "../e2e/served.ts";
import { SteeredForecaster } from "../e2e/steered_forecaster.ts";

/** A store whose checkpoints can be made to fail. */
class FailingStore extends MemoryStore {
  fails = false;
  override saveCheckpoint(
    ...args: Parameters<MemoryStore["saveCheckpoint"]>
  ): Promise<boolean> {
    return this.fails ? Promise.resolve(false) : super.saveCheckpoint(...args);
  }
}

function ticks(from: number, count: number): Tick[] {
  return Array.from({ length: count }, (_, i) => ({
    series: `s${i % 2}`,
    time: from + i,
    values: { value: Math.sin(from + i) },
  }));
}

/** An engine, its forecaster, and every forecast it has made, by its number. */
class Run {
  readonly forecasts: string[] = [];
  engine!: Engine;
  forecaster!: SteeredForecaster;

  constructor(readonly store: FailingStore = new FailingStore()) {}

  /** Starts, or starts again as after a crash: what was in memory alone is gone. */
  async start(): Promise<this> {
    this.forecaster = new SteeredForecaster();
    this.engine = await Engine.open({ forecaster: this.forecaster, store: this.store });
    this.engine.onForecasts((forecasts, first) =>
      forecasts.forEach((forecast, i) => this.forecasts[first + i] = encodeForecast(forecast))
    );
    return this;
  }

  async take(from: number, count: number): Promise<void> {
    await this.engine.accept(ticks(from, count));
    await settled(this.engine);
  }
}

Deno.test("a change survives a crash right after it, and forecasts go on as if there had been none", async () => {
  const whole = await new Run().start();
  const crashed = await new Run().start();
  const unchanged = await new Run().start();
  for (const run of [whole, crashed, unchanged]) await run.take(0, 40);
  for (const run of [whole, crashed]) {
    await run.engine.change(() => run.forecaster.freeze());
  }
  await crashed.start();
  equal(crashed.forecaster.frozen, true);
  for (const run of [whole, crashed, unchanged]) await run.take(40, 100);
  deepEqual(crashed.forecasts, whole.forecasts);
  notDeepEqual(unchanged.forecasts, whole.forecasts);
  equal(await whole.engine.change(() => whole.forecaster.rollBack()), true);
});

Deno.test("a change under load waits for its turn, and a replay puts it at the same place", async () => {
  const run = await new Run().start();
  let changed: Promise<void> | undefined;
  for (let from = 0; from < 2000; from += 20) {
    await run.engine.accept(ticks(from, 20));
    if (from === 1000) changed = run.engine.change(() => run.forecaster.freeze());
  }
  await changed;
  await settled(run.engine);
  const before = [...run.forecasts];
  const again = await new Run(run.store).start();
  // The first forecasts after the start are those after the checkpoint of the change.
  await again.take(2000, 50);
  await run.take(2000, 50);
  deepEqual(again.forecasts.slice(-50), run.forecasts.slice(-50));
  deepEqual(run.forecasts.slice(0, before.length), before);
});

Deno.test("a change that cannot be saved, or that fails, is undone", async () => {
  const run = await new Run().start();
  const unchanged = await new Run().start();
  for (const each of [run, unchanged]) await each.take(0, 40);
  run.store.fails = true;
  await rejects(run.engine.change(() => run.forecaster.freeze()), JournalError);
  run.store.fails = false;
  const failing = run.engine.change(() => {
    run.forecaster.freeze();
    throw new Error("half done");
  });
  await rejects(failing, /half done/);
  equal(run.forecaster.frozen, false);
  await run.take(40, 100);
  await unchanged.take(40, 100);
  deepEqual(run.forecasts, unchanged.forecasts);
  equal(run.engine.health().ok, true);
});

Deno.test("a checkpoint asked for amid a batch is of the tick it names", async () => {
  const run = await new Run().start();
  const saved: Promise<boolean>[] = [];
  for (let from = 0; from < 1000; from += 10) {
    await run.engine.accept(ticks(from, 10));
    if (from % 100 === 0) saved.push(run.engine.checkpoint());
  }
  deepEqual(new Set(await Promise.all(saved)), new Set([true]));
  await settled(run.engine);
  const again = await new Run(run.store).start();
  await Promise.all([run, again].map((r) => r.take(1000, 40)));
  equal(again.forecasts.at(-1), run.forecasts.at(-1));
});

Deno.test("what waits for its turn is bounded, and refused when the engine closes", async () => {
  const run = await new Run().start();
  const waiting = Array.from({ length: 65 }, () => run.engine.inspect(() => 1));
  await rejects(waiting[64], RangeError);
  deepEqual(await Promise.all(waiting.slice(0, 64)), Array(64).fill(1));
  await run.engine.close();
  await rejects(run.engine.change(() => {}), /closing/);
});
