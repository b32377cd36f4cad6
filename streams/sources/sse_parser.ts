/** One event that was received. */
export interface ReceivedEvent {
  /** Its kind; `message` where it names none. */
  readonly event: string;
  /** What it says. Cut off where it is too long. */
  readonly data: string;
  /** It was longer than allowed. */
  readonly tooLong: boolean;
}

/**
 * Reads a stream of server-sent events as the HTML standard has it (section 9.2.6), in whatever pieces it
 * comes, and in bounded memory.
 *
 * @example
 * ```ts
 * import { SseParser } from "@tickcast/tickcast/streams";
 * import { equal } from "node:assert/strict";
 *
 * const parser = new SseParser(1000);
 * const utf8 = new TextEncoder();
 * equal(parser.push(utf8.encode("id: 7\ndata: 20.5")).length, 0);
 * equal(parser.push(utf8.encode("\n\n"))[0].data, "20.5");
 * equal(parser.lastId, "7");
 * ```
 */
export class SseParser {
  /** The identifier of the last event. */
  lastId: string;
  /** How long the server wants a client to wait before it comes back. */
  retryMs: number | undefined;
  readonly #lengthMax: number;
  readonly #utf8 = new TextDecoder();
  #rest = "";
  /** The last piece ended with a carriage return, which a line feed may complete. */
  #afterReturn = false;
  #lineTooLong = false;
  #event = "";
  #data: string[] = [];
  #dataLength = 0;
  #tooLong = false;
  #id: string;

  /**
   * A parser for one connection.
   *
   * @param lengthMax Characters of an event's data, and of a line.
   * @param lastId The identifier of the last event of the connection before.
   */
  constructor(lengthMax: number, lastId = "") {
    this.#lengthMax = lengthMax;
    this.lastId = this.#id = lastId;
  }

  /** Takes a piece; gives the events that it completes. */
  push(bytes: Uint8Array): ReceivedEvent[] {
    const events: ReceivedEvent[] = [];
    let text = this.#utf8.decode(bytes, { stream: true });
    if (text === "") return events;
    if (this.#afterReturn && text.startsWith("\n")) text = text.slice(1);
    this.#afterReturn = text.endsWith("\r");
    const lines = text.split(/\r\n|\r|\n/);
    lines[0] = this.#rest + lines[0];
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#line(line, events);
    // A line without an end must not take all memory.
    if (this.#rest.length > this.#lengthMax + 64) {
      this.#lineTooLong = true;
      this.#rest = this.#rest.slice(0, this.#lengthMax + 64);
    }
    return events;
  }

  #line(line: string, events: ReceivedEvent[]): void {
    if (line === "") return this.#dispatch(events);
    if (this.#lineTooLong) this.#tooLong = true;
    this.#lineTooLong = false;
    const colon = line.indexOf(":");
    if (colon === 0) return;
    const field = colon < 0 ? line : line.slice(0, colon);
    const raw = colon < 0 ? "" : line.slice(colon + 1);
    const value = raw.startsWith(" ") ? raw.slice(1) : raw;
    if (field === "data") this.#addData(value);
    else if (field === "event") this.#event = value;
    else if (field === "id" && !value.includes("\0")) this.#id = value;
    else if (field === "retry" && /^\d{1,9}$/.test(value)) this.retryMs = Number(value);
  }

  #addData(value: string): void {
    this.#dataLength += value.length + 1;
    if (this.#dataLength - 1 > this.#lengthMax) this.#tooLong = true;
    else this.#data.push(value);
  }

  #dispatch(events: ReceivedEvent[]): void {
    this.lastId = this.#id;
    if (this.#dataLength > 0 || this.#tooLong) {
      const data = this.#data.join("\n");
      events.push({ event: this.#event || "message", data, tooLong: this.#tooLong });
    }
    this.#event = "";
    this.#data = [];
    this.#dataLength = 0;
    this.#tooLong = false;
  }
}
