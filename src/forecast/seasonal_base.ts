import type { PastValues } from "./guest.ts";
import type { Seasons } from "./seasonality.ts";

/** Seasons of which the median is taken. */
const SEASONS_COUNT = 4;
const slot = new Float64Array(SEASONS_COUNT);

/**
 * The seasonal base: the median of the latest values in the same slot of the long season, as known at
 * `origin`; `NaN` before the first season is over. After a break in the series only what came since
 * counts, at first from the short season; what was before stands in until there is anything.
 *
 * @param history The values.
 * @param target The step whose slot is meant; it may lie ahead.
 * @param origin The last step that may be looked at.
 * @param seasons The periods in steps, shortest first; not empty.
 */
export function seasonalMedian(
  history: PastValues,
  target: number,
  origin: number,
  seasons: Seasons,
): number {
  const long = seasons[seasons.length - 1];
  const { first, regimeStart } = history;
  if (regimeStart <= first) return slotMedian(history, target, origin, long, first);
  const fresh = slotMedian(history, target, origin, long, regimeStart);
  if (!Number.isNaN(fresh)) return fresh;
  const latest = latestInSlot(target, origin, seasons[0]);
  return latest >= regimeStart
    ? history.at(latest)
    : slotMedian(history, target, origin, long, first);
}

/**
 * The last step in the slot of `target` that is known at `origin`, at least one season before `target`.
 */
export function latestInSlot(target: number, origin: number, period: number): number {
  const ahead = target - origin;
  // Nearly always so, and quicker than to divide.
  if (ahead <= period) return target - period;
  return target - Math.ceil(ahead / period) * period;
}

/**
 * The median of the latest values in the slot of `target`, not before `first`, as known at `origin`;
 * `NaN` where there is none.
 */
export function slotMedian(
  history: PastValues,
  target: number,
  origin: number,
  period: number,
  first: number,
): number {
  let step = latestInSlot(target, origin, period);
  let count = 0;
  // All are read before any is looked at: what is far in memory is then waited for once.
  for (; count < SEASONS_COUNT && step >= first; step -= period) slot[count++] = history.at(step);
  // Insertion keeps the few values sorted.
  for (let k = 1; k < count; k++) {
    const value = slot[k];
    let at = k;
    for (; at > 0 && slot[at - 1] > value; at--) slot[at] = slot[at - 1];
    slot[at] = value;
  }
  if (count === 0) return NaN;
  const middle = count >> 1;
  return count % 2 === 1 ? slot[middle] : (slot[middle - 1] + slot[middle]) / 2;
}
