/**
 * What the server's side needs of a WebSocket: an open socket of npm `ws` fits as it is. Browsers' and
 * Deno's own sockets do not: they can neither be paused nor rid of a stalled peer.
 */
export interface ServerSocket {
  /** The state in which messages can be sent. */
  readonly OPEN: number;
  /** The socket's state. */
  readonly readyState: number;
  /** Calls back with every message. */
  on(event: "message", listener: (data: SocketData, isBinary: boolean) => void): unknown;
  /** Calls back once when closed, and at errors. */
  on(event: "close" | "error", listener: () => void): unknown;
  /** Takes a listener away. */
  off(event: "close" | "error", listener: () => void): unknown;
  /** Stops reading, so that the peer feels it. */
  pause(): void;
  /** Reads on. */
  resume(): void;
  /** Sends a message; calls back when it is written out, or with an error when it could not be. */
  send(
    data: Uint8Array | string,
    options: { binary: boolean },
    done: (error?: Error) => void,
  ): void;
  /** Begins the closing handshake. */
  close(code: number, reason: string): void;
  /** Ends the connection without a handshake. */
  terminate(): void;
}

/** The stream below a socket: what is written between `cork` and `uncork` leaves in one system call. */
export interface Corked {
  /** Holds back what is written. */
  cork(): void;
  /** Writes what was held back. */
  uncork(): void;
  /** Writes bytes; calls back when they are written out, or with an error when they could not be. */
  write(bytes: Uint8Array, done: (error?: Error | null) => void): unknown;
}

/** The data of a message, in one piece unless the socket was told to deliver fragments. */
export type SocketData = Uint8Array | ArrayBuffer | Uint8Array[];
