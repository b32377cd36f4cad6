import { limits } from "../limits.ts";
import type { StatusListener } from "../status.ts";
import { TARGET_FEATURE, type Tick } from "../tick.ts";
import { snapshotEntries, type StageSnapshot, type TickStage } from "./stage.ts";

/**
 * How the values within a step become one: the last, their mean, their sum, or open, high, low and close
 * (the close under the feature's own name).
 */
export type Aggregate = "last" | "mean" | "sum" | "ohlc";

/** The grid. */
export interface ResamplerOptions {
  /** The length of a step, in milliseconds. Steps end at multiples of it since the epoch. */
  readonly everyMs: number;
  /** How values become one, for all features or by feature. Default: `last`. */
  readonly how?: Aggregate | Readonly<Record<string, Aggregate>>;
  /** Moves the grid: steps end at multiples of `everyMs` plus this. */
  readonly offsetMs?: number;
  /**
   * Whether a moment, in epoch milliseconds, belongs to the grid; see {@linkcode marketHours}. Steps
   * outside are no steps at all, and ticks outside are dropped and counted.
   */
  readonly open?: (time: number) => boolean;
  /** Hears of late and dropped ticks, and of holes too long to fill. */
  readonly onStatus?: StatusListener;
}

interface Sum {
  first: number;
  last: number;
  high: number;
  low: number;
  sum: number;
  count: number;
}

interface Step {
  /** The end of the step. */
  end: number;
  features: Map<string, Sum>;
}

const DAY_MS = 86_400_000;

/**
 * Brings irregular ticks to a grid of equal steps.
 *
 * A step covers the time after the end of the one before, up to and including its own end, and is
 * stamped with its end: the moment at which it is known. So ticks that lie on the grid stay where they
 * are, and nothing is stamped earlier than it could be known. Steps in which nothing arrived are ticks
 * without values, so that a model can be told that they are missing. A step is given out when a tick
 * after its end arrives.
 *
 * @example Trades to bars
 * ```ts
 * import { Resampler, type Tick } from "@tickcast/tickcast/streams";
 * import { deepEqual } from "node:assert/strict";
 *
 * const bars = new Resampler({ everyMs: 60_000, how: { value: "ohlc", volume: "sum" } });
 * const trade = (time: number, value: number): Tick => ({
 *   series: "X",
 *   time,
 *   values: { value, volume: 1 },
 * });
 * bars.push([trade(1000, 5), trade(2000, 7), trade(59_000, 6)]);
 * deepEqual(bars.push([trade(61_000, 8)]), [
 *   { series: "X", time: 60_000, values: { value: 6, open: 5, high: 7, low: 5, volume: 3 } },
 * ]);
 * ```
 */
export class Resampler implements TickStage {
  readonly #options: ResamplerOptions;
  readonly #steps = new Map<string, Step>();

  /**
   * An empty grid.
   *
   * @param options The grid.
   * @throws {RangeError} when the length of a step is not positive.
   */
  constructor(options: ResamplerOptions) {
    if (!(options.everyMs > 0 && options.everyMs < Infinity)) {
      throw new RangeError(`The length of a step must be positive, got ${options.everyMs} ms`);
    }
    this.#options = options;
  }

  /** Takes ticks, in order within each series; gives the steps that they completed. */
  push(ticks: readonly Tick[]): Tick[] {
    const out: Tick[] = [];
    for (const tick of ticks) this.#take(tick, out);
    return out;
  }

  /**
   * Completes the steps that have ended by a time, for feeds that fall silent.
   *
   * @param time The time, epoch milliseconds.
   * @returns The completed steps.
   */
  advance(time: number): Tick[] {
    const out: Tick[] = [];
    for (const [series, step] of this.#steps) {
      if (step.end <= time) this.#moveTo(series, step, this.#endOf(time + 1), out);
    }
    return out;
  }

  /** Gives the steps begun. */
  flush(): Tick[] {
    const out: Tick[] = [];
    for (const [series, step] of this.#steps) {
      if (step.features.size > 0) this.#give(series, step, out);
    }
    this.#steps.clear();
    return out;
  }

  /** The steps begun. */
  snapshot(): StageSnapshot {
    return {
      steps: [...this.#steps].map(([series, { end, features }]) => {
        return [series, end, structuredClone([...features])];
      }),
    };
  }

  /**
   * Goes on from a snapshot.
   *
   * @throws {SyntaxError} when it is damaged.
   */
  restore(snapshot: StageSnapshot): void {
    const steps = snapshotEntries<[string, number, [string, Sum][]]>(snapshot, "steps");
    this.#steps.clear();
    for (const [series, end, features] of steps) {
      this.#steps.set(series, { end, features: new Map(features) });
    }
  }

  #endOf(time: number): number {
    const { everyMs, offsetMs = 0 } = this.#options;
    return Math.ceil((time - offsetMs) / everyMs) * everyMs + offsetMs;
  }

  #take(tick: Tick, out: Tick[]): void {
    const { series, time } = tick;
    const end = this.#endOf(time);
    if (!this.#isOpen(end)) {
      this.#options.onStatus?.({ kind: "dropped", source: "resample", policy: "closed", count: 1 });
      return;
    }
    let step = this.#steps.get(series);
    if (step === undefined) {
      step = { end, features: new Map() };
      this.#steps.set(series, step);
    } else if (end < step.end) {
      this.#options.onStatus?.({ kind: "late", series, time, latenessMs: step.end - time });
      return;
    } else if (end > step.end) {
      this.#moveTo(series, step, end, out);
    }
    for (const feature in tick.values) add(step.features, feature, tick.values[feature]);
  }

  #moveTo(series: string, step: Step, end: number, out: Tick[]): void {
    const { everyMs, onStatus } = this.#options;
    this.#give(series, step, out);
    const missing = Math.round((end - step.end) / everyMs) - 1;
    if (missing > limits.fillSteps) {
      onStatus?.({ kind: "gap", series, from: step.end, to: end, missing });
    } else {
      for (let i = 1; i <= missing; i++) {
        const time = step.end + i * everyMs;
        if (this.#isOpen(time)) out.push({ series, time, values: {} });
      }
    }
    step.end = end;
    step.features = new Map();
  }

  #give(series: string, step: Step, out: Tick[]): void {
    // After `advance` the step under way may lie outside the opening hours.
    if (!this.#isOpen(step.end)) return;
    const { how = "last" } = this.#options;
    const values: Record<string, number> = {};
    for (const [feature, sum] of step.features) {
      const aggregate = typeof how === "string" ? how : how[feature] ?? "last";
      // Only the target has the plain names of a bar.
      const prefix = feature === TARGET_FEATURE ? "" : `${feature}_`;
      if (aggregate === "ohlc") {
        values[feature] = sum.last;
        values[`${prefix}open`] = sum.first;
        values[`${prefix}high`] = sum.high;
        values[`${prefix}low`] = sum.low;
      } else if (aggregate === "mean") values[feature] = sum.sum / sum.count;
      else values[feature] = aggregate === "sum" ? sum.sum : sum.last;
    }
    out.push({ series, time: step.end, values });
  }

  #isOpen(end: number): boolean {
    const { open, everyMs } = this.#options;
    // A step within a day lies before its end; a day is stamped with its own date.
    return open === undefined || open(everyMs < DAY_MS ? end - 1 : end);
  }
}

function add(features: Map<string, Sum>, feature: string, value: number): void {
  const sum = features.get(feature);
  if (sum === undefined) {
    features.set(feature, {
      first: value,
      last: value,
      high: value,
      low: value,
      sum: value,
      count: 1,
    });
    return;
  }
  sum.last = value;
  sum.high = Math.max(sum.high, value);
  sum.low = Math.min(sum.low, value);
  sum.sum += value;
  sum.count++;
}
