import type { HistoryMessage } from "../messages.ts";

/** What the page knows of the series that it shows: as many rows as the server keeps, and no more. */
export interface History {
  /** The last step known; −1 for none. */
  readonly step: number;
  /** Rows known. */
  readonly length: number;
  /** The columns by name, the oldest row first. */
  readonly columns: Readonly<Record<keyof HistoryMessage["columns"], readonly (number | null)[]>>;
  /** The scores over time. */
  readonly trend: HistoryMessage["trend"];
  /** The weights over time. */
  readonly weights: HistoryMessage["weights"];
  /** The latest message. */
  readonly latest: HistoryMessage;
  /** Takes in a message. False when the server knows less than the page: then start anew. */
  merge(message: HistoryMessage): boolean;
}

/** Starts from the first message of a series. Stands on its own: see script.ts. */
export function makeHistory(first: HistoryMessage): History {
  const ROWS_MAX = 512;
  type Name = keyof HistoryMessage["columns"];
  const names = Object.keys(first.columns) as Name[];
  const columns = {} as Record<Name, (number | null)[]>;
  for (const name of names) columns[name] = [...first.columns[name]];
  let latest = first;
  let { trend, weights } = first;
  let step = first.step + columns.time.length - 1;

  return {
    get step(): number {
      return step;
    },
    get length(): number {
      return columns.time.length;
    },
    get columns(): Record<Name, (number | null)[]> {
      return columns;
    },
    get trend(): HistoryMessage["trend"] {
      return trend;
    },
    get weights(): HistoryMessage["weights"] {
      return weights;
    },
    get latest(): HistoryMessage {
      return latest;
    },
    merge(message): boolean {
      if (message.forecast.step < step) return false;
      latest = message;
      trend = message.trend ?? trend;
      weights = message.weights ?? weights;
      const rows = message.columns.time.length;
      if (rows === 0) return true;
      for (const name of names) {
        // After a hole, what came before does not belong to it.
        if (message.step !== step + 1) columns[name].length = 0;
        columns[name].push(...message.columns[name]);
        if (columns[name].length > ROWS_MAX) {
          columns[name].splice(0, columns[name].length - ROWS_MAX);
        }
      }
      step = message.step + rows - 1;
      return true;
    },
  };
}
