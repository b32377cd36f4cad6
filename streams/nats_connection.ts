/**
 * A connection to NATS, as `connect` of `@nats-io/transport-node` (Deno, Node) or `wsconnect` of
 * `@nats-io/nats-core` (browsers) gives it. What is named here is only what a caller may want of it;
 * the whole object of that library is needed.
 */
export interface NatsConnection {
  /** True once it was closed. */
  isClosed(): boolean;
  /** Sends what waits, and closes it. */
  drain(): Promise<void>;
  /** Closes it. */
  close(): Promise<void>;
}
