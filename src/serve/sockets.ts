import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
// @ts-types="npm:@types/ws@8"
import { type WebSocket, WebSocketServer } from "ws";
import { FanOut, ingestSocket, limits } from "../../streams/mod.ts";
import type { Forecast } from "../forecast/forecast.ts";
import type { Engine } from "./engine.ts";
import { encodeForecast } from "./wire.ts";

/** How often a peer is asked for a sign of life; without an answer until the next time it is cut off. */
const PING_INTERVAL_MS = 30_000;
/** How long a peer may take to close when the server ends. */
const CLOSE_TIMEOUT_MS = 2_000;

/**
 * The WebSocket side of a server: `/v1/ingest` takes ticks, each message answered once it is durable;
 * `/v1/forecasts` gives every forecast, or those of `?series=a,b`.
 */
export class Sockets {
  readonly #engine: Engine;
  readonly #server = new WebSocketServer({
    noServer: true,
    // Compression costs four times the memory of a connection; forecasts are small.
    perMessageDeflate: false,
    maxPayload: limits.frameBytes,
  });
  readonly #fanOut: FanOut<Forecast>;
  readonly #alive = new WeakSet<WebSocket>();
  readonly #ingesting = new Set<Promise<unknown>>();
  readonly #ending = new AbortController();
  readonly #heartbeat: ReturnType<typeof setInterval>;
  readonly #unsubscribe: () => void;

  /** Serves an engine. */
  constructor(engine: Engine) {
    this.#engine = engine;
    this.#fanOut = new FanOut<Forecast>({
      series: (forecast) => forecast.series,
      encode: encodeForecast,
      name: "forecasts",
      onStatus: engine.report,
    });
    this.#unsubscribe = engine.onForecasts((forecasts) =>
      this.#fanOut.size > 0 ? this.#fanOut.publish(forecasts) : undefined
    );
    this.#heartbeat = setInterval(() => this.#ping(), PING_INTERVAL_MS);
  }

  /** How many sockets are open. */
  get size(): number {
    return this.#server.clients.size;
  }

  /** How many of them subscribe to forecasts. */
  get subscribers(): number {
    return this.#fanOut.size;
  }

  /** Answers an HTTP upgrade: with a socket, or with 404. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Uint8Array): void {
    const url = new URL(request.url ?? "/", "http://localhost");
    const serve = url.pathname === "/v1/ingest"
      ? this.#ingest
      : url.pathname === "/v1/forecasts"
      ? this.#subscribe
      : undefined;
    if (serve === undefined || this.#ending.signal.aborted) {
      socket.end(`HTTP/1.1 ${serve ? "503 Service Unavailable" : "404 Not Found"}\r\n\r\n`);
      return;
    }
    this.#server.handleUpgrade(request, socket, head as never, (peer: WebSocket) => {
      this.#alive.add(peer);
      peer.on("pong", () => this.#alive.add(peer));
      peer.on("error", () => peer.terminate());
      serve(peer, url);
    });
  }

  /** Answers what has been received, then closes every socket. */
  async close(): Promise<void> {
    clearInterval(this.#heartbeat);
    this.#unsubscribe();
    this.#ending.abort();
    await Promise.all(this.#ingesting);
    const open = [...this.#server.clients];
    const closed = Promise.all(
      open.map((peer) => new Promise<void>((resolve) => peer.once("close", () => resolve()))),
    );
    for (const peer of open) peer.close(1001, "Server is shutting down");
    const late = setTimeout(() => open.forEach((peer) => peer.terminate()), CLOSE_TIMEOUT_MS);
    await closed;
    clearTimeout(late);
  }

  readonly #ingest = (peer: WebSocket): void => {
    const served = ingestSocket(peer, {
      accept: (ticks) => {
        this.#engine.received("websocket");
        return this.#engine.accept(ticks);
      },
      signal: this.#ending.signal,
      onStatus: this.#engine.report,
    }).finally(() => this.#ingesting.delete(served));
    this.#ingesting.add(served);
  };

  readonly #subscribe = (peer: WebSocket, url: URL): void => {
    const asked = url.searchParams.getAll("series").flatMap((names) => names.split(","))
      .filter((name) => name !== "");
    const all = asked.length === 0 || asked.includes("*");
    this.#fanOut.subscribe(peer, all ? undefined : asked);
    // What is known already comes at once: the next tick may be an hour away.
    for (const series of all ? this.#engine.series() : asked) {
      const forecast = this.#engine.latest(series);
      if (forecast !== undefined) peer.send(encodeForecast(forecast));
    }
  };

  #ping(): void {
    for (const peer of this.#server.clients) {
      // A peer we do not read from, because it sends too fast, cannot answer.
      if (peer.isPaused) continue;
      if (!this.#alive.has(peer)) peer.terminate();
      this.#alive.delete(peer);
      if (peer.readyState === peer.OPEN) peer.ping();
    }
  }
}
