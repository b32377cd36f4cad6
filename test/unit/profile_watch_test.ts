import { deepEqual, equal, ok } from "node:assert/strict";
import { BreakWatch } from "../../src/forecast/break_watch.ts";
import { History } from "../../src/forecast/history.ts";
import { StateReader, StateWriter } from "../../src/forecast/state_buffer.ts";
import { seasonalMedian } from "../../src/forecast/seasonal_base.ts";
import { SeriesLayout } from "../../src/forecast/series_layout.ts";
import { Random } from "../../mod.ts";

const DAY = 24;
const WEEK = 7 * DAY;
const SEASONS = [DAY, WEEK];
const AT = 6 * WEEK;

/** Two humps a day, lower at weekends. */
function usual(step: number): number {
  const angle = 2 * Math.PI * step / DAY;
  const share = step % WEEK >= 5 * DAY ? 0.6 : 1;
  return 100 + share * (30 * Math.sin(angle) + 15 * Math.sin(2 * angle + 1));
}

interface Followed {
  history: History;
  memory: Float64Array;
}

const layout = new SeriesLayout();
const watch = new BreakWatch(layout, SEASONS);

/** Lets the watch follow values with noise. */
function follow(
  value: (step: number) => number,
  steps: number,
): Followed & { firstRetold: number } {
  const random = new Random(3);
  const history = new History(4096);
  const memory = layout.makeMemory();
  let firstRetold = NaN;
  for (let step = 0; step < steps; step++) {
    history.push(value(step) + 3 * random.normal(), 0);
    const before = history.at(0);
    watch.observe(memory, history);
    if (Number.isNaN(firstRetold) && history.at(0) !== before) firstRetold = step;
  }
  return { history, memory, firstRetold };
}

/** The mean distance of the bases of a coming week from what is to come. */
function baseError(history: History, value: (step: number) => number): number {
  const origin = history.length - 1;
  let sum = 0;
  for (let step = origin + 1; step <= origin + WEEK; step++) {
    sum += Math.abs(seasonalMedian(history, step, origin, SEASONS) - value(step)) / WEEK;
  }
  return sum;
}

const moves: Record<string, (step: number) => number> = {
  level: (step) => usual(step) + 60,
  amplitude: (step) => 100 + 1.8 * (usual(step) - 100),
  phase: (step) => usual(step + DAY / 4),
};

for (const [name, moved] of Object.entries(moves)) {
  const value = (step: number): number => step < AT ? usual(step) : moved(step);

  Deno.test(`a new ${name} is noticed within two days, and the base of every weekday is right`, () => {
    const { firstRetold } = follow(value, AT + 3 * DAY);
    ok(firstRetold >= AT && firstRetold < AT + 2 * DAY, `retold at ${firstRetold - AT}`);
    const { history } = follow(value, AT + 4 * DAY);
    const error = baseError(history, value);
    ok(error < 4, `${name}: the base is off by ${error}`);
    equal(history.regimeStart, 0);
  });
}

Deno.test("one odd day is no new regime", () => {
  const odd = (step: number): number => {
    const holiday = step >= AT && step < AT + DAY;
    return holiday ? 100 + 0.3 * (usual(step) - 100) - 40 : usual(step);
  };
  const { firstRetold } = follow(odd, AT + 2 * WEEK);
  ok(Number.isNaN(firstRetold), `retold at ${firstRetold - AT}`);
});

Deno.test("the past is as it was when a holiday week is over", () => {
  const away = (step: number): number => usual(step) - (step >= AT && step < AT + WEEK ? 60 : 0);
  const during = follow(away, AT + 3 * DAY);
  ok(baseError(during.history, usual) > 50, "the holidays were noticed");
  const after = follow(away, AT + WEEK + 3 * DAY);
  const error = baseError(after.history, usual);
  ok(error < 4, `the base is off by ${error}`);
});

Deno.test("values without a rhythm are left alone however they wander", () => {
  const random = new Random(5);
  let level = 100;
  const { firstRetold } = follow(() => level += 4 * random.normal(), 20 * WEEK);
  ok(Number.isNaN(firstRetold), `retold at ${firstRetold}`);
});

Deno.test("a watch that was saved goes on alike", () => {
  const value = (step: number): number => step < AT ? usual(step) : moves.phase(step);
  const { history, memory } = follow(value, AT + 2 * DAY);
  const restored = { history: new History(4096), memory: memory.slice() };
  const writer = new StateWriter();
  history.save(writer);
  const reader = new StateReader(writer.finish());
  restored.history.load(reader);
  ok(reader.done);
  for (let step = history.length; step < AT + WEEK; step++) {
    for (const one of [{ history, memory }, restored]) {
      one.history.push(value(step), 0);
      watch.observe(one.memory, one.history);
    }
  }
  const values = (one: History): number[] => {
    return Array.from({ length: one.length }, (_, step) => one.at(step));
  };
  deepEqual(values(restored.history), values(history));
});

Deno.test("a retold past is moved with its missing values, and what a shift lacks comes from a season away", () => {
  const history = new History(256);
  for (let step = 0; step < 12; step++) history.push(step === 5 ? NaN : step, step);
  history.retell(8, { offset: 100, factor: 2, shift: 2 }, 4);
  const told = Array.from({ length: 12 }, (_, step) => history.at(step));
  deepEqual(told, [104, 106, 108, 110, 112, 114, 108, 110, 8, 9, 10, 11]);
  deepEqual([history.observed(3), history.observed(5), history.observed(7)], [NaN, 114, NaN]);
});
