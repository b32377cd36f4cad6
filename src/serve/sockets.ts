import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
// @ts-types="npm:@types/ws@8"
import { type WebSocket, WebSocketServer } from "ws";
import {
  FanOut,
  ingestSocket,
  limits,
  type Refusal,
  systemClock,
  type Tick,
} from "../../streams/mod.ts";
import type { Forecast } from "../forecast/forecast.ts";
import { type Access, isDenial, SOCKET_PROTOCOL } from "./access/access.ts";
import type { Grant } from "./access/tokens.ts";
import { askedSeries } from "./asked_series.ts";
import type { ConnectionLimit } from "./connection_limit.ts";
import type { Engine } from "./engine.ts";
import { encodeForecast, forecastBytes } from "./wire.ts";

/** How often a peer is asked for a sign of life; without an answer until the next time it is cut off. */
const PING_INTERVAL_MS = 30_000;
/** How long a peer may take to close when the server ends. */
const CLOSE_TIMEOUT_MS = 2_000;

/** Why a socket is closed whose token is gone: "policy violation" (RFC 6455, 7.4.1). */
const TOKEN_GONE = 1008;

/** Who is at the other end. */
interface Peer {
  readonly socket: WebSocket;
  readonly stream: Duplex;
  readonly grant: Grant;
  readonly address: string;
}

/**
 * The WebSocket side of a server: `/v1/ingest` takes ticks, each message answered once it is durable;
 * `/v1/forecasts` gives every forecast, or those of `?series=a,b`.
 */
export class Sockets {
  readonly #engine: Engine;
  readonly #access: Access;
  readonly #connections: ConnectionLimit;
  readonly #grants = new Map<WebSocket, Grant>();
  readonly #server = new WebSocketServer({
    noServer: true,
    // Compression costs four times the memory of a connection; forecasts are small.
    perMessageDeflate: false,
    maxPayload: limits.frameBytes,
    // The protocol that carries the token is never said back.
    handleProtocols: (offered) => offered.has(SOCKET_PROTOCOL) && SOCKET_PROTOCOL,
  });
  readonly #fanOut: FanOut<Forecast>;
  readonly #alive = new WeakSet<WebSocket>();
  readonly #ingesting = new Set<Promise<unknown>>();
  readonly #ending = new AbortController();
  readonly #heartbeat: ReturnType<typeof setInterval>;
  readonly #unsubscribe: () => void;

  /** Serves an engine. */
  constructor(engine: Engine, access: Access, connections: ConnectionLimit) {
    this.#engine = engine;
    this.#access = access;
    this.#connections = connections;
    this.#fanOut = new FanOut<Forecast>({
      series: (forecast) => forecast.series,
      encode: forecastBytes,
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

  /** Answers an HTTP upgrade: with a socket, or with why not. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Uint8Array): void {
    const url = new URL(request.url ?? "/", "http://localhost");
    const serve = url.pathname === "/v1/ingest"
      ? this.#ingest
      : url.pathname === "/v1/forecasts"
      ? this.#subscribe
      : undefined;
    // A peer that goes away meanwhile must not end the process.
    socket.on("error", () => {});
    const address = request.socket.remoteAddress ?? "unknown";
    const { host = "", origin, authorization } = request.headers;
    const protocols = request.headers["sec-websocket-protocol"];
    const path = url.pathname;
    const decision = this.#access.decide({
      method: "GET",
      path,
      host,
      origin,
      authorization,
      protocols,
      address,
    });
    if (isDenial(decision)) return refuse(socket, decision);
    if (serve === undefined) {
      return refuse(socket, { status: 404, reason: "unknown", detail: `no such socket: ${path}` });
    }
    const release = this.#ending.signal.aborted ? undefined : this.#connections.take();
    if (release === undefined) {
      const detail = "the server has too many connections, or is shutting down";
      return refuse(socket, { status: 503, reason: "too-many-connections", detail });
    }
    // Also where the handshake fails and there never is a WebSocket.
    socket.once("close", release);
    this.#server.handleUpgrade(request, socket, head as never, (peer: WebSocket) => {
      this.#alive.add(peer);
      this.#grants.set(peer, decision);
      peer.once("close", () => {
        this.#grants.delete(peer);
        release();
      });
      peer.on("pong", () => this.#alive.add(peer));
      peer.on("error", () => peer.terminate());
      serve({ socket: peer, stream: socket, grant: decision, address }, url);
    });
  }

  /** Closes the sockets whose token is gone. */
  review(): void {
    for (const [peer, grant] of this.#grants) {
      if (!this.#access.holds(grant)) peer.close(TOKEN_GONE, "The token is no longer valid");
    }
  }

  /** Answers what has been received, then closes every socket. */
  async close(): Promise<void> {
    clearInterval(this.#heartbeat);
    this.#unsubscribe();
    this.#ending.abort();
    const open = [...this.#server.clients];
    // Whoever does not read its answers is not waited for.
    const late = setTimeout(() => open.forEach((peer) => peer.terminate()), CLOSE_TIMEOUT_MS);
    await Promise.all(this.#ingesting);
    const closed = Promise.all(
      open.map((peer) =>
        new Promise<void>((resolve) => {
          if (peer.readyState === peer.CLOSED) resolve();
          else peer.once("close", () => resolve());
        })
      ),
    );
    for (const peer of open) peer.close(1001, "Server is shutting down");
    await closed;
    clearTimeout(late);
  }

  readonly #ingest = (peer: Peer): void => {
    const served = ingestSocket(peer.socket, {
      accept: (ticks) => this.#accept(peer, ticks),
      signal: this.#ending.signal,
      onStatus: this.#engine.report,
      stream: peer.stream,
    }).finally(() => this.#ingesting.delete(served));
    this.#ingesting.add(served);
  };

  /** Accepts at the client's rate: one that sends faster is read more slowly, and loses nothing. */
  async #accept({ grant, address }: Peer, ticks: readonly Tick[]): Promise<Refusal[]> {
    this.#engine.received("websocket");
    const { signal } = this.#ending;
    while (!signal.aborted) {
      const waitMs = this.#access.takeTicks(grant, address, ticks.length);
      if (waitMs === 0) break;
      await systemClock.sleep(waitMs, signal);
    }
    return await this.#engine.accept(ticks);
  }

  readonly #subscribe = ({ socket, stream }: Peer, url: URL): void => {
    const asked = askedSeries(url);
    this.#fanOut.subscribe(socket, asked, stream);
    // What is known already comes at once: the next tick may be an hour away.
    for (const series of asked ?? this.#engine.series()) {
      const forecast = this.#engine.latest(series);
      if (forecast !== undefined) socket.send(encodeForecast(forecast));
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

interface Refused {
  readonly status: number;
  readonly reason: string;
  readonly detail: string;
  readonly retryAfterSeconds?: number;
}

/** Answers an upgrade with a refusal, worded as over HTTP, and hangs up. */
function refuse(socket: Duplex, { status, reason, detail, retryAfterSeconds }: Refused): void {
  const body = JSON.stringify({ type: "error", reason, field: "", detail });
  const headers = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    "Content-Type: application/json",
    `Content-Length: ${new TextEncoder().encode(body).length}`,
    "Connection: close",
    ...(status === 401 ? ['WWW-Authenticate: Bearer realm="tickcast"'] : []),
    ...(retryAfterSeconds === undefined ? [] : [`Retry-After: ${retryAfterSeconds}`]),
  ];
  socket.end(`${headers.join("\r\n")}\r\n\r\n${body}`);
}
