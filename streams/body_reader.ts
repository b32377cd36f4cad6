/**
 * Reads the body of a response until a signal ends it. Giving that signal to `fetch` is not enough: Deno
 * lets go of it once the request has been garbage collected, and a body that has fallen silent would then
 * be waited for for ever.
 *
 * @param body The body.
 * @param signal Ends it: a read that waits is done.
 * @returns Its reader.
 * @throws {Error} the signal's reason, where it has ended already.
 *
 * @example A reader that waits is let go
 * ```ts
 * import { bodyReader } from "@tickcast/tickcast/streams";
 * import { equal } from "node:assert/strict";
 *
 * const silent = new ReadableStream<Uint8Array>();
 * const ending = new AbortController();
 * const read = bodyReader(silent, ending.signal).read();
 * ending.abort();
 * equal((await read).done, true);
 * ```
 */
export function bodyReader<T extends Uint8Array>(
  body: ReadableStream<T>,
  signal: AbortSignal,
): ReadableStreamDefaultReader<T> {
  signal.throwIfAborted();
  const reader = body.getReader();
  signal.addEventListener("abort", () => void reader.cancel().catch(() => {}), { once: true });
  return reader;
}
