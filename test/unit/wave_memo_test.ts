import { equal, ok } from "node:assert/strict";
import { CALENDAR_SIZE, CalendarWaves } from "../../src/forecast/calendar_waves.ts";
import { WaveMemo } from "../../src/forecast/wave_memo.ts";

const DAY_MS = 86_400_000;

Deno.test("sines and cosines are the same bits when they come again, and when places are shared", () => {
  const memo = new WaveMemo();
  const x = new Float32Array(3);
  for (const period of [7, 24, 288, 1440, 10_080]) {
    for (let step = 0; step < 2 * period; step++) {
      const angle = 4 * Math.PI * (step % period) / period;
      equal(memo.put(angle, x, 1), 3);
      equal(x[1], Math.fround(Math.sin(angle)));
      equal(x[2], Math.fround(Math.cos(angle)));
    }
  }
});

Deno.test("the calendar says day, week, year and weekend of any time, in any order", () => {
  const calendar = new CalendarWaves();
  const x = new Float32Array(CALENDAR_SIZE);
  const times = [
    0,
    1,
    DAY_MS - 1,
    1.7e12 + 12_345,
    1.7e12 + 12_345,
    0,
    40 * DAY_MS,
    -1,
    -3.5 * DAY_MS,
  ];
  for (const time of times) {
    calendar.put(time, x, 0);
    const day = 2 * Math.PI * (time % DAY_MS) / DAY_MS;
    const year = 2 * Math.PI * (time % (365.2425 * DAY_MS)) / (365.2425 * DAY_MS);
    const weekday = (new Date(time).getUTCDay() + 6) % 7;
    const week = 2 * Math.PI * weekday / 7;
    [day, 2 * day, week, year].forEach((angle, k) => {
      ok(Math.abs(x[2 * k] - Math.sin(angle)) < 1e-6, `${time}, wave ${k}`);
      ok(Math.abs(x[2 * k + 1] - Math.cos(angle)) < 1e-6, `${time}, wave ${k}`);
    });
    equal(x[8], weekday >= 5 ? 1 : 0);
  }
});
