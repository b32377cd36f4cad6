import { InputError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { Corked, ServerSocket, SocketData } from "../server_socket.ts";
import type { StatusListener } from "../status.ts";
import type { Tick } from "../tick.ts";
import { type DecodeOptions, TickDecoder } from "../transforms/decode.ts";

/** One tick of an accepted batch that could not be used after all. */
export interface Refusal {
  /** Its index in the batch, counted from 0. */
  readonly index: number;
  /** Why. */
  readonly error: InputError;
}

/**
 * Takes a batch over. Resolves when it is safe to acknowledge; the ticks it could not use are named.
 * Rejects where none of the batch could be taken: with an {@linkcode InputError} that tells the sender why.
 */
export type AcceptTicks = (ticks: readonly Tick[]) => Promise<readonly Refusal[] | void>;

/** How an ingest socket works. */
export interface IngestOptions {
  /** Takes the ticks over. Never called again before the last call is settled. */
  readonly accept: AcceptTicks;
  /** The format of the frames; the wire format by default. */
  readonly decode?: DecodeOptions;
  /** Ends the intake: what has arrived is still accepted and answered, then the socket is closed. */
  readonly signal?: AbortSignal;
  /** Hears of rejected ticks. */
  readonly onStatus?: StatusListener;
  /** What the socket is called in statuses. */
  readonly name?: string;
  /** The stream below the socket, where it is at hand: the answers to a batch then leave together. */
  readonly stream?: Pick<Corked, "cork" | "uncork">;
}

/** What one ingest socket has taken. */
export interface IngestTotals {
  /** Messages answered, or that would have been, had the sender stayed. */
  readonly messages: number;
  /** Ticks accepted. */
  readonly ticks: number;
  /** Ticks and messages rejected. */
  readonly rejected: number;
}

/** The answer to one message of ticks. */
export interface IngestAnswer {
  /** `ack` where every tick was accepted. */
  readonly type: "ack" | "error";
  /** The number of the message on its connection, counted from 1. */
  readonly sequence?: number;
  /** How many ticks were accepted. */
  readonly count: number;
  /** How many were rejected. */
  readonly rejected?: number;
  /** Why the first was rejected. */
  readonly reason?: string;
  /** Its field. */
  readonly field?: string;
  /** What was expected and what came. */
  readonly detail?: string;
  /** Its line or position, counted from 1; 0 where there is only one. */
  readonly line?: number;
  /** The first rejections, where there is more than one. */
  readonly errors?: readonly { reason: string; field: string; detail: string; line: number }[];
}

/**
 * The answer to a message of ticks, the same on a WebSocket and over HTTP.
 *
 * @param count How many ticks were accepted.
 * @param rejected Why the others were not.
 * @param sequence The number of the message on its connection.
 * @returns An acknowledgement, or an error with the first rejections spelt out.
 *
 * @example
 * ```ts
 * import { ingestAnswer, InputError } from "@tickcast/tickcast/streams";
 * import { deepEqual } from "node:assert/strict";
 *
 * deepEqual(ingestAnswer(3, []), { type: "ack", count: 3 });
 * const error = new InputError("missing-field", "time", "required", { line: 2 });
 * deepEqual(ingestAnswer(1, [error]), {
 *   type: "error",
 *   count: 1,
 *   rejected: 1,
 *   reason: "missing-field",
 *   field: "time",
 *   detail: "required",
 *   line: 2,
 * });
 * ```
 */
export function ingestAnswer(
  count: number,
  rejected: readonly InputError[],
  sequence?: number,
): IngestAnswer {
  const place = sequence === undefined ? {} : { sequence };
  if (rejected.length === 0) return { type: "ack", ...place, count };
  const errors = rejected.slice(0, limits.errorsPerAnswer)
    .map(({ reason, field, detail, line }) => ({ reason, field, detail, line }));
  return {
    type: "error",
    ...place,
    count,
    rejected: rejected.length,
    ...errors[0],
    ...(errors.length > 1 ? { errors } : {}),
  };
}

/** One message of a batch, until it is answered. */
interface Message {
  readonly sequence: number;
  /** Where its ticks begin in the batch. */
  readonly first: number;
  /** How many of its ticks stand. */
  count: number;
  readonly rejected: InputError[];
}

/**
 * Takes ticks in from one WebSocket until it closes. Upgrading and admitting it belong to the caller.
 *
 * All messages that wait are accepted as one batch, so that a slow acceptance (a commit to disk) is paid
 * once for many; each is answered on its own, in order. While the queue is full the socket is paused, and
 * the sender feels it through TCP. A sender that does not read its answers stops being read itself.
 *
 * @param socket An open socket of npm `ws`.
 * @param options What to do with the ticks.
 * @returns The totals, once the socket is closed and everything received is accepted.
 *
 * @example A server that takes one tick
 * ```ts
 * import { ingestSocket } from "@tickcast/tickcast/streams";
 * import type { AddressInfo } from "node:net";
 * import { once } from "node:events";
 * import { equal } from "node:assert/strict";
 * // @ts-types="npm:@types/ws@8"
 * import { WebSocket, WebSocketServer } from "ws";
 *
 * const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
 * await once(server, "listening");
 * const sender = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
 * const [[socket]] = await Promise.all([once(server, "connection"), once(sender, "open")]);
 * const taken = ingestSocket(socket, { accept: () => Promise.resolve() });
 * sender.send('{"series":"room","time":0,"value":20}');
 * const [answer] = await once(sender, "message");
 * equal(JSON.parse(String(answer)).count, 1);
 * sender.close();
 * equal((await taken).ticks, 1);
 * server.close();
 * ```
 */
export async function ingestSocket(
  socket: ServerSocket,
  options: IngestOptions,
): Promise<IngestTotals> {
  const { accept, onStatus, signal, stream, name = "ingest" } = options;
  const decoder = new TickDecoder(options.decode);
  const totals = { messages: 0, ticks: 0, rejected: 0 };
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  let open = true;
  let wake = (): void => {};

  socket.on("message", (data) => {
    const bytes = asBytes(data);
    waiting.push(bytes);
    waitingBytes += bytes.byteLength;
    if (waiting.length >= limits.ingestQueueMessages || waitingBytes >= limits.ingestQueueBytes) {
      socket.pause();
    }
    wake();
  });
  const end = (): void => {
    open = false;
    wake();
  };
  socket.on("close", end);
  // An error is always followed by close; without a listener it would end the process.
  socket.on("error", () => {});
  const stop = (): void => {
    socket.pause();
    end();
  };
  signal?.addEventListener("abort", stop, { once: true });
  if (signal?.aborted) stop();

  while (open || waiting.length > 0) {
    if (waiting.length === 0) {
      await new Promise<void>((resolve) => wake = resolve);
      continue;
    }
    const frames = waiting;
    waiting = [];
    waitingBytes = 0;
    const { ticks, messages } = decodeAll(frames, decoder, totals.messages);
    totals.messages += messages.length;
    if (ticks.length > 0) {
      for (const { index, error } of await settle(accept, ticks)) {
        const message = messages.findLast(({ first }) => first <= index);
        if (message === undefined) continue;
        message.count--;
        message.rejected.push(error);
      }
    }
    const answers = messages.map(({ count, rejected, sequence }) => {
      totals.ticks += count;
      totals.rejected += rejected.length;
      for (const { reason, message: detail } of rejected) {
        onStatus?.({ kind: "rejected", source: name, reason, detail, count: 1 });
      }
      return JSON.stringify(ingestAnswer(count, rejected, sequence));
    });
    stream?.cork();
    const sent = send(socket, answers);
    stream?.uncork();
    await sent;
    if (open) socket.resume();
  }
  signal?.removeEventListener("abort", stop);
  // A peer that is closing by itself must be read too, or its end is never seen.
  socket.resume();
  if (socket.readyState === socket.OPEN) socket.close(1001, "Server is shutting down");
  return totals;
}

function decodeAll(
  frames: readonly Uint8Array[],
  decoder: TickDecoder,
  before: number,
): { ticks: Tick[]; messages: Message[] } {
  const decoded = frames.map((frame) => decoder.decode(frame));
  let first = 0;
  const messages = decoded.map(({ ticks, rejected }, i): Message => {
    const message = { sequence: before + i + 1, first, count: ticks.length, rejected };
    first += ticks.length;
    return message;
  });
  return { ticks: ([] as Tick[]).concat(...decoded.map(({ ticks }) => ticks)), messages };
}

/** What was refused of a batch: all of it where the acceptance failed. */
async function settle(accept: AcceptTicks, ticks: readonly Tick[]): Promise<readonly Refusal[]> {
  try {
    return await accept(ticks) ?? [];
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : String(cause);
    const error = cause instanceof InputError
      ? cause
      : new InputError("unknown", "", `not accepted: ${detail}`, { cause });
    return ticks.map((_, index) => ({ index, error }));
  }
}

/** Sends texts in order and waits until the last is written out, or the socket has closed. */
function send(socket: ServerSocket, texts: readonly string[]): Promise<void> {
  return new Promise((resolve) => {
    if (socket.readyState !== socket.OPEN) return resolve();
    const done = (): void => {
      socket.off("close", done);
      resolve();
    };
    socket.on("close", done);
    texts.forEach((text, i) =>
      socket.send(text, { binary: false }, i === texts.length - 1 ? done : ignore)
    );
  });
}

function asBytes(data: SocketData): Uint8Array {
  if (Array.isArray(data)) throw new TypeError("Expected whole messages, got fragments");
  return data instanceof ArrayBuffer ? new Uint8Array(data) : data;
}

function ignore(): void {}
