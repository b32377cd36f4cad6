import {
  type CsvCell,
  csvSink,
  fileSink,
  mqttSink,
  ndjsonSink,
  type OutboxOptions,
  type StatusListener,
  webhookSink,
} from "../../streams/mod.ts";
import type { Forecast } from "../forecast/forecast.ts";
import { encodeForecast } from "../serve/wire.ts";
import type { SinkConfig } from "./config_schema.ts";
import { parseDuration } from "./duration.ts";

/** Opens a sink of a configuration. @throws {Error} when its file cannot be written. */
export async function openSink(
  sink: SinkConfig,
  levels: readonly number[],
  onStatus: StatusListener,
): Promise<WritableStream<readonly Forecast[]>> {
  switch (sink.kind) {
    case "ndjson":
      return ndjsonSink<Forecast>((await openFile(sink.path)).output, { encode: encodeForecast });
    case "csv": {
      const { output, begun } = await openFile(sink.path);
      const columns = ["series", "time", "step", "ahead", "for", "mean", ...levels.map(quantile)];
      return csvSink<Forecast>(output, { columns, rows: forecastRows, headless: begun });
    }
    case "webhook":
      return webhookSink<Forecast>({
        ...outbox(sink),
        url: sink.url,
        headers: sink.headers,
        timeoutMs: sink.timeout === undefined ? undefined : parseDuration(sink.timeout),
        encode: encodeForecast,
        onStatus,
      });
    case "mqtt": {
      const { queue: _queue, attempts: _attempts, kind: _kind, series: _series, ...broker } = sink;
      return mqttSink<Forecast>({ ...broker, ...outbox(sink), encode: encodeForecast, onStatus });
    }
  }
}

function outbox(sink: Extract<SinkConfig, { attempts?: number }>): OutboxOptions {
  const { queue, attempts } = sink;
  return { policy: queue?.policy, itemsMax: queue?.items, attemptsMax: attempts };
}

/** A file that is added to, or standard output for `-`. */
async function openFile(
  path: string,
): Promise<{ output: WritableStream<Uint8Array>; begun: boolean }> {
  if (path === "-") return { output: Deno.stdout.writable, begun: false };
  const output = await fileSink(path, { append: true });
  return { output, begun: (await Deno.stat(path)).size > 0 };
}

function quantile(level: number): string {
  return `q${level}`;
}

/** A row for every step ahead. */
function* forecastRows(forecast: Forecast): Generator<CsvCell[]> {
  const { series, time, step, times, mean, levels, quantiles } = forecast;
  for (let ahead = 0; ahead < mean.length; ahead++) {
    const row: CsvCell[] = [series, time, step, ahead + 1, times[ahead], mean[ahead]];
    for (let level = 0; level < levels.length; level++) {
      row.push(quantiles[ahead * levels.length + level]);
    }
    yield row;
  }
}
