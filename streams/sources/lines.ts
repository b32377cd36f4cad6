import { limits } from "../limits.ts";

/** One line of a text. */
export interface Line {
  /** Its content, without the line's end. Cut off where it is too long. */
  readonly text: string;
  /** Its number, counted from 1. */
  readonly number: number;
  /** It was longer than allowed; the rest of it is left out. */
  readonly tooLong: boolean;
}

/**
 * Cuts bytes into lines, all that each chunk completes at once.
 *
 * @param bytes UTF-8 text.
 * @param lineLengthMax Characters of a line at most: one without an end must not take all memory.
 * @returns Batches of lines. A last line without an end counts too.
 */
export async function* readLines(
  bytes: ReadableStream<Uint8Array<ArrayBuffer>>,
  lineLengthMax: number = limits.frameBytes,
): AsyncGenerator<Line[]> {
  let rest = "";
  let number = 0;
  let tooLong = false;
  const line = (text: string): Line => {
    const cut = tooLong || text.length > lineLengthMax;
    tooLong = false;
    return { text: text.endsWith("\r") ? text.slice(0, -1) : text, number: ++number, tooLong: cut };
  };
  for await (const chunk of bytes.pipeThrough(new TextDecoderStream())) {
    const parts = chunk.split("\n");
    parts[0] = rest + parts[0];
    rest = parts.pop() ?? "";
    if (parts.length > 0) yield parts.map(line);
    if (rest.length > lineLengthMax) {
      rest = rest.slice(0, lineLengthMax);
      tooLong = true;
    }
  }
  if (rest !== "") yield [line(rest)];
}
