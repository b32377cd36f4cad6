import type { Clock } from "../clock.ts";
import type { Tick } from "../tick.ts";

/** How recorded ticks are played. */
export interface Pace {
  /** How many times faster than recorded, above 0. */
  readonly speed: number;
  /** Ticks of one batch at most. */
  readonly batchTicks: number;
  /** Time. */
  readonly clock: Clock;
}

/** Gives recorded ticks in batches of what is due together, at the pace of their own times. */
export async function* paced(
  recorded: AsyncIterable<readonly Tick[]>,
  { speed, batchTicks, clock }: Pace,
  stop: AbortSignal,
): AsyncGenerator<readonly Tick[]> {
  let batch: Tick[] = [];
  let startMs = NaN;
  let firstTime = NaN;
  for await (const ticks of recorded) {
    for (const tick of ticks) {
      if (stop.aborted) return;
      if (Number.isNaN(startMs)) [startMs, firstTime] = [clock.now(), tick.time];
      const dueMs = startMs + (tick.time - firstTime) / speed;
      // What is due together goes together; a tick that is not due yet first lets the others go.
      if (dueMs > clock.now()) {
        if (batch.length > 0) yield batch;
        batch = [];
        while (!stop.aborted && dueMs > clock.now()) await clock.sleep(dueMs - clock.now(), stop);
        if (stop.aborted) return;
      }
      batch.push(tick);
      if (batch.length === batchTicks) {
        yield batch;
        batch = [];
      }
    }
  }
  if (batch.length > 0) yield batch;
}
