/** What a socket tells. Nothing is called after `onClose`. */
export interface FeedSocketEvents {
  /** It is open. */
  onOpen(): void;
  /** A message came: text, or the bytes of a binary one. */
  onFrame(frame: string | Uint8Array): void;
  /** The peer answered a ping. */
  onPong(): void;
  /** It is closed, or could not be opened. */
  onClose(why: string): void;
}

/** How a socket is opened. */
export interface FeedSocketOptions {
  /** Headers of the handshake, such as an authorisation. Browsers cannot send any. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Bytes of one message at most; a larger one closes the socket. */
  readonly frameBytesMax: number;
}

/** A client's socket, as a feed needs it. */
export interface FeedSocket {
  /** Sends a text message. */
  send(text: string): void;
  /** Stops reading, so that the peer feels it; absent where the platform cannot. */
  pause?(): void;
  /** Reads on. */
  resume?(): void;
  /** Sends a ping; absent where the platform cannot. */
  ping?(): void;
  /** Closes it: politely, and if the peer does not answer, by force. */
  close(): void;
  /** Ends the connection at once. */
  terminate(): void;
}

/** Opens a socket. Returns at once; the events tell the rest. */
export type OpenFeedSocket = (
  url: string,
  events: FeedSocketEvents,
  options: FeedSocketOptions,
) => FeedSocket;

/**
 * Opens the platform's own WebSocket, as in browsers. It can neither be paused nor send pings.
 *
 * @param url Where to.
 * @param events What to tell.
 * @returns The socket.
 *
 * @example Nobody listens there, so it closes
 * ```ts
 * import { openNativeSocket } from "@tickcast/tickcast/streams";
 *
 * await new Promise<string>((onClose) => {
 *   openNativeSocket("ws://127.0.0.1:1", { onOpen() {}, onFrame() {}, onPong() {}, onClose });
 * });
 * ```
 */
export function openNativeSocket(url: string, events: FeedSocketEvents): FeedSocket {
  const socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  let closed = false;
  const closeOnce = (why: string): void => {
    if (!closed) events.onClose(why);
    closed = true;
  };
  socket.onopen = (): void => events.onOpen();
  socket.onmessage = ({ data }): void => {
    if (!closed) events.onFrame(typeof data === "string" ? data : new Uint8Array(data));
  };
  socket.onclose = ({ code, reason }): void => closeOnce(`closed with ${code} ${reason}`.trim());
  const close = (): void => {
    socket.close();
    // The platform waits for a peer that may be gone: for the feed it is over now.
    closeOnce("closed");
  };
  return { send: (text): void => socket.send(text), close, terminate: close };
}
