import { putWave } from "./wave_table.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** The epoch began on a Thursday: days since then, counted from a Monday. */
const MONDAY_DAYS = 3;
const YEAR_MS = 365.2425 * DAY_MS;

/** Numbers written: sine and cosine of the day, half of it, the week and the year; whether it is a weekend. */
export const CALENDAR_SIZE = 9;

/** Day, week and year (in UTC) as waves; a weekend also as such. Series often tick together: the last time is kept. */
export class CalendarWaves {
  readonly #waves = new Float32Array(CALENDAR_SIZE);
  #time = NaN;

  /**
   * Writes the waves of a time `[CALENDAR_SIZE]`.
   *
   * @param time The time, epoch milliseconds.
   * @param x Where to.
   * @param at From where on.
   * @returns Where the next number goes.
   */
  put(time: number, x: Float32Array, at: number): number {
    const waves = this.#waves;
    if (time !== this.#time) this.#compute(time);
    for (let k = 0; k < CALENDAR_SIZE; k++) x[at + k] = waves[k];
    return at + CALENDAR_SIZE;
  }

  #compute(time: number): void {
    const waves = this.#waves;
    const day = 2 * Math.PI * rest(time, DAY_MS) / DAY_MS;
    const days = Math.floor(time / DAY_MS) + MONDAY_DAYS;
    // Not a remainder, which would be negative before the epoch.
    const weekday = days - 7 * Math.floor(days / 7);
    const week = 2 * Math.PI * weekday / 7;
    const year = 2 * Math.PI * rest(time, YEAR_MS) / YEAR_MS;
    let at = putWave(day, waves, 0);
    at = putWave(2 * day, waves, at);
    at = putWave(week, waves, at);
    at = putWave(year, waves, at);
    waves[at] = weekday >= 5 ? 1 : 0;
    this.#time = time;
  }
}

/** `time % period`, without the call that a remainder of large numbers takes. */
function rest(time: number, period: number): number {
  return time - Math.trunc(time / period) * period;
}
