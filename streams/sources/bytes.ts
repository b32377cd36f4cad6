/** Where bytes come from: a file's path, a URL (`file:`, `http:`, `https:`), or an open stream. */
export type ByteInput = string | URL | ReadableStream<Uint8Array<ArrayBuffer>>;

/**
 * Opens bytes for reading and unpacks gzip, told by its magic bytes rather than by a name.
 *
 * @param input Where they come from.
 * @param signal Ends the bytes, also while waiting for a silent input.
 * @returns The unpacked bytes.
 * @throws {Error} when the file or the resource cannot be opened.
 */
export async function openBytes(
  input: ByteInput,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  const reader = (await open(input)).getReader();
  const cancel = (): void => void reader.cancel().catch(() => {});
  signal.addEventListener("abort", cancel, { once: true });
  if (signal.aborted) cancel();
  const head = await reader.read();
  const rest = new ReadableStream<Uint8Array<ArrayBuffer>>({
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
  const gzipped = head.value?.[0] === 0x1f && head.value[1] === 0x8b;
  return gzipped ? rest.pipeThrough(new DecompressionStream("gzip")) : rest;
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
