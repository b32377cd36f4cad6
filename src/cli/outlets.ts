import {
  fileSink,
  ndjsonSink,
  recordingSink,
  type StatusListener,
  type Tick,
  TickQueue,
} from "../../streams/mod.ts";
import type { Forecast } from "../forecast/forecast.ts";
import type { Config, SinkConfig } from "./config_schema.ts";
import { openSink } from "./open_sink.ts";

/** One sink and the series it wants. */
interface Outlet {
  readonly name: string;
  readonly wanted: ReadonlySet<string> | undefined;
  readonly writer: WritableStreamDefaultWriter<readonly Forecast[]>;
  failed: boolean;
}

/** Late ticks that wait to be written: a burst of them must not take all memory. */
const LATE_TICKS_MAX = 16_384;

/** Where a server's ticks and forecasts go beside its sockets: sinks, a recording, late ticks. */
export class Outlets {
  readonly #sinks: readonly Outlet[];
  readonly #recording: WritableStreamDefaultWriter<readonly Tick[]> | undefined;
  readonly #late: LateTicks | undefined;
  readonly #onStatus: StatusListener;

  private constructor(
    sinks: readonly Outlet[],
    recording: WritableStreamDefaultWriter<readonly Tick[]> | undefined,
    late: LateTicks | undefined,
    onStatus: StatusListener,
  ) {
    this.#sinks = sinks;
    this.#recording = recording;
    this.#late = late;
    this.#onStatus = onStatus;
  }

  /** Opens all of them. @throws {Error} when a file cannot be written. */
  static async open(
    config: Config,
    record: string | undefined,
    levels: readonly number[],
    onStatus: StatusListener,
  ): Promise<Outlets> {
    const sinks: Outlet[] = [];
    for (const [i, sink] of (config.sinks ?? []).entries()) {
      sinks.push({
        name: labelOf(sink, i),
        wanted: sink.series === undefined ? undefined : new Set(sink.series),
        writer: (await openSink(sink, levels, onStatus)).getWriter(),
        failed: false,
      });
    }
    const recording = record === undefined ? undefined : await openRecording(record);
    const lateTo = config.order?.lateTo;
    const late = lateTo === undefined ? undefined : await LateTicks.open(lateTo, onStatus);
    return new Outlets(sinks, recording?.getWriter(), late, onStatus);
  }

  /** Takes a late tick, where one wants them. */
  get late(): ((tick: Tick) => void) | undefined {
    const late = this.#late;
    return late === undefined ? undefined : (tick): void => late.push(tick);
  }

  /** Records ticks, in the order of the calls. */
  async record(ticks: readonly Tick[]): Promise<void> {
    await this.#recording?.write(ticks);
  }

  /** Hands forecasts to every sink. One that fails is told and left out from then on. */
  async forecasts(forecasts: readonly Forecast[]): Promise<void> {
    await Promise.all(this.#sinks.map(async (sink) => {
      if (sink.failed) return;
      const { wanted } = sink;
      const items = wanted === undefined
        ? forecasts
        : forecasts.filter(({ series }) => wanted.has(series));
      if (items.length === 0) return;
      await this.#guard(sink, () => sink.writer.write(items));
    }));
  }

  /** Delivers what waits, as long as that is allowed to take, and closes all. */
  async close(): Promise<void> {
    await Promise.all([
      ...this.#sinks.map((sink) => this.#guard(sink, () => sink.writer.close())),
      this.#recording?.close(),
      this.#late?.close(),
    ]);
  }

  async #guard(sink: Outlet, act: () => Promise<void>): Promise<void> {
    if (sink.failed) return;
    try {
      await act();
    } catch (error) {
      sink.failed = true;
      const detail = error instanceof Error ? error.message : String(error);
      this.#onStatus({ kind: "degraded", part: sink.name, detail });
    }
  }
}

/** Opens a recording. An existing one is replaced: a file holds one recording. */
export async function openRecording(path: string): Promise<WritableStream<readonly Tick[]>> {
  return recordingSink(await fileSink(path));
}

/** Writes late ticks in the background: whoever finds one late cannot wait. */
class LateTicks {
  readonly #queue = new TickQueue({ policy: "drop-oldest", ticksMax: LATE_TICKS_MAX });
  readonly #onStatus: StatusListener;
  readonly #path: string;
  readonly #written: Promise<void>;

  private constructor(path: string, output: WritableStream<Uint8Array>, onStatus: StatusListener) {
    this.#path = path;
    this.#onStatus = onStatus;
    this.#written = this.#write(ndjsonSink<Tick>(output).getWriter());
  }

  static async open(path: string, onStatus: StatusListener): Promise<LateTicks> {
    return new LateTicks(path, await fileSink(path, { append: true }), onStatus);
  }

  push(tick: Tick): void {
    const count = this.#queue.push([tick]);
    if (count === 0) return;
    this.#onStatus({ kind: "dropped", source: this.#path, policy: "drop-oldest", count });
  }

  close(): Promise<void> {
    this.#queue.close();
    return this.#written;
  }

  async #write(writer: WritableStreamDefaultWriter<readonly Tick[]>): Promise<void> {
    try {
      for (let ticks; (ticks = await this.#queue.take()) !== undefined;) await writer.write(ticks);
      await writer.close();
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      this.#onStatus({ kind: "degraded", part: this.#path, detail });
    }
  }
}

function labelOf(sink: SinkConfig, index: number): string {
  return `sinks[${index}] ${"path" in sink ? sink.path : sink.url}`;
}
