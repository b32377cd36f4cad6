import type { Tick } from "../tick.ts";
import { sourceOf } from "./source.ts";

/**
 * Merges live sources as their ticks arrive. One that fails ends all.
 *
 * @param sources The sources; they belong to the merged one from now on.
 * @returns All their batches. It ends with the last of them.
 *
 * @example
 * ```ts
 * import { mergeSources, type Tick } from "@tickcast/tickcast/streams";
 * import { equal } from "node:assert/strict";
 *
 * const tick: Tick = { series: "a", time: 1, values: { value: 1 } };
 * const merged = mergeSources([ReadableStream.from([[tick]]), ReadableStream.from([[tick], [tick]])]);
 * equal((await Array.fromAsync(merged)).length, 3);
 * ```
 */
export function mergeSources(
  sources: readonly ReadableStream<readonly Tick[]>[],
): ReadableStream<readonly Tick[]> {
  return sourceOf(async function* (stop): AsyncGenerator<readonly Tick[]> {
    const readers = sources.map((source) => source.getReader());
    const next = (index: number): Promise<[number, ReadableStreamReadResult<readonly Tick[]>]> =>
      readers[index].read().then((result) => [index, result]);
    const pending = new Map(readers.map((_, index) => [index, next(index)]));
    // The reads only settle when a source gives something, so cancelling must reach the sources itself.
    const cancel = (): void => readers.forEach((reader) => void reader.cancel().catch(() => {}));
    stop.addEventListener("abort", cancel, { once: true });
    try {
      while (pending.size > 0) {
        const [index, { value, done }] = await Promise.race(pending.values());
        pending.delete(index);
        if (done) continue;
        // Re-entered at the end, so that no busy source starves the others.
        pending.set(index, next(index));
        yield value;
      }
    } finally {
      stop.removeEventListener("abort", cancel);
      await Promise.allSettled(readers.map((reader) => reader.cancel()));
    }
  });
}

/**
 * Merges recorded sources by the times of their ticks, whatever order they are read in, so that several
 * files replay as one history. Each must be ordered in itself.
 *
 * @param sources The sources; they belong to the merged one from now on.
 * @returns Their ticks in the order of time; among equals in the order of the sources.
 *
 * @example
 * ```ts
 * import { mergeByTime, type Tick } from "@tickcast/tickcast/streams";
 * import { deepEqual } from "node:assert/strict";
 *
 * const source = (series: string, times: number[]): ReadableStream<Tick[]> =>
 *   ReadableStream.from([times.map((time) => ({ series, time, values: { value: 1 } }))]);
 * const merged = mergeByTime([source("a", [1, 3, 9]), source("b", [2, 3])]);
 * const ticks = (await Array.fromAsync(merged)).flat();
 * deepEqual(ticks.map((tick) => tick.series + tick.time), ["a1", "b2", "a3", "b3", "a9"]);
 * ```
 */
export function mergeByTime(
  sources: readonly ReadableStream<readonly Tick[]>[],
): ReadableStream<readonly Tick[]> {
  return sourceOf(async function* (): AsyncGenerator<readonly Tick[]> {
    const heads = sources.map((source) => ({
      reader: source.getReader(),
      batch: [] as readonly Tick[],
      at: 0,
      done: false,
    }));
    try {
      while (true) {
        for (const head of heads) {
          while (!head.done && head.at === head.batch.length) {
            const { value, done } = await head.reader.read();
            [head.batch, head.at, head.done] = [value ?? [], 0, done];
          }
        }
        const batch: Tick[] = [];
        const open = heads.filter((head) => !head.done);
        if (open.length === 0) return;
        // Until a source has to be read again, for only then is it known what comes first.
        while (open.every((head) => head.at < head.batch.length)) {
          const first = open.reduce((a, b) => b.batch[b.at].time < a.batch[a.at].time ? b : a);
          batch.push(first.batch[first.at++]);
        }
        yield batch;
      }
    } finally {
      await Promise.allSettled(heads.map(({ reader }) => reader.cancel()));
    }
  });
}
