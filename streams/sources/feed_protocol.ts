import type { InputError } from "../errors.ts";
import type { Tick } from "../tick.ts";
import type { DecodeOptions } from "../transforms/decode.ts";
import { frameDecoder, type FrameFormat } from "../transforms/frame_decoder.ts";

/** A sequence number that a feed gave, by which lost messages are noticed. */
export interface FeedSequence {
  /** What is counted: a channel, a product, a connection. */
  readonly channel: string;
  /** The number; one more than the one before, when nothing was lost. */
  readonly number: number;
  /** Whose ticks are missing after a gap, where the channel is one series. */
  readonly series?: string;
  /** The numbers go on across connections, so that also what was missed between two is counted. */
  readonly lasting?: boolean;
  /** The number is that of a message sent before, as heartbeats tell it, not of this one. */
  readonly past?: boolean;
}

/** What one frame of a feed meant. */
export interface FeedFrame {
  /** The ticks in it. */
  readonly ticks: readonly Tick[];
  /** What could not be used. */
  readonly rejected?: readonly InputError[];
  /** Series that a heartbeat showed to be alive though nothing happened; `*` for all. */
  readonly alive?: readonly string[];
  /** Sequence numbers. */
  readonly sequences?: readonly FeedSequence[];
  /** An error that the feed reported, such as a refused subscription. */
  readonly error?: string;
  /** A message to answer with. */
  readonly reply?: string;
  /** Why the feed wants its client to reconnect soon. */
  readonly reconnect?: string;
}

/** How to talk with one kind of feed. Pure: no sockets, no clock. */
export interface FeedProtocol {
  /** What the feed is called in statuses. */
  readonly name: string;
  /** Its public address. */
  readonly url?: string;
  /** Messages to send once connected. */
  readonly subscribe: readonly string[];
  /** The least time between two messages, where the feed limits their rate. */
  readonly sendIntervalMs?: number;
  /** The series that were subscribed, for the watchdog. */
  readonly series?: readonly string[];
  /** How old a series' data may get before something is wrong. */
  readonly staleAfterMs?: number;
  /** A connection on which nothing at all comes for so long is dead. */
  readonly idleMs?: number;
  /** How long the feed lets a connection live. The source reconnects before. */
  readonly sessionMs?: number;
  /** A message that keeps the connection alive, where the feed wants one of its own. */
  readonly keepAlive?: string;
  /**
   * Reads one frame. Called in order, once a frame.
   *
   * @param frame The text, or the bytes of a binary frame.
   * @param arrival When it arrived, epoch milliseconds.
   * @returns What it meant. Bad input is rejected, never thrown.
   */
  decode(frame: string | Uint8Array, arrival: number): FeedFrame;
}

/** A feed of plain JSON. */
export interface JsonFeedOptions extends DecodeOptions {
  /** The format of its messages. Default: `json`. */
  readonly format?: FrameFormat;
  /** Messages to send once connected; what is not a string is sent as JSON. */
  readonly subscribe?: readonly unknown[];
  /** The series to watch from the start; others are watched from their first tick. */
  readonly watch?: readonly string[];
  /** What the feed is called in statuses. Default: `feed`. */
  readonly name?: string;
}

/**
 * The protocol of a feed that sends plain JSON: the wire format, foreign JSON read by paths, or SenML.
 *
 * @param options What to subscribe to, and where a tick's parts stand.
 * @returns The protocol.
 * @throws {SyntaxError} when a path cannot be read.
 *
 * @example
 * ```ts
 * import { jsonFeed } from "@tickcast/tickcast/streams";
 * import { deepEqual } from "node:assert/strict";
 *
 * const feed = jsonFeed({ subscribe: [{ op: "subscribe" }], valuePath: "p", series: "x", timePath: "t" });
 * deepEqual(feed.subscribe, ['{"op":"subscribe"}']);
 * deepEqual(feed.decode('{"p":"2.5","t":1000}', 0).ticks, [
 *   { series: "x", time: 1000, values: { value: 2.5 } },
 * ]);
 * ```
 */
export function jsonFeed(options: JsonFeedOptions = {}): FeedProtocol {
  const decoder = frameDecoder(options.format ?? "json", options);
  return {
    name: options.name ?? "feed",
    subscribe: (options.subscribe ?? []).map((message) =>
      typeof message === "string" ? message : JSON.stringify(message)
    ),
    series: options.watch,
    decode: (frame, arrival): FeedFrame => decoder.decode(frame, arrival),
  };
}
