import { limits } from "../limits.ts";

/** A final fragment of text (RFC 6455, 5.2). */
const TEXT = 0x81;
/** Bytes of a header of a message of 126 to 65,535 bytes, which nearly all are. */
const HEADER_BYTES = 4;
/** Bytes of the longest one; a server masks nothing. */
const HEADER_BYTES_MAX = 10;
const SHORT_MAX = 125;
const MEDIUM_MAX = 0xffff;

/** One behind the other, each text message with its WebSocket header: they can leave in one write. */
export class FrameBatch {
  readonly #utf8 = new TextEncoder();
  #bytes = new Uint8Array(2 * limits.socketBufferBytes);
  /** Where each message's header, text and end are. */
  readonly #heads: number[] = [];
  readonly #starts: number[] = [];
  #used = 0;

  /** How many messages. */
  get length(): number {
    return this.#starts.length;
  }

  /** Bytes of all, headers included. */
  get byteLength(): number {
    return this.#used;
  }

  /** Appends a message: text, or its bytes in UTF-8. */
  add(text: string | Uint8Array): void {
    // UTF-8 takes three bytes at most for what is one unit of a string.
    this.#reserve(HEADER_BYTES_MAX + (typeof text === "string" ? 3 * text.length : text.length));
    const head = this.#used;
    let start = head + HEADER_BYTES;
    const bytes = this.#bytes;
    let written = text.length;
    if (typeof text !== "string") bytes.set(text, start);
    else written = this.#utf8.encodeInto(text, bytes.subarray(start)).written;
    bytes[head] = TEXT;
    if (written > SHORT_MAX && written <= MEDIUM_MAX) {
      bytes[head + 1] = 126;
      bytes[head + 2] = written >> 8;
      bytes[head + 3] = written & 0xff;
    } else {
      const from = start;
      start = head + (written > MEDIUM_MAX ? HEADER_BYTES_MAX : 2);
      bytes.copyWithin(start, from, from + written);
      bytes[head + 1] = written > MEDIUM_MAX ? 127 : written;
      if (written > MEDIUM_MAX) new DataView(bytes.buffer).setBigUint64(head + 2, BigInt(written));
    }
    this.#heads.push(head);
    this.#starts.push(start);
    this.#used = start + written;
  }

  /** A copy of the frames of all messages. */
  frames(): Uint8Array {
    return this.#bytes.slice(0, this.#used);
  }

  /** A copy of the text of one message. */
  message(index: number): Uint8Array {
    return this.#bytes.slice(this.#starts[index], this.#heads[index + 1] ?? this.#used);
  }

  /** Empties it. */
  clear(): void {
    this.#heads.length = this.#starts.length = this.#used = 0;
  }

  #reserve(count: number): void {
    if (this.#used + count <= this.#bytes.length) return;
    const grown = new Uint8Array(2 * (this.#used + count));
    grown.set(this.#bytes.subarray(0, this.#used));
    this.#bytes = grown;
  }
}
