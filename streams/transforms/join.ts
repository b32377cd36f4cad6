import type { Tick } from "../tick.ts";
import { snapshotEntries, type StageSnapshot, type TickStage } from "./stage.ts";

/** Where a covariate comes from. */
export interface Covariate {
  /** The series it is taken from. */
  readonly series: string;
  /** The feature of that series. Default: `value`. */
  readonly feature?: string;
  /** How old it may be; an older one is missing. Any age by default. */
  readonly ageMsMax?: number;
}

/** What is joined to what. */
export interface AsOfJoinOptions {
  /** The covariates, by the name that the feature gets. */
  readonly covariates: Readonly<Record<string, Covariate>>;
  /** Give out the covariates' own ticks too, for forecasts of their own. Default: no. */
  readonly keepCovariates?: boolean;
}

/**
 * Values kept of each covariate: a target's tick may be older than the covariate's newest by a
 * skew between feeds, which is some ticks and not more.
 */
const HISTORY = 64;

/** The recent values of one covariate, ascending by time. */
interface History {
  readonly times: number[];
  readonly values: number[];
}

/**
 * Gives every tick the values that other series had as of its time, each at its own rate: never one from
 * its future, and none where there was none yet.
 *
 * @example The wind as of each reading of power
 * ```ts
 * import { AsOfJoin, type Tick } from "@tickcast/tickcast/streams";
 * import { deepEqual } from "node:assert/strict";
 *
 * const join = new AsOfJoin({ covariates: { wind: { series: "wind", ageMsMax: 5000 } } });
 * const tick = (series: string, time: number, value: number): Tick => ({
 *   series,
 *   time,
 *   values: { value },
 * });
 * const joined = join.push([
 *   tick("wind", 1000, 3),
 *   tick("power", 2000, 70),
 *   tick("wind", 3000, 4),
 *   tick("power", 2500, 71),
 *   tick("power", 9000, 72),
 * ]);
 * deepEqual(joined.map((tick) => tick.values), [
 *   { value: 70, wind: 3 },
 *   { value: 71, wind: 3 },
 *   { value: 72 },
 * ]);
 * ```
 */
export class AsOfJoin implements TickStage {
  readonly #covariates: readonly [name: string, covariate: Covariate, history: History][];
  readonly #bySeries = new Map<string, [feature: string, history: History][]>();
  readonly #keep: boolean;

  /**
   * Knows no values yet.
   *
   * @param options What is joined.
   */
  constructor(options: AsOfJoinOptions) {
    this.#keep = options.keepCovariates ?? false;
    this.#covariates = Object.entries(options.covariates).map(([name, covariate]) => {
      const history: History = { times: [], values: [] };
      const { series, feature = "value" } = covariate;
      const taken = this.#bySeries.get(series) ?? [];
      this.#bySeries.set(series, [...taken, [feature, history]]);
      return [name, covariate, history];
    });
  }

  /** Takes the ticks of all series; gives the targets' with their covariates. */
  push(ticks: readonly Tick[]): Tick[] {
    const out: Tick[] = [];
    for (const tick of ticks) {
      const taken = this.#bySeries.get(tick.series);
      for (const [feature, history] of taken ?? []) {
        if (feature in tick.values) remember(history, tick.time, tick.values[feature]);
      }
      if (taken === undefined) out.push(this.#join(tick));
      else if (this.#keep) out.push(tick);
    }
    return out;
  }

  /** Holds nothing back. */
  flush(): Tick[] {
    return [];
  }

  /** The values known of every covariate. */
  snapshot(): StageSnapshot {
    return { histories: structuredClone(this.#covariates.map(([, , history]) => history)) };
  }

  /**
   * Goes on from a snapshot.
   *
   * @throws {SyntaxError} when it is damaged or of other covariates.
   */
  restore(snapshot: StageSnapshot): void {
    const histories = snapshotEntries<History>(snapshot, "histories");
    if (histories.length !== this.#covariates.length) {
      throw new SyntaxError(
        `Cannot restore join: it has ${this.#covariates.length} covariates, not ${histories.length}`,
      );
    }
    this.#covariates.forEach(([, , history], index) => {
      history.times.splice(0, Infinity, ...histories[index].times);
      history.values.splice(0, Infinity, ...histories[index].values);
    });
  }

  #join(tick: Tick): Tick {
    const values: Record<string, number> = { ...tick.values };
    for (const [name, { ageMsMax = Infinity }, { times, values: past }] of this.#covariates) {
      const at = times.findLastIndex((time) => time <= tick.time);
      if (at >= 0 && tick.time - times[at] <= ageMsMax) values[name] = past[at];
    }
    return { ...tick, values };
  }
}

function remember({ times, values }: History, time: number, value: number): void {
  const at = times.findLastIndex((other) => other <= time) + 1;
  times.splice(at, 0, time);
  values.splice(at, 0, value);
  if (times.length <= HISTORY) return;
  times.shift();
  values.shift();
}
