import { deepEqual, equal, throws } from "node:assert/strict";
import {
  limits,
  marketHours,
  mergeByTime,
  mergeSources,
  Resampler,
  type Status,
  type Tick,
  TickOrder,
} from "../../streams/mod.ts";

function tick(time: number, value = 0, series = "a"): Tick {
  return { series, time, values: { value } };
}

function times(ticks: readonly Tick[]): number[] {
  return ticks.map((tick) => tick.time);
}

Deno.test("duplicates are told by identifier, and without one by time", () => {
  const order = new TickOrder({ latenessMs: 1000 });
  const trade = (time: number, id: string): Tick => ({ ...tick(time), id });
  const out = order.push([
    trade(1000, "1"),
    trade(1000, "2"),
    trade(1000, "1"),
    tick(1500),
    tick(1500),
    tick(3000),
    trade(5000, "3"),
    tick(3000),
  ]);
  deepEqual(times([...out, ...order.flush()]), [1000, 1000, 1500, 3000, 5000]);
  deepEqual(order.counts, { late: 0, duplicates: 3, jumped: 0 });
});

Deno.test("the last tick of a quiet series is known again, however many others came since", () => {
  const order = new TickOrder();
  const last: Tick = { series: "quiet", time: 1000, values: { value: 1 }, id: "7" };
  deepEqual(order.push([last]), [last]);
  const resumed = new TickOrder();
  for (let i = 0; i <= limits.recentIds; i++) {
    order.push([{ series: "busy", time: i, values: { value: 1 }, id: `${i}` }]);
  }
  deepEqual(order.push([last]), []);
  resumed.restore(JSON.parse(JSON.stringify(order.snapshot())));
  deepEqual(resumed.push([last]), []);
  equal(resumed.counts.duplicates, 2);
});

Deno.test("late ticks are counted, told, and routed aside", () => {
  const late: number[] = [];
  const statuses: Status[] = [];
  const order = new TickOrder({
    latenessMs: 500,
    onLate: (tick) => late.push(tick.time),
    onStatus: (status) => statuses.push(status),
  });
  deepEqual(times(order.push([tick(1000), tick(2000), tick(1499), tick(1501)])), [1000]);
  deepEqual(late, [1499]);
  deepEqual(statuses, [{ kind: "late", series: "a", time: 1499, latenessMs: 501 }]);
  deepEqual(times(order.flush()), [1501, 2000]);
});

Deno.test("one tick from the far future does not make all others late", () => {
  const order = new TickOrder({ jumpMs: 60_000 });
  const out = order.push([
    tick(1000),
    tick(9e12),
    tick(2000),
    tick(9e12),
    tick(9e12 + 1),
    tick(3000),
  ]);
  deepEqual(times(out), [1000, 2000, 3000]);
  deepEqual(order.counts, { late: 0, duplicates: 0, jumped: 3 });
});

Deno.test("a clock that has really moved is followed, ahead and back", () => {
  const statuses: Status[] = [];
  const order = new TickOrder({ jumpMs: 60_000, onStatus: (status) => statuses.push(status) });
  const ahead = [900_000, 901_000, 902_000, 903_000];
  const back = [5000, 6000, 7000, 8000];
  const out = order.push([tick(1000), ...[...ahead, ...back].map((time) => tick(time))]);
  deepEqual(times(out), [1000, ...ahead, ...back]);
  equal(statuses.filter((status) => status.kind === "degraded").length, 2);
});

Deno.test("sequence numbers that are missing in the end are told as a gap", () => {
  const gaps: Status[] = [];
  const order = new TickOrder({
    latenessMs: 2000,
    sequence: (tick) => tick.values.value,
    onStatus: (status) => gaps.push(status),
  });
  for (const [time, number] of [[1000, 1], [3000, 3], [2000, 2], [9000, 7]]) {
    order.push([tick(time, number)]);
  }
  order.flush();
  deepEqual(gaps.map((gap) => gap.kind === "gap" ? [gap.to, gap.missing] : gap), [[9000, 3]]);
});

Deno.test("ticks on the grid stay where they are, and missing ones are steps without values", () => {
  const grid = new Resampler({ everyMs: 1000 });
  const steps = [...grid.push([tick(1000, 1), tick(2000, 2), tick(5000, 5)]), ...grid.flush()];
  deepEqual(steps.map(({ time, values }) => [time, values.value]), [
    [1000, 1],
    [2000, 2],
    [3000, undefined],
    [4000, undefined],
    [5000, 5],
  ]);
});

Deno.test("a feed that falls silent can be moved on by the clock", () => {
  const grid = new Resampler({ everyMs: 1000 });
  grid.push([tick(500, 1)]);
  deepEqual(grid.advance(999), []);
  deepEqual(times(grid.advance(3100)), [1000, 2000, 3000]);
  deepEqual(grid.advance(3100), []);
  deepEqual(grid.push([tick(3500, 2), tick(4001, 3)]).map((step) => step.values), [{ value: 2 }]);
});

Deno.test("a hole too long to fill begins the grid anew and is told", () => {
  const statuses: Status[] = [];
  const grid = new Resampler({ everyMs: 1, onStatus: (status) => statuses.push(status) });
  equal(grid.push([tick(1), tick(1e9)]).length, 1);
  deepEqual(statuses, [{ kind: "gap", series: "a", from: 1, to: 1e9, missing: 1e9 - 2 }]);
});

Deno.test("closed hours and weekends are no steps", () => {
  const dropped: Status[] = [];
  const grid = new Resampler({
    everyMs: 3_600_000,
    open: marketHours({ open: "14:00", close: "16:00" }),
    onStatus: (status) => dropped.push(status),
  });
  const at = (day: number, hour: number, minute = 0): Tick =>
    tick(Date.UTC(2026, 0, day, hour, minute), day * 100 + hour);
  // 2 January 2026 is a Friday.
  const ticks = [
    at(2, 13, 59),
    at(2, 14, 30),
    at(2, 15, 30),
    at(2, 16, 30),
    at(3, 15),
    at(5, 15, 30),
  ];
  const steps = [...grid.push(ticks), ...grid.flush()];
  deepEqual(
    steps.map(({ time, values }) => [new Date(time).toISOString().slice(8, 13), values.value]),
    [
      ["02T15", 214],
      ["02T16", 215],
      ["05T15", undefined],
      ["05T16", 515],
    ],
  );
  equal(dropped.length, 3);
});

Deno.test("daily steps skip weekends and holidays by their own date", () => {
  const day = 86_400_000;
  const grid = new Resampler({ everyMs: day, open: marketHours({ holidays: ["2026-01-06"] }) });
  const dates = [2, 5, 7, 9].map((date) => tick(Date.UTC(2026, 0, date), date));
  const steps = [...grid.push(dates), ...grid.flush()];
  deepEqual(steps.map(({ time }) => new Date(time).getUTCDate()), [2, 5, 7, 8, 9]);
});

Deno.test("market hours follow summer time and refuse nonsense", () => {
  const open = marketHours({ timeZone: "Europe/Berlin", open: "09:00", close: "17:30" });
  equal(open(Date.UTC(2026, 0, 5, 7, 59)), false);
  equal(open(Date.UTC(2026, 0, 5, 8, 0)), true);
  equal(open(Date.UTC(2026, 6, 6, 7, 0)), true);
  equal(open(Date.UTC(2026, 6, 6, 15, 30)), false);
  throws(() => marketHours({ open: "9:00" }), RangeError);
  throws(() => marketHours({ timeZone: "Mars/Olympus" }), RangeError);
  throws(() => new Resampler({ everyMs: 0 }), RangeError);
});

Deno.test("cancelling a merged source cancels all, also those that are silent", async () => {
  let cancelled = 0;
  const silent = (): ReadableStream<Tick[]> =>
    new ReadableStream({ cancel: () => void cancelled++ });
  const merged = mergeSources([silent(), ReadableStream.from([[tick(1)]]), silent()]);
  const reader = merged.getReader();
  deepEqual((await reader.read()).value, [tick(1)]);
  await reader.cancel();
  equal(cancelled, 2);
});

Deno.test("recorded sources merge into the same history however they are chunked", async () => {
  const a = [1, 4, 6, 9].map((time) => tick(time, 0, "a"));
  const b = [2, 3, 4, 10].map((time) => tick(time, 0, "b"));
  const cut = (ticks: Tick[], size: number): ReadableStream<Tick[]> =>
    ReadableStream.from(
      Array.from({ length: Math.ceil(ticks.length / size) }, (_, i) =>
        ticks.slice(i * size, (i + 1) * size)),
    );
  for (const [sizeA, sizeB] of [[1, 1], [4, 1], [1, 4], [2, 3]]) {
    const merged = await Array.fromAsync(mergeByTime([cut(a, sizeA), cut(b, sizeB)]));
    deepEqual(
      merged.flat().map((tick) => tick.series + tick.time).join(),
      "a1,b2,b3,a4,b4,a6,a9,b10",
    );
  }
});
