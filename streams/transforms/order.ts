import { limits } from "../limits.ts";
import { RecentTicks } from "../recent.ts";
import type { StatusListener } from "../status.ts";
import type { Tick } from "../tick.ts";
import { snapshotEntries, type StageSnapshot, type TickStage } from "./stage.ts";

/** How ticks are put in order. */
export interface TickOrderOptions {
  /**
   * How much later than the newest tick of its series one may come. A tick is held back until one this
   * much newer has come. Default 0: nothing is held back, and what is older than the newest is late.
   */
  readonly latenessMs?: number;
  /**
   * How far a series' time may jump at once. What is further ahead (or, being late, further behind) is
   * believed only when three in a row agree. By default all jumps ahead are believed, and none back.
   */
  readonly jumpMs?: number;
  /** The sequence number of a tick, where the feed counts; skipped numbers are told as gaps. */
  readonly sequence?: (tick: Tick) => number | undefined;
  /** Takes late ticks; without it they are only counted. */
  readonly onLate?: (tick: Tick) => void;
  /** Hears of late and repeated ticks, gaps and clock jumps. */
  readonly onStatus?: StatusListener;
}

/** What was left out so far. */
export interface TickOrderCounts {
  /** Ticks that came too late. */
  readonly late: number;
  /** Ticks that came again. */
  readonly duplicates: number;
  /** Ticks of a clock jump that was not believed. */
  readonly jumped: number;
}

/** Ticks in a row that make a clock jump believed: two can be one sender's repeated error. */
const JUMP_TICKS = 3;

interface SeriesOrder {
  /** Held back, ascending by time; among equals in the order of arrival. */
  readonly held: Tick[];
  newest: number;
  /** Everything up to here has been given out. */
  watermark: number;
  /** The time of the last tick without an identifier that was given out. */
  lastPlain: number;
  /** The identifier of the last tick with one: a quiet series outlives what is remembered of all. */
  lastId: string | undefined;
  lastSequence: number;
  /** Ticks of a jump not yet believed. */
  jump: Tick[];
}

/**
 * Puts the ticks of each series in the order of their own times, and leaves out what is late or came
 * before: by identifier where a tick has one, else by series and time.
 *
 * @example A straggler and a repeated tick
 * ```ts
 * import { type Tick, TickOrder } from "@tickcast/tickcast/streams";
 * import { deepEqual } from "node:assert/strict";
 *
 * const order = new TickOrder({ latenessMs: 2000 });
 * const ticks: Tick[] = [1000, 3000, 2000, 3000, 6000, 3500].map((time) => ({
 *   series: "a",
 *   time,
 *   values: { value: 1 },
 * }));
 * const ordered = [...order.push(ticks), ...order.flush()];
 * deepEqual(ordered.map((tick) => tick.time), [1000, 2000, 3000, 6000]);
 * deepEqual(order.counts, { late: 1, duplicates: 1, jumped: 0 });
 * ```
 */
export class TickOrder implements TickStage {
  readonly #options: TickOrderOptions;
  readonly #series = new Map<string, SeriesOrder>();
  readonly #recent = new RecentTicks();
  readonly #counts = { late: 0, duplicates: 0, jumped: 0 };

  /**
   * Starts with no series.
   *
   * @param options How much lateness is allowed, and who hears of the rest.
   */
  constructor(options: TickOrderOptions = {}) {
    this.#options = options;
  }

  /** What was left out so far. */
  get counts(): TickOrderCounts {
    return { ...this.#counts };
  }

  /** Takes ticks in the order of arrival; gives those that nothing allowed can precede any more. */
  push(ticks: readonly Tick[]): Tick[] {
    const out: Tick[] = [];
    for (const tick of ticks) {
      const state = this.#series.get(tick.series);
      if (state === undefined) this.#start(tick, out);
      else this.#take(tick, state, out);
    }
    return out;
  }

  /** Gives everything held back. */
  flush(): Tick[] {
    const out: Tick[] = [];
    for (const state of this.#series.values()) {
      this.#disbelieve(state);
      state.watermark = state.newest;
      this.#release(state, out);
    }
    return out;
  }

  /** The ticks held back, the place in every series and the counts. */
  snapshot(): StageSnapshot {
    return {
      // Ticks never change, so that these copies are deep enough, and quicker than a clone.
      series: Array.from(this.#series, ([name, state]) => {
        return [name, { ...state, held: [...state.held], jump: [...state.jump] }];
      }),
      recent: this.#recent.snapshot(),
      counts: [{ ...this.#counts }],
    };
  }

  /**
   * Goes on from a snapshot.
   *
   * @throws {SyntaxError} when it is damaged.
   */
  restore(snapshot: StageSnapshot): void {
    const series = snapshotEntries<[string, SeriesOrder]>(snapshot, "series");
    const recent = snapshotEntries<string>(snapshot, "recent");
    const [counts] = snapshotEntries<TickOrderCounts>(snapshot, "counts");
    this.#series.clear();
    for (const [name, state] of series) {
      this.#series.set(name, {
        ...state,
        watermark: state.watermark ?? -Infinity,
        lastPlain: state.lastPlain ?? NaN,
        lastSequence: state.lastSequence ?? NaN,
      });
    }
    this.#recent.restore(recent);
    Object.assign(this.#counts, counts);
  }

  #start(tick: Tick, out: Tick[]): void {
    const state: SeriesOrder = {
      held: [],
      newest: tick.time,
      watermark: -Infinity,
      lastPlain: NaN,
      lastId: undefined,
      lastSequence: NaN,
      jump: [],
    };
    this.#series.set(tick.series, state);
    this.#take(tick, state, out);
  }

  #take(tick: Tick, state: SeriesOrder, out: Tick[]): void {
    if (this.#isDuplicate(tick, state)) {
      this.#counts.duplicates++;
      const { series, time, id } = tick;
      this.#options.onStatus?.({ kind: "duplicate", series, time, id });
      return;
    }
    const { latenessMs = 0, jumpMs = Infinity } = this.#options;
    const late = tick.time < state.watermark;
    const jumped = tick.time > state.newest + jumpMs || (late && tick.time < state.newest - jumpMs);
    if (jumped) return this.#jump(tick, state, jumpMs, out);
    this.#disbelieve(state);
    if (late) return this.#late(tick, state);
    state.newest = Math.max(state.newest, tick.time);
    state.watermark = Math.max(state.watermark, state.newest - latenessMs);
    // Nearly always nothing is held back, and the tick goes through.
    if (state.held.length === 0 && tick.time <= state.watermark) {
      return this.#give(tick, state, out);
    }
    insert(state.held, tick);
    if (state.held.length > limits.reorderTicks) state.watermark = state.held[0].time;
    this.#release(state, out);
  }

  #isDuplicate(tick: Tick, state: SeriesOrder): boolean {
    if (tick.id !== undefined) return tick.id === state.lastId || this.#recent.seen(tick);
    if (tick.time === state.lastPlain) return true;
    for (let i = state.held.length - 1; i >= 0 && state.held[i].time >= tick.time; i--) {
      if (state.held[i].time === tick.time && state.held[i].id === undefined) return true;
    }
    return false;
  }

  #late(tick: Tick, state: SeriesOrder): void {
    this.#counts.late++;
    const { series, time } = tick;
    this.#options.onStatus?.({ kind: "late", series, time, latenessMs: state.newest - time });
    this.#options.onLate?.(tick);
  }

  /** Collects the ticks of a jump until enough of them agree that the clock has really moved. */
  #jump(tick: Tick, state: SeriesOrder, jumpMs: number, out: Tick[]): void {
    const last = state.jump.at(-1);
    if (last !== undefined && (tick.time < last.time || tick.time > last.time + jumpMs)) {
      this.#disbelieve(state);
    }
    state.jump.push(tick);
    if (state.jump.length < JUMP_TICKS) return;
    const { series } = tick;
    const detail = `its clock jumped from ${state.newest} to ${state.jump[0].time}`;
    this.#options.onStatus?.({ kind: "degraded", part: `order of ${series}`, detail });
    state.watermark = state.newest;
    this.#release(state, out);
    const believed = state.jump;
    state.jump = [];
    state.newest = believed[0].time;
    state.watermark = -Infinity;
    for (const one of believed) {
      insert(state.held, one);
      state.newest = Math.max(state.newest, one.time);
    }
    state.watermark = state.newest - (this.#options.latenessMs ?? 0);
    this.#release(state, out);
  }

  #disbelieve(state: SeriesOrder): void {
    if (state.jump.length === 0) return;
    for (const { series, time } of state.jump) {
      this.#counts.jumped++;
      const detail = `${time} is too far from ${state.newest}, the time of its series`;
      const source = `order of ${series}`;
      this.#options.onStatus?.({ kind: "rejected", source, reason: "bad-time", detail, count: 1 });
    }
    state.jump = [];
  }

  #release(state: SeriesOrder, out: Tick[]): void {
    let count = 0;
    while (count < state.held.length && state.held[count].time <= state.watermark) {
      this.#give(state.held[count++], state, out);
    }
    if (count > 0) state.held.splice(0, count);
  }

  #give(tick: Tick, state: SeriesOrder, out: Tick[]): void {
    if (tick.id === undefined) state.lastPlain = tick.time;
    else state.lastId = tick.id;
    this.#sequence(tick, state);
    out.push(tick);
  }

  #sequence(tick: Tick, state: SeriesOrder): void {
    const number = this.#options.sequence?.(tick);
    if (number === undefined) return;
    const missing = number - state.lastSequence - 1;
    if (missing > 0) {
      const { series, time } = tick;
      this.#options.onStatus?.({ kind: "gap", series, from: state.watermark, to: time, missing });
    }
    state.lastSequence = number;
  }
}

/** Nearly always at the end, so the search begins there. */
function insert(held: Tick[], tick: Tick): void {
  let at = held.length;
  while (at > 0 && held[at - 1].time > tick.time) at--;
  held.splice(at, 0, tick);
}
