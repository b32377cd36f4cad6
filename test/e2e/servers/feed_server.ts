// A WebSocket server on an ephemeral port whose connections a test can play with.
import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
// @ts-types="npm:@types/ws@8"
import { type WebSocket, WebSocketServer } from "ws";

/** One connection to the server. */
export interface FeedClient {
  readonly socket: WebSocket;
  /** What the client has sent. */
  readonly messages: string[];
}

/** A server that does what a test tells it to. */
export class FeedServer {
  /** Every connection ever made, oldest first. */
  readonly clients: FeedClient[] = [];
  /** Pongs are answered by `ws` itself unless this is off: then a connection is half open. */
  answerPings = true;
  readonly #server: WebSocketServer;
  readonly #onMessage: (client: FeedClient, message: string) => void;

  private constructor(onMessage: (client: FeedClient, message: string) => void) {
    this.#onMessage = onMessage;
    this.#server = new WebSocketServer({
      port: 0,
      host: "127.0.0.1",
      perMessageDeflate: false,
      autoPong: false,
    });
    this.#server.on("connection", (socket) => {
      const client: FeedClient = { socket, messages: [] };
      this.clients.push(client);
      socket.on("error", () => {});
      socket.on("ping", () => this.answerPings && socket.pong());
      socket.on("message", (data) => {
        client.messages.push(String(data));
        this.#onMessage(client, String(data));
      });
    });
  }

  /** Starts a server. */
  static async start(
    onMessage: (client: FeedClient, message: string) => void = () => {},
  ): Promise<FeedServer> {
    const server = new FeedServer(onMessage);
    await once(server.#server, "listening");
    return server;
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The connections that are open now. */
  get open(): FeedClient[] {
    return this.clients.filter(({ socket }) => socket.readyState === socket.OPEN);
  }

  /** Sends to every open connection. */
  send(message: unknown): void {
    const text = typeof message === "string" ? message : JSON.stringify(message);
    for (const { socket } of this.open) socket.send(text);
  }

  /** Cuts every connection without a word. */
  cut(): void {
    for (const { socket } of this.clients) socket.terminate();
  }

  /** Stops reading from and writing to the network, while the connection stays up. */
  freeze(client: FeedClient): void {
    const raw = (client.socket as unknown as { _socket: Socket })._socket;
    raw.pause();
  }

  /** Ends everything. */
  async stop(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** Waits for a condition; the test's own timeout is the limit. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}
