// @ts-types="npm:@types/ws@8"
import { WebSocket } from "ws";
import type { FeedSocket, FeedSocketEvents, FeedSocketOptions } from "./feed_socket.ts";

/** How long a polite close may take before the connection is ended by force. */
const CLOSE_TIMEOUT_MS = 2000;

/**
 * Opens a socket of npm `ws`, which can be paused and can send pings and headers.
 *
 * @param url Where to.
 * @param events What to tell.
 * @param options Headers and limits.
 * @returns The socket.
 */
export function openWsSocket(
  url: string,
  events: FeedSocketEvents,
  options: FeedSocketOptions,
): FeedSocket {
  const socket = new WebSocket(url, {
    headers: options.headers,
    maxPayload: options.frameBytesMax,
    perMessageDeflate: false,
  });
  let why = "";
  socket.on("open", () => events.onOpen());
  socket.on("message", (data, isBinary) => {
    const bytes = data as Uint8Array;
    events.onFrame(isBinary ? bytes : String(bytes));
  });
  socket.on("pong", () => events.onPong());
  // Only close counts as the end; an error tells why.
  socket.on("error", (error) => why = error.message);
  socket.on(
    "close",
    (code, reason) => events.onClose(why || `closed with ${code} ${reason}`.trim()),
  );
  return {
    send: (text): void => socket.send(text, () => {}),
    pause: (): void => socket.pause(),
    resume: (): void => socket.resume(),
    ping: (): void => socket.ping(),
    close(): void {
      // A paused socket would never see the peer's answer.
      socket.resume();
      const force = setTimeout(() => socket.terminate(), CLOSE_TIMEOUT_MS);
      socket.on("close", () => clearTimeout(force));
      socket.close();
    },
    terminate: (): void => socket.terminate(),
  };
}
