import { deepEqual } from "node:assert/strict";
import fc from "fast-check";
import {
  type Aggregate,
  AsOfJoin,
  Resampler,
  stageStream,
  type Tick,
  TickOrder,
  type TickStage,
} from "../../streams/mod.ts";

const RUNS = { numRuns: 100 };

/** Ticks of a few series, ascending by time. */
const ordered = fc.array(
  fc.record({
    series: fc.constantFrom("a", "b", "c"),
    stepMs: fc.integer({ min: 0, max: 5000 }),
    value: fc.integer({ min: -100, max: 100 }),
  }),
  { maxLength: 120, size: "max" },
).map((rows) => {
  let time = 0;
  return rows.map(({ series, stepMs, value }): Tick => ({
    series,
    time: time += stepMs,
    values: { value },
  }));
});

/** Cuts a list anywhere. */
function chunked<T>(items: readonly T[], cuts: readonly number[]): T[][] {
  const at = [...new Set(cuts.map((cut) => cut % (items.length + 1)))].sort((a, b) => a - b);
  return [0, ...at].map((from, i) => items.slice(from, at[i] ?? items.length));
}

const cuts = fc.array(fc.nat(), { maxLength: 10 });

function whole(stage: TickStage, ticks: readonly Tick[]): Tick[] {
  return [...stage.push(ticks), ...stage.flush()];
}

function bySeries(ticks: readonly Tick[]): Record<string, Tick[]> {
  return Object.groupBy(ticks, (tick) => tick.series) as Record<string, Tick[]>;
}

/** The grid as it would be computed from the whole list at once. */
function naive(ticks: readonly Tick[], everyMs: number, how: Aggregate): Tick[] {
  return Object.entries(bySeries(ticks)).flatMap(([series, own]) => {
    const end = (tick: Tick): number => Math.ceil(tick.time / everyMs);
    const steps: Tick[] = [];
    for (let step = end(own[0]); step <= Math.max(...own.map(end)); step++) {
      const inside = own.filter((tick) => end(tick) === step).map((tick) => tick.values.value);
      const sum = inside.reduce((a, b) => a + b, 0);
      const last = inside[inside.length - 1];
      const values: Record<string, number> = inside.length === 0 ? {} : {
        value: how === "sum" ? sum : how === "mean" ? sum / inside.length : last,
        ...(how === "ohlc"
          ? { open: inside[0], high: Math.max(...inside), low: Math.min(...inside) }
          : {}),
      };
      steps.push({ series, time: step * everyMs, values });
    }
    return steps;
  });
}

Deno.test("resampling equals a naive batch computation", () => {
  const how = fc.constantFrom<Aggregate>("last", "mean", "sum", "ohlc");
  fc.assert(
    fc.property(ordered, fc.integer({ min: 700, max: 9000 }), how, (ticks, everyMs, how) => {
      const steps = whole(new Resampler({ everyMs, how }), ticks);
      deepEqual(bySeries(steps), bySeries(naive(ticks, everyMs, how)));
    }),
    RUNS,
  );
});

Deno.test("order with a lateness equals sorting when the disorder is within it", () => {
  const latenessMs = 2000;
  const disordered = fc.array(
    fc.record({
      series: fc.constantFrom("a", "b"),
      stepMs: fc.integer({ min: 1, max: 1000 }),
      delayMs: fc.integer({ min: 0, max: latenessMs }),
    }),
    { maxLength: 120, size: "max" },
  ).map((rows) => {
    let time = 0;
    return rows
      .map(({ series, stepMs, delayMs }, n) => ({
        arrival: (time += stepMs) + delayMs,
        tick: { series, time, values: { value: n } } as Tick,
      }))
      .sort((a, b) => a.arrival - b.arrival)
      .map(({ tick }) => tick);
  });
  fc.assert(
    fc.property(disordered, (ticks) => {
      const order = new TickOrder({ latenessMs });
      const sorted = [...ticks].sort((a, b) => a.time - b.time);
      deepEqual(bySeries(whole(order, ticks)), bySeries(sorted));
      deepEqual(order.counts, { late: 0, duplicates: 0, jumped: 0 });
    }),
    RUNS,
  );
});

Deno.test("order gives each series ascending times and loses nothing uncounted", () => {
  const wild = fc.array(
    fc.record({
      series: fc.constantFrom("a", "b"),
      time: fc.integer({ min: 0, max: 10_000 }),
      id: fc.option(fc.constantFrom("x", "y", "z"), { nil: undefined }),
    }).map(({ series, time, id }): Tick =>
      id === undefined ? { series, time, values: { value: 1 } } : { series, time, values: {}, id }
    ),
    { maxLength: 100, size: "max" },
  );
  fc.assert(
    fc.property(wild, fc.nat({ max: 5000 }), (ticks, latenessMs) => {
      const late: Tick[] = [];
      const order = new TickOrder({ latenessMs, onLate: (tick) => late.push(tick) });
      const out = whole(order, ticks);
      for (const own of Object.values(bySeries(out))) {
        deepEqual(own.map((tick) => tick.time), own.map((tick) => tick.time).sort((a, b) => a - b));
      }
      const counts = order.counts;
      deepEqual(late.length, counts.late);
      deepEqual(out.length + counts.late + counts.duplicates + counts.jumped, ticks.length);
    }),
    RUNS,
  );
});

const stages = [
  (): TickStage => new TickOrder({ latenessMs: 3000, jumpMs: 10_000 }),
  (): TickStage => new Resampler({ everyMs: 1500, how: "mean" }),
  (): TickStage => new AsOfJoin({ covariates: { b: { series: "b", ageMsMax: 4000 } } }),
];

/** The middle arrives in reverse, so that order has something to do. */
function disorder(ticks: readonly Tick[]): Tick[] {
  const third = Math.floor(ticks.length / 3);
  return [
    ...ticks.slice(0, third),
    ...ticks.slice(third, 2 * third).reverse(),
    ...ticks.slice(2 * third),
  ];
}

Deno.test("a stage goes on from a snapshot, through JSON, as if nothing had happened", () => {
  fc.assert(
    fc.property(ordered, fc.nat(), fc.constantFrom(...stages), (ticks, at, stage) => {
      const shuffled = disorder(ticks);
      const cut = at % (shuffled.length + 1);
      const first = stage();
      const out = first.push(shuffled.slice(0, cut));
      const kept = JSON.stringify(first.snapshot());
      // What the first does afterwards must not reach into the snapshot, nor what the second did before.
      const whole = [...out, ...first.push(shuffled.slice(cut)), ...first.flush()];
      const second = stage();
      second.push(shuffled.slice(0, at % 7));
      second.restore(JSON.parse(kept));
      deepEqual([...out, ...second.push(shuffled.slice(cut)), ...second.flush()], whole);
    }),
    { numRuns: 200 },
  );
});

Deno.test("any chunking gives the same", async () => {
  await fc.assert(
    fc.asyncProperty(ordered, cuts, fc.constantFrom(...stages), async (ticks, cuts, stage) => {
      const shuffled = disorder(ticks);
      const stream = ReadableStream.from(chunked(shuffled, cuts)).pipeThrough(stageStream(stage()));
      deepEqual((await Array.fromAsync(stream)).flat(), whole(stage(), shuffled));
    }),
    { numRuns: 100 },
  );
});
