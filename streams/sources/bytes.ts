/** Where bytes come from: a file's path, a URL (`file:`, `http:`, `https:`), or an open stream. */
export type ByteInput = string | URL | ReadableStream<Uint8Array<ArrayBuffer>>;

/**
 * Opens bytes for reading and unpacks gzip, told by its magic bytes rather than by a name.
 *
 * @param input Where they come from.
 * @param signal Ends the bytes, also while waiting for a silent input.
 * @returns The unpacked bytes.
 * @throws {Error} when the file or the resource cannot be opened.
 *
 * @example Packed or not, the same bytes come out
 * ```ts
 * import { openBytes } from "@tickcast/tickcast/streams";
 * import { equal } from "node:assert/strict";
 *
 * const packed = new Blob(["time,value\n"]).stream().pipeThrough(new CompressionStream("gzip"));
 * const bytes = await openBytes(packed, new AbortController().signal);
 * equal(await new Response(bytes).text(), "time,value\n");
 * ```
 */
export async function openBytes(
  input: ByteInput,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  const { head, stream } = await peekBytes(await open(input), signal);
  const gzipped = head[0] === 0x1f && head[1] === 0x8b;
  return gzipped ? stream.pipeThrough(new DecompressionStream("gzip")) : stream;
}

/**
 * Looks at the beginning of bytes, by which their format is told.
 *
 * @param bytes The bytes; they belong to the returned stream from now on.
 * @param signal Ends them, also while waiting for a silent input.
 * @returns The first chunk, empty where there is none, and all bytes.
 *
 * @example
 * ```ts
 * import { peekBytes } from "@tickcast/tickcast/streams";
 * import { equal } from "node:assert/strict";
 *
 * const bytes = new Blob(["{}"]).stream();
 * const { head, stream } = await peekBytes(bytes, new AbortController().signal);
 * equal(String.fromCharCode(head[0]), "{");
 * equal(await new Response(stream).text(), "{}");
 * ```
 */
export async function peekBytes(
  bytes: ReadableStream<Uint8Array<ArrayBuffer>>,
  signal: AbortSignal,
): Promise<{
  readonly head: Uint8Array<ArrayBuffer>;
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>>;
}> {
  const reader = bytes.getReader();
  const cancel = (): void => void reader.cancel().catch(() => {});
  signal.addEventListener("abort", cancel, { once: true });
  if (signal.aborted) cancel();
  const head = await reader.read();
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start(controller): void {
      if (head.done) controller.close();
      else controller.enqueue(head.value);
    },
    async pull(controller): Promise<void> {
      const { value, done } = await reader.read();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
  return { head: head.value ?? new Uint8Array(), stream };
}

async function open(input: ByteInput): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  if (input instanceof ReadableStream) return input;
  if (input instanceof URL && input.protocol.startsWith("http")) {
    const response = await fetch(input);
    if (response.ok && response.body) return response.body;
    await response.body?.cancel();
    throw new Error(`Cannot open ${input}: HTTP status ${response.status}`);
  }
  return (await Deno.open(input, { read: true })).readable;
}
