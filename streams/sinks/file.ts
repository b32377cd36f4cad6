/** How a file is opened for writing. */
export interface FileSinkOptions {
  /** Add to what is there. By default a file is begun anew. */
  readonly append?: boolean;
}

/**
 * A file as a sink of bytes that are in the file once they are written: a crash loses none of them. The
 * platform's own stream of a file holds up to 64 KiB back.
 *
 * @param path The file; made where it does not exist.
 * @param options Whether to add to it.
 * @returns The sink.
 * @throws {Error} when the file cannot be opened.
 *
 * @example
 * ```ts
 * import { fileSink, ndjsonSink } from "@tickcast/tickcast/streams";
 * import { equal } from "node:assert/strict";
 *
 * const path = await Deno.makeTempFile();
 * const writer = ndjsonSink(await fileSink(path)).getWriter();
 * await writer.write([1, 2]);
 * equal(await Deno.readTextFile(path), "1\n2\n");
 * await writer.close();
 * await Deno.remove(path);
 * ```
 */
export async function fileSink(
  path: string | URL,
  options: FileSinkOptions = {},
): Promise<WritableStream<Uint8Array>> {
  const how = options.append ? { append: true } : { write: true, truncate: true };
  const file = await Deno.open(path, { create: true, ...how });
  return new WritableStream<Uint8Array>({
    async write(bytes): Promise<void> {
      for (let at = 0; at < bytes.byteLength;) at += await file.write(bytes.subarray(at));
    },
    close: () => file.close(),
    abort: () => file.close(),
  });
}
