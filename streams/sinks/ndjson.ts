/** How a sink of lines writes. */
export interface NdjsonSinkOptions<T> {
  /** Makes an item one line of JSON. Default: `JSON.stringify`. */
  readonly encode?: (item: T) => string;
}

/**
 * Writes every item of every chunk as one line of JSON. One write a chunk, and the next chunk is taken
 * only when the last one is written, so that a slow reader holds the chain back.
 *
 * @param output Where the bytes go, such as `Deno.stdout.writable` or a file. Closed with the sink.
 * @param options How an item becomes a line.
 * @returns The sink.
 *
 * @example
 * ```ts
 * import { ndjsonSink, type Tick } from "@tickcast/tickcast/streams";
 * import { equal } from "node:assert/strict";
 *
 * const { readable, writable } = new TransformStream<Uint8Array, Uint8Array<ArrayBuffer>>();
 * const ticks: Tick[] = [{ series: "a", time: 1, values: { value: 2 } }];
 * const [text] = await Promise.all([
 *   new Response(readable as ReadableStream<Uint8Array<ArrayBuffer>>).text(),
 *   ReadableStream.from([ticks]).pipeTo(ndjsonSink(writable)),
 * ]);
 * equal(text, '{"series":"a","time":1,"values":{"value":2}}\n');
 * ```
 */
export function ndjsonSink<T>(
  output: WritableStream<Uint8Array>,
  options: NdjsonSinkOptions<T> = {},
): WritableStream<readonly T[]> {
  const encode = options.encode ?? ((item: T): string => JSON.stringify(item));
  const utf8 = new TextEncoder();
  const writer = output.getWriter();
  return new WritableStream({
    async write(items): Promise<void> {
      let text = "";
      for (const item of items) text += encode(item) + "\n";
      if (text !== "") await writer.write(utf8.encode(text));
    },
    close: () => writer.close(),
    abort: (reason) => writer.abort(reason),
  });
}
