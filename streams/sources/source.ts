import { limits } from "../limits.ts";

/**
 * Makes a source out of a generator, so that back-pressure, cancelling and draining are right once for
 * all sources: the generator goes on only when the stream is pulled, its signal aborts when the reader
 * cancels or the caller's signal does, and whatever it opened is closed in its `finally`.
 *
 * A caller's abort is no error: the generator ends, and the stream closes after what it still gave.
 *
 * @param generate Yields chunks until done or until the signal aborts.
 * @param signal The caller's signal.
 * @param chunksAhead Chunks made before they are read. With 0 the generator goes on from a chunk only when
 * its reader asks for the next one, that is, has done its work on it.
 * @returns The stream.
 *
 * @example A custom source
 * ```ts
 * import { sourceOf, systemClock, type Tick } from "@tickcast/tickcast/streams";
 *
 * const clockTicks = sourceOf<readonly Tick[]>(async function* (signal) {
 *   for (let step = 0; !signal.aborted; step++) {
 *     yield [{ series: "clock", time: step, values: { value: Math.sin(step) } }];
 *     await systemClock.sleep(1, signal);
 *   }
 * });
 * for await (const [tick] of clockTicks) if (tick.time === 2) break;
 * ```
 */
export function sourceOf<T>(
  generate: (signal: AbortSignal) => AsyncGenerator<T>,
  signal?: AbortSignal,
  chunksAhead: number = limits.chunkQueue,
): ReadableStream<T> {
  const stop = new AbortController();
  const onAbort = (): void => stop.abort();
  signal?.addEventListener("abort", onAbort, { once: true });
  if (signal?.aborted) stop.abort();
  const chunks = generate(stop.signal);
  const release = (): void => signal?.removeEventListener("abort", onAbort);
  return new ReadableStream<T>({
    async pull(controller): Promise<void> {
      try {
        const { value, done } = await chunks.next();
        if (!done) return controller.enqueue(value);
        release();
        controller.close();
      } catch (error) {
        release();
        throw error;
      }
    },
    async cancel(): Promise<void> {
      release();
      stop.abort();
      await chunks.return(undefined);
    },
  }, { highWaterMark: chunksAhead });
}
