import type { LiveScore } from "../../evaluate/live_scores.ts";
import type { LearningState } from "../../forecast/learner.ts";
import type { EngineHealth } from "../engine.ts";
import type { ServerEvent } from "../event_log.ts";
import type { FeedHealth } from "../feed_board.ts";
import type { OverallScore } from "../monitor.ts";
import type { HISTORY_COLUMNS, TREND_COLUMNS } from "../series_monitor.ts";
import type { ForecastMessage } from "../wire.ts";

/** Numbers as JSON has them: null where there is none. */
export type Column = readonly (number | null)[];

/** Scores as JSON has them: null where nothing is scored yet. */
export type JsonScores<T> = { readonly [K in keyof T]: number | null };

/** What `/v1/series/:series/history` answers. */
export interface HistoryMessage {
  /** The latest forecast. */
  readonly forecast: ForecastMessage;
  /** The series. */
  readonly series: string;
  /** The step of the first row of `columns`. */
  readonly step: number;
  /** Truths and what had been forecast of them, a row a step, the oldest first. */
  readonly columns: { readonly [name in typeof HISTORY_COLUMNS[number]]: Column };
  /** Scores over time; left out, as the weights, while they are what the asker knows. */
  readonly trend?: { readonly [name in typeof TREND_COLUMNS[number]]: Column };
  /** The weights of the mixture over time. */
  readonly weights?: {
    /** Times, epoch milliseconds. */
    readonly time: Column;
    /** By expert, one step ahead, */
    readonly first: readonly Column[];
    /** and at the last horizon. */
    readonly last: readonly Column[];
  };
  /** The names of the experts, in the order of the weights. */
  readonly experts: readonly string[];
  /** The scores one step ahead and at the last horizon: recent ones weighted, and over a window. */
  readonly scores: {
    readonly [ahead in "first" | "last"]: {
      readonly recent: JsonScores<LiveScore>;
      readonly window: JsonScores<LiveScore>;
    };
  };
}

/** What `/v1/status` answers. */
export interface StatusMessage {
  /** The server's time, epoch milliseconds. */
  readonly time: number;
  /** The version of Tickcast. */
  readonly version: string;
  /** Where the engine stands. */
  readonly health: EngineHealth;
  /** Steps ahead. */
  readonly horizon: number;
  /** Quantile levels. */
  readonly levels: readonly number[];
  /** What is mixed; empty where nothing is. */
  readonly experts: readonly string[];
  /** The network that keeps learning; null where there is none. */
  readonly learner: LearningState | null;
  /** The feeds, with the time of the last message, null where none has come. */
  readonly feeds: readonly (FeedHealth & { readonly lastMessageMs: number | null })[];
  /** The latest events, the newest first. */
  readonly events: readonly ServerEvent[];
  /** The recent scores over all series. */
  readonly scores: { readonly [ahead in "first" | "last"]: JsonScores<OverallScore> };
}

/** What `/v1/scores` answers. */
export interface ScoresMessage {
  /** Series there are. */
  readonly total: number;
  /** Series whose names match the search. */
  readonly matched: number;
  /** The first of them. */
  readonly series: readonly {
    /** Its name. */
    readonly series: string;
    /** The time of its last tick, epoch milliseconds. */
    readonly time: number;
    /** Its last value. */
    readonly value: number | null;
    /** Its recent skill against the naive forecast at the last horizon. */
    readonly skill: number | null;
    /** The recent share inside its 90 % bands at the last horizon. */
    readonly coverage90: number | null;
    /** What to know about its last forecast. */
    readonly flags: readonly string[];
  }[];
}
