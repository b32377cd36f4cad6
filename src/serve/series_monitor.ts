import { LiveScores, saidWidth, writeSaid } from "../evaluate/live_scores.ts";
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

/** Forecasts worked on together, unless somebody asks before: what that needs is then fetched once. */
const WORKED_ON_TOGETHER = TREND_EVERY_STEPS;
/** Where what is kept of a forecast until then stands; behind it what it said. */
const [STEP, TIME, VALUE, ANOMALY, PARAMETERS, SAID] = [0, 1, 2, 3, 4, 5];

/**
 * What a server shows of one series: its scores, its latest history, and how its mixture moved. Each of a
 * thousand series waits for memory more than it computes, so a forecast is only noted when it comes.
 */
export class SeriesMonitor {
  readonly #forecaster: Forecaster;
  readonly #scores: LiveScores;
  readonly #history = new RowRing(HISTORY_STEPS, HISTORY_COLUMNS.length);
  readonly #trend = new RowRing(TREND_ROWS, TREND_COLUMNS.length);
  /** Step, time, and the weights of the experts at both horizons. */
  readonly #weights: RowRing;
  /** The last step noted, */
  #step = -1;
  /** and the last ones of which scores and weights were kept. */
  #trendStep = -1;
  #weightsStep = -1;
  /** Forecasts that are still to be worked on, a row each. */
  readonly #noted: Float64Array;
  readonly #notedWidth: number;
  #notedCount = 0;

  /** Starts empty. */
  constructor(forecaster: Forecaster) {
    const { horizon, levels, experts = [] } = forecaster;
    this.#forecaster = forecaster;
    this.#scores = new LiveScores(horizon, levels);
    this.#weights = new RowRing(TREND_ROWS, 2 + 2 * experts.length);
    this.#notedWidth = SAID + saidWidth(horizon, levels);
    this.#noted = new Float64Array(WORKED_ON_TOGETHER * this.#notedWidth);
  }

  /**
   * Takes in the next forecast.
   *
   * @param isLatest Whether it is the forecaster's latest of the series: only then are its weights at hand.
   */
  observe(forecast: Forecast, isLatest: (forecast: Forecast) => boolean): void {
    const { step, flags } = forecast;
    if (step <= this.#step) return;
    this.#step = step;
    const noted = this.#noted;
    const at = this.#notedCount * this.#notedWidth;
    noted[at + STEP] = step;
    noted[at + TIME] = forecast.time;
    noted[at + VALUE] = forecast.value;
    noted[at + ANOMALY] = flags.includes("anomaly") ? 1 : 0;
    noted[at + PARAMETERS] = forecast.parametersVersion;
    writeSaid(forecast, noted, at + SAID);
    if (++this.#notedCount === WORKED_ON_TOGETHER) this.#work();
    if (isDue(this.#weightsStep, step) && isLatest(forecast)) this.#pushWeights(forecast);
  }

  /** The scores of its forecasts. */
  get scores(): LiveScores {
    this.#work();
    return this.#scores;
  }

  /**
   * The columns of the steps after `after`, by name, the oldest first.
   *
   * @param after The last step already known; −1 for none.
   */
  history(after: number): { step: number; columns: Record<string, Float64Array> } {
    this.#work();
    const count = Math.max(0, Math.min(this.#history.length, this.#step - after));
    const columns: Record<string, Float64Array> = {};
    HISTORY_COLUMNS.forEach((name, index) => columns[name] = this.#history.column(index, count));
    return { step: this.#step - count + 1, columns };
  }

  /** The last step at which a score or a weight was noted; −1 for none. */
  get trendStep(): number {
    this.#work();
    return Math.max(this.#trendStep, this.#weightsStep);
  }

  /** The columns of the scores, by name. */
  trend(): Record<string, Float64Array> {
    this.#work();
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

  /** Works on what was noted. */
  #work(): void {
    for (let row = 0; row < this.#notedCount; row++) this.#workOn(row * this.#notedWidth);
    this.#notedCount = 0;
  }

  #workOn(from: number): void {
    const noted = this.#noted;
    const scores = this.#scores;
    const step = noted[from + STEP];
    // Rows are found by counting back from the last step, so none may be missing between.
    if (step !== scores.step + 1) this.#history.clear();
    scores.take(step, noted[from + VALUE], noted, from + SAID);
    const first = scores.due("first");
    const last = scores.due("last");
    const at = this.#history.next();
    const { rows } = this.#history;
    rows[at] = noted[from + TIME];
    rows[at + 1] = noted[from + VALUE];
    rows[at + 2] = first.low;
    rows[at + 3] = first.mean;
    rows[at + 4] = first.high;
    rows[at + 5] = last.low;
    rows[at + 6] = last.mean;
    rows[at + 7] = last.high;
    rows[at + 8] = noted[from + ANOMALY];
    rows[at + 9] = noted[from + PARAMETERS];
    if (isDue(this.#trendStep, step)) this.#pushTrend(step, noted[from + TIME]);
  }

  #pushTrend(step: number, time: number): void {
    const first = this.#scores.recent("first");
    const last = this.#forecaster.horizon === 1 ? first : this.#scores.recent("last");
    this.#trendStep = step;
    const at = this.#trend.next();
    const { rows } = this.#trend;
    rows[at] = step;
    rows[at + 1] = time;
    rows[at + 2] = first.skill;
    rows[at + 3] = first.coverage80;
    rows[at + 4] = first.coverage90;
    rows[at + 5] = last.skill;
    rows[at + 6] = last.coverage80;
    rows[at + 7] = last.coverage90;
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
