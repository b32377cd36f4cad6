import { type Clock, systemClock } from "../../streams/mod.ts";
import type { Forecast } from "../forecast/forecast.ts";
import type { Engine } from "./engine.ts";
import { EventLog } from "./event_log.ts";
import { FeedBoard } from "./feed_board.ts";
import { SeriesMonitor } from "./series_monitor.ts";

/** Forecasts of a series scored before it counts among the scores over all series. */
const COUNTED_FROM = 20;

/** The recent scores over all series. `NaN` where no series has scores yet. */
export interface OverallScore {
  /** Series that count: those with enough forecasts scored. */
  readonly series: number;
  /**
   * `1 − exp(mean ln(mae / naiveMae))`, the average relative error of Davydenko and Fildes (2013), which
   * needs no common unit. 0 is as good as naive.
   */
  readonly skill: number;
  /** Mean share of truths inside the 80 % bands, */
  readonly coverage80: number;
  /** and inside the 90 % bands. */
  readonly coverage90: number;
}

/** What people see of an engine: series, scores, events and feeds, all in bounded memory. */
export class Monitor {
  readonly #engine: Engine;
  readonly #clock: Clock;
  readonly #series = new Map<string, SeriesMonitor>();
  readonly #events = new EventLog();
  readonly #feeds = new FeedBoard();
  readonly #unsubscribe: readonly (() => void)[];

  /** Watches an engine. Series are limited by the engine. */
  constructor(engine: Engine, clock: Clock = systemClock) {
    this.#engine = engine;
    this.#clock = clock;
    this.#unsubscribe = [
      engine.onForecasts((forecasts) => {
        for (const forecast of forecasts) {
          this.#view(forecast.series).observe(forecast, this.#isLatest);
        }
      }),
      engine.onStatus((status) => {
        const nowMs = this.#clock.now();
        this.#events.note(status, nowMs);
        this.#feeds.note(status, nowMs);
      }),
    ];
  }

  /** The latest events. */
  get events(): EventLog {
    return this.#events;
  }

  /** The health of the feeds. */
  get feeds(): FeedBoard {
    return this.#feeds;
  }

  /** What is shown of a series; undefined where the engine does not know it. */
  series(name: string): SeriesMonitor | undefined {
    const known = this.#series.get(name) !== undefined ||
      this.#engine.latestStep(name) !== undefined;
    return known ? this.#view(name) : undefined;
  }

  /** The recent scores over all series. */
  overall(ahead: "first" | "last"): OverallScore {
    let compared = 0;
    let logRatios = 0;
    let series = 0;
    let inside80 = 0;
    let inside90 = 0;
    for (const { scores } of this.#series.values()) {
      const { count, mae, naiveMae, coverage80, coverage90 } = scores.recent(ahead);
      // The recent count is a weight: a hundredth less than the true one by now.
      if (count < COUNTED_FROM * 0.9) continue;
      series++;
      inside80 += coverage80;
      inside90 += coverage90;
      if (!(mae > 0 && naiveMae > 0)) continue;
      compared++;
      logRatios += Math.log(mae / naiveMae);
    }
    return {
      series,
      skill: 1 - Math.exp(logRatios / compared),
      coverage80: inside80 / series,
      coverage90: inside90 / series,
    };
  }

  /** Stops watching. */
  close(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
  }

  readonly #isLatest = ({ series, step }: Forecast): boolean =>
    this.#engine.latestStep(series) === step;

  #view(name: string): SeriesMonitor {
    let view = this.#series.get(name);
    if (view === undefined) {
      this.#series.set(name, view = new SeriesMonitor(this.#engine.forecaster));
    }
    return view;
  }
}
