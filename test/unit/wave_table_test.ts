import { equal, ok } from "node:assert/strict";
import { CALENDAR_SIZE, CalendarWaves } from "../../src/forecast/calendar_waves.ts";
import { putWave } from "../../src/forecast/wave_table.ts";

const DAY_MS = 86_400_000;

Deno.test("sines and cosines are right to the last bit but for one in millions", () => {
  const x = new Float32Array(3);
  let off = 0;
  let count = 0;
  for (const period of [7, 24, 288, 1440, 10_080, 365.2425]) {
    for (let step = -period; step < 10 * period; step += 0.25) {
      const angle = 4 * Math.PI * (step % period) / period;
      equal(putWave(angle, x, 1), 3);
      for (const [k, wave] of [Math.sin(angle), Math.cos(angle)].entries()) {
        ok(Math.abs(x[1 + k] - wave) <= 2 ** -25 + 1e-15, `${angle}`);
        // Next to a zero what is left is rounding.
        if (Math.abs(wave) > 1e-9 && x[1 + k] !== Math.fround(wave)) off++;
        count++;
      }
    }
  }
  ok(off <= 1e-6 * count, `${off} of ${count}`);
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
