import type { Clock } from "../clock.ts";
import { InputError } from "../errors.ts";
import { limits } from "../limits.ts";
import { RecentTicks } from "../recent.ts";
import type { StatusListener } from "../status.ts";
import type { Tick } from "../tick.ts";
import { TickQueue, type TickQueueOptions } from "../tick_queue.ts";
import { type StaleSeries, Watchdog } from "./watchdog.ts";

/** How an {@linkcode Intake} works. */
export interface IntakeOptions {
  /** What the source is called in statuses. */
  readonly name: string;
  /** What happens when ticks come faster than they are read, and how many are held. */
  readonly queue?: TickQueueOptions;
  /** After a gap, put a tick without values in its middle. */
  readonly gapMarkers?: boolean;
  /** How old a series' data may get. */
  readonly staleAfterMs: number;
  /** The series to watch from the start. */
  readonly watch?: readonly string[];
  /** Time. */
  readonly clock: Clock;
  /** Hears of rejected, dropped and repeated ticks, gaps and silence. */
  readonly onStatus?: StatusListener;
}

interface SeriesState {
  lastTime: number;
  /** The connection was broken since its last tick. */
  broken: boolean;
}

/**
 * What every live source does with the ticks that arrive: it leaves repeated ones out, limits the number
 * of series, tells gaps and silence, and holds the rest until they are read.
 */
export class Intake {
  /** The ticks that wait for their reader. */
  readonly queue: TickQueue;
  readonly #options: IntakeOptions;
  readonly #recent = new RecentTicks();
  readonly #series = new Map<string, SeriesState>();
  readonly #watchdog: Watchdog;

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.queue = new TickQueue(options.queue);
    const { staleAfterMs, watch = [], clock } = options;
    this.#watchdog = new Watchdog(staleAfterMs, watch, clock.now());
  }

  /** Takes ticks that arrived, and tells of those it leaves out. @returns What is new. */
  admit(ticks: readonly Tick[], arrival: number): Tick[] {
    const fresh: Tick[] = [];
    for (const tick of ticks) this.#admit(tick, arrival, fresh);
    return fresh;
  }

  /** Queues ticks; counts what is dropped for them. @param canWait Whether the sender can be held back. */
  enqueue(ticks: readonly Tick[], canWait: boolean): void {
    const { name: source, queue: { policy = "block" } = {}, onStatus } = this.#options;
    const count = this.queue.push(ticks, canWait);
    if (count === 0) return;
    onStatus?.({
      kind: "dropped",
      source,
      policy: policy === "block" ? "drop-oldest" : policy,
      count,
    });
  }

  /** Whether the sender must be held back now. */
  get mustWait(): boolean {
    return (this.#options.queue?.policy ?? "block") === "block" && this.queue.full;
  }

  /** Tells of something that could not be used. */
  reject({ reason, message: detail }: InputError): void {
    const { name: source, onStatus } = this.#options;
    onStatus?.({ kind: "rejected", source, reason, detail, count: 1 });
  }

  /** Nothing was heard for a while: what each series lost is told by its next tick. */
  broken(): void {
    this.#watchdog.restart(this.#options.clock.now());
    for (const state of this.#series.values()) state.broken = true;
  }

  /** It is known otherwise what a series lost in the break. */
  mend(series: string): void {
    const state = this.#series.get(series);
    if (state !== undefined) state.broken = false;
  }

  /** The time of a series' last tick; undefined where it had none. */
  lastTime(series: string): number | undefined {
    return this.#series.get(series)?.lastTime;
  }

  /** Tells of ticks that are missing; zero where it is not known how many. @returns A marker, if wanted. */
  gap(series: string, from: number, to: number, missing: number): Tick[] {
    this.#options.onStatus?.({ kind: "gap", series, from, to, missing });
    if (!this.#options.gapMarkers || to <= from) return [];
    return [{ series, time: from + (to - from) / 2, values: {} }];
  }

  /** A sign of life of a series. */
  alive(series: string, arrival: number): void {
    if (!this.#watchdog.heard(series, arrival)) return;
    this.#options.onStatus?.({ kind: "recovered", part: `${this.#options.name}/${series}` });
  }

  /** All series are alive, or nobody listened to them. */
  excuse(): void {
    this.#watchdog.excuse(this.#options.clock.now());
  }

  /** Tells of series whose data have become too old, and names them. */
  checkAges(): StaleSeries[] {
    const { name: source, clock, onStatus } = this.#options;
    const stale = this.#watchdog.check(clock.now());
    for (const { series, ageMs } of stale) onStatus?.({ kind: "stale", source, series, ageMs });
    return stale;
  }

  #admit(tick: Tick, arrival: number, fresh: Tick[]): void {
    const { series, time, id } = tick;
    this.alive(series, arrival);
    if (this.#recent.seen(tick)) {
      this.#options.onStatus?.({ kind: "duplicate", series, time, id });
      return;
    }
    const state = this.#series.get(series);
    if (state === undefined) {
      if (this.#series.size >= limits.series) {
        const detail = `over the limit of ${limits.series} series`;
        return this.reject(new InputError("too-many-series", "series", detail));
      }
      this.#series.set(series, { lastTime: time, broken: false });
    } else {
      if (state.broken) fresh.push(...this.gap(series, state.lastTime, time, 0));
      state.broken = false;
      state.lastTime = time;
    }
    fresh.push(tick);
  }
}
