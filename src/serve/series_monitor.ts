import { LiveScores } from "../evaluate/live_scores.ts";
import { RowRing } from "../evaluate/row_ring.ts";
import type { Forecast } from "../forecast/forecast.ts";
import type { Forecaster } from "../forecast/forecaster.ts";

/** Steps of history kept of each series, in 40 kB: more than a point a pixel of a phone. */
export const HISTORY_STEPS = 512;
/** Scores and weights move slowly: a row every so many steps at most. */
export const TREND_EVERY_STEPS = 8;
/** Rows of them, so that they reach as far back as the history. */
const TREND_ROWS = HISTORY_STEPS / TREND_EVERY_STEPS;

/** What is kept of every step: the truth, and what had been forecast of it. */
export const HISTORY_COLUMNS = [
  "time",
  "value",
  "firstLow",
  "firstMean",
  "firstHigh",
  "lastLow",
  "lastMean",
  "lastHigh",
  "anomaly",
  "parameters",
] as const;

/** What is kept of the recent scores. */
export const TREND_COLUMNS = [
  "step",
  "time",
  "firstSkill",
  "firstCoverage80",
  "firstCoverage90",
  "lastSkill",
  "lastCoverage80",
  "lastCoverage90",
] as const;

/** What a server shows of one series: its scores, its latest history, and how its mixture moved. */
export class SeriesMonitor {
  readonly #forecaster: Forecaster;
  /** The scores of its forecasts. */
  readonly scores: LiveScores;
  readonly #history = new RowRing(HISTORY_STEPS, HISTORY_COLUMNS.length);
  readonly #trend = new RowRing(TREND_ROWS, TREND_COLUMNS.length);
  /** Step, time, and the weights of the experts at both horizons. */
  readonly #weights: RowRing;
  /** The last steps at which scores and weights were noted. */
  #trendStep = -1;
  #weightsStep = -1;

  /** Starts empty. */
  constructor(forecaster: Forecaster) {
    this.#forecaster = forecaster;
    this.scores = new LiveScores(forecaster.horizon, forecaster.levels);
    this.#weights = new RowRing(TREND_ROWS, 2 + 2 * (forecaster.experts?.length ?? 0));
  }

  /**
   * Takes in the next forecast.
   *
   * @param isLatest Whether it is the forecaster's latest of the series: only then are its weights at hand.
   */
  observe(forecast: Forecast, isLatest: (forecast: Forecast) => boolean): void {
    const before = this.scores.step;
    if (!this.scores.observe(forecast)) return;
    const { step, time, value, flags, parametersVersion } = forecast;
    // Rows are found by counting back from the last step, so none may be missing between.
    if (step !== before + 1) this.#history.clear();
    const first = this.scores.due("first");
    const last = this.scores.due("last");
    const at = this.#history.next();
    const { rows } = this.#history;
    rows[at] = time;
    rows[at + 1] = value;
    rows[at + 2] = first.low;
    rows[at + 3] = first.mean;
    rows[at + 4] = first.high;
    rows[at + 5] = last.low;
    rows[at + 6] = last.mean;
    rows[at + 7] = last.high;
    rows[at + 8] = flags.includes("anomaly") ? 1 : 0;
    rows[at + 9] = parametersVersion;
    if (isDue(this.#trendStep, step)) this.#pushTrend(forecast);
    if (isDue(this.#weightsStep, step) && isLatest(forecast)) this.#pushWeights(forecast);
  }

  /**
   * The columns of the steps after `after`, by name, the oldest first.
   *
   * @param after The last step already known; −1 for none.
   */
  history(after: number): { step: number; columns: Record<string, Float64Array> } {
    const { step } = this.scores;
    const count = Math.max(0, Math.min(this.#history.length, step - after));
    const columns: Record<string, Float64Array> = {};
    HISTORY_COLUMNS.forEach((name, index) => columns[name] = this.#history.column(index, count));
    return { step: step - count + 1, columns };
  }

  /** The last step at which a score or a weight was noted; −1 for none. */
  get trendStep(): number {
    return Math.max(this.#trendStep, this.#weightsStep);
  }

  /** The columns of the scores, by name. */
  trend(): Record<string, Float64Array> {
    const columns: Record<string, Float64Array> = {};
    TREND_COLUMNS.forEach((name, index) => columns[name] = this.#trend.column(index));
    return columns;
  }

  /** The weights of each expert at both horizons, and their times. */
  weights(): { time: Float64Array; first: Float64Array[]; last: Float64Array[] } {
    const experts = this.#forecaster.experts?.length ?? 0;
    const columns = (start: number): Float64Array[] =>
      Array.from({ length: experts }, (_, expert) => this.#weights.column(start + expert));
    return { time: this.#weights.column(1), first: columns(2), last: columns(2 + experts) };
  }

  #pushTrend({ step, time }: Forecast): void {
    const first = this.scores.recent("first");
    const last = this.scores.recent("last");
    this.#trendStep = step;
    this.#trend.push([
      step,
      time,
      first.skill,
      first.coverage80,
      first.coverage90,
      last.skill,
      last.coverage80,
      last.coverage90,
    ]);
  }

  #pushWeights({ series, step, time }: Forecast): void {
    const forecaster = this.#forecaster;
    if (forecaster.weights === undefined) return;
    this.#weightsStep = step;
    const at = this.#weights.next();
    const { rows } = this.#weights;
    rows[at] = step;
    rows[at + 1] = time;
    const first = forecaster.weights(series, 1);
    const { horizon } = forecaster;
    const last = horizon === 1 ? first : forecaster.weights(series, horizon);
    rows.set(first, at + 2);
    rows.set(last, at + 2 + first.length);
  }
}

function isDue(noted: number, step: number): boolean {
  return noted < 0 || step - noted >= TREND_EVERY_STEPS;
}
