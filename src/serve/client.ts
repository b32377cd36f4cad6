import {
  backoffMs,
  bodyReader,
  type Clock,
  type IngestAnswer,
  limits,
  SseParser,
  systemClock,
  type Tick,
} from "../../streams/mod.ts";
import { ClientError } from "./client_error.ts";
import type { ForecastMessage } from "./wire.ts";

/** How a {@linkcode TickcastClient} reaches its server. */
export interface ClientOptions {
  /** Where the server is: `http://127.0.0.1:8080`. */
  readonly url: string;
  /** The bearer token, where the server wants one. */
  readonly token?: string;
  /** Where time comes from. */
  readonly clock?: Clock;
  /** A number in [0, 1) to scatter reconnections by; `Math.random` where left out. */
  readonly random?: () => number;
}

/** Which forecasts, and until when. */
export interface ForecastsOptions {
  /** Only these series; all where left out. */
  readonly series?: readonly string[];
  /** Ends the stream. */
  readonly signal?: AbortSignal;
  /** Hears why a connection was lost, before the next one is tried. */
  readonly onReconnect?: (why: Error) => void;
}

/** One page of the series a server knows. */
export interface SeriesPage {
  /** Their names. */
  readonly series: readonly string[];
  /** How many there are over all pages. */
  readonly total: number;
  /** The offset of the next page; undefined on the last. */
  readonly next?: number;
}

/** Which page. */
export interface PageOptions {
  /** Names at most, up to 1,000; 100 where left out. */
  readonly limit?: number;
  /** Names passed over. */
  readonly offset?: number;
  /** Only names that contain this. */
  readonly search?: string;
}

/** Characters of one forecast at most: one of 1,000 steps and 20 levels has about 300,000. */
const FORECAST_CHARACTERS_MAX = 4 * limits.frameBytes;
/** A server gives a sign of life every 15 s; one that gave none for so long is gone. */
const SILENCE_MAX_MS = 45_000;

/**
 * Talks to a Tickcast server, from Deno, Node or a browser: sends ticks, and reads forecasts as a stream
 * that outlives lost connections.
 *
 * @example Ticks to a server, forecasts from it
 * ```ts
 * import { MemoryStore, OnlineForecaster, TickcastClient } from "@tickcast/tickcast";
 * import { Engine, startServer } from "@tickcast/tickcast/server";
 *
 * const engine = await Engine.open({ forecaster: new OnlineForecaster(), store: new MemoryStore() });
 * const server = await startServer({ engine, port: 0 });
 *
 * const client = new TickcastClient({ url: server.url });
 * const answer = await client.post([{ series: "room", time: 0, values: { value: 20 }, id: "1" }]);
 * if (answer.count !== 1) throw new Error(answer.detail);
 * for await (const forecast of client.forecasts({ series: ["room"] })) {
 *   if (forecast.mean[0] !== 20) throw new Error();
 *   break;
 * }
 *
 * await server.close();
 * await engine.close();
 * ```
 */
export class TickcastClient {
  readonly #url: URL;
  readonly #headers: Record<string, string>;
  readonly #clock: Clock;
  readonly #random: () => number;

  /**
   * Connects to nothing yet.
   *
   * @param options Where the server is.
   * @throws {TypeError} when the address is none.
   */
  constructor(options: ClientOptions) {
    this.#url = new URL(options.url);
    this.#headers = options.token === undefined ? {} : { authorization: `Bearer ${options.token}` };
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
  }

  /**
   * Sends ticks. Those accepted survive a crash of the server; those refused are named in the answer.
   * Ticks with an `id` may be sent again after an error: what was taken already is then left out.
   *
   * @param ticks The ticks, in order.
   * @returns How many were accepted, and why others were not.
   * @throws {ClientError} when the server took none; `temporary` says whether to try again.
   * @throws {TypeError} when the server cannot be reached.
   */
  async post(ticks: readonly Tick[]): Promise<IngestAnswer> {
    const answer = await fetch(this.#address("/v1/ticks"), {
      method: "POST",
      headers: { ...this.#headers, "content-type": "application/json" },
      body: JSON.stringify(ticks),
    });
    if (!answer.ok && answer.status !== 400) throw await refusal(answer);
    return await answer.json();
  }

  /**
   * The latest forecast of a series.
   *
   * @returns The forecast; undefined where the server does not know the series.
   * @throws {ClientError} when the server refuses.
   * @throws {TypeError} when it cannot be reached.
   */
  async latest(series: string): Promise<ForecastMessage | undefined> {
    const path = `/v1/series/${encodeURIComponent(series)}/forecast`;
    const answer = await fetch(this.#address(path), { headers: this.#headers });
    if (answer.status === 404) {
      await answer.body?.cancel();
      return undefined;
    }
    if (!answer.ok) throw await refusal(answer);
    return await answer.json();
  }

  /**
   * The series the server knows, by pages.
   *
   * @param page Which page; the first where left out.
   * @throws {ClientError} when the server refuses.
   * @throws {TypeError} when it cannot be reached.
   */
  async series(page: PageOptions = {}): Promise<SeriesPage> {
    const address = this.#address("/v1/series");
    for (const [name, value] of Object.entries(page)) address.searchParams.set(name, `${value}`);
    const answer = await fetch(address, { headers: this.#headers });
    if (!answer.ok) throw await refusal(answer);
    return await answer.json();
  }

  /**
   * Forecasts as they are made: first the latest of each series, then each new one. A lost connection is
   * opened again with backoff and goes on after the last forecast received, as far back as the server
   * remembers; beyond, the latest of each series comes again. A reader that is slower than the server
   * loses the oldest.
   *
   * The stream errors with a {@linkcode ClientError} where trying again is of no use: a wrong token.
   *
   * @param options Which series, and until when.
   */
  forecasts(options: ForecastsOptions = {}): ReadableStream<ForecastMessage> {
    const ending = new AbortController();
    const signal = options.signal === undefined
      ? ending.signal
      : AbortSignal.any([ending.signal, options.signal]);
    const messages = this.#follow(options, signal);
    return new ReadableStream<ForecastMessage>({
      pull: async (controller): Promise<void> => {
        const { value, done } = await messages.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: async (): Promise<void> => {
        ending.abort();
        await messages.return(undefined);
      },
    }, { highWaterMark: 0 });
  }

  /** Connects again and again, until told to end or refused for good. */
  async *#follow(
    { series, onReconnect }: ForecastsOptions,
    signal: AbortSignal,
  ): AsyncGenerator<ForecastMessage, undefined> {
    const address = this.#address("/v1/forecasts");
    for (const name of series ?? []) address.searchParams.append("series", name);
    let lastId = "";
    let failures = 0;
    while (!signal.aborted) {
      let why: Error = new Error("The server ended the stream");
      const silence = new AbortController();
      let heardMs = this.#clock.now();
      const connection = AbortSignal.any([signal, silence.signal]);
      const watch = async (): Promise<void> => {
        while (!connection.aborted) {
          await this.#clock.sleep(SILENCE_MAX_MS / 3, connection);
          if (this.#clock.now() - heardMs > SILENCE_MAX_MS) {
            silence.abort(new Error("The server is silent"));
          }
        }
      };
      const watching = watch();
      try {
        const answer = await fetch(address, {
          headers: { ...this.#headers, ...(lastId === "" ? {} : { "last-event-id": lastId }) },
          signal: connection,
        });
        if (!answer.ok || answer.body === null) throw await refusal(answer);
        const parser = new SseParser(FORECAST_CHARACTERS_MAX, lastId);
        const reader = bodyReader(answer.body, connection);
        for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
          heardMs = this.#clock.now();
          failures = 0;
          for (const { data } of parser.push(piece.value)) yield JSON.parse(data);
          lastId = parser.lastId;
        }
        connection.throwIfAborted();
      } catch (error) {
        if (error instanceof ClientError && !error.temporary) throw error;
        why = error instanceof Error ? error : new Error(String(error));
      } finally {
        silence.abort();
        await watching;
      }
      if (signal.aborted) return;
      failures++;
      onReconnect?.(why);
      const asked = why instanceof ClientError ? why.retryAfterMs : 0;
      const waitMs = Math.max(asked, backoffMs(failures, this.#random()));
      await this.#clock.sleep(waitMs, signal);
    }
  }

  /** An address below the server's own, which may have a path. */
  #address(path: string): URL {
    return new URL(this.#url.pathname.replace(/\/$/, "") + path, this.#url);
  }
}

/** What a refusal says. */
async function refusal(answer: Response): Promise<ClientError> {
  const text = await answer.text();
  let body: { reason?: string; detail?: string } = {};
  try {
    body = JSON.parse(text);
  } catch {
    // A proxy in between answered in its own words.
  }
  const seconds = Number(answer.headers.get("retry-after"));
  return new ClientError(
    answer.status,
    body.reason ?? "unknown",
    body.detail ?? answer.statusText,
    Number.isFinite(seconds) ? 1000 * seconds : 0,
  );
}
