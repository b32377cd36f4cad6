import { limits } from "../limits.ts";
import type { Tick } from "../tick.ts";

/** What a stage holds, as plain data that survives JSON (where numbers that are not finite become null). */
export type StageSnapshot = Readonly<Record<string, unknown>>;

/** A station of a chain that takes ticks and gives ticks. */
export interface TickStage {
  /**
   * Takes a batch.
   *
   * @param ticks The ticks, in the order of arrival.
   * @returns What is ready now.
   */
  push(ticks: readonly Tick[]): Tick[];
  /**
   * Ends.
   *
   * @returns What was held back.
   */
  flush(): Tick[];
  /** Everything needed to go on; later calls do not change it. */
  snapshot(): StageSnapshot;
  /** Goes on from a snapshot of a stage with the same options. @throws {SyntaxError} when it is damaged. */
  restore(snapshot: StageSnapshot): void;
}

/**
 * A list out of a snapshot.
 *
 * @param snapshot Where it stands.
 * @param name Under which name.
 * @returns Its entries, a copy.
 * @throws {SyntaxError} when there is none.
 */
export function snapshotEntries<T>(snapshot: StageSnapshot, name: string): T[] {
  const entries = snapshot[name];
  if (!Array.isArray(entries)) throw new SyntaxError(`Cannot restore stage: "${name}" is missing`);
  return structuredClone(entries) as T[];
}

/**
 * Makes a stage a station of a Web Stream. Empty batches are left out.
 *
 * @param stage The stage; it belongs to the stream from now on.
 * @returns The station.
 *
 * @example
 * ```ts
 * import { Resampler, stageStream, type Tick } from "@tickcast/tickcast/streams";
 * import { deepEqual } from "node:assert/strict";
 *
 * const ticks: Tick[] = [1200, 1900, 4500].map((time) => ({ series: "a", time, values: { value: time } }));
 * const steps = ReadableStream.from([ticks]).pipeThrough(stageStream(new Resampler({ everyMs: 1000 })));
 * deepEqual((await Array.fromAsync(steps)).flat().map((tick) => [tick.time, tick.values.value]), [
 *   [2000, 1900],
 *   [3000, undefined],
 *   [4000, undefined],
 *   [5000, 4500],
 * ]);
 * ```
 */
export function stageStream(stage: TickStage): TransformStream<readonly Tick[], readonly Tick[]> {
  return new TransformStream<readonly Tick[], readonly Tick[]>(
    {
      transform(ticks, controller): void {
        const ready = stage.push(ticks);
        if (ready.length > 0) controller.enqueue(ready);
      },
      flush(controller): void {
        const ready = stage.flush();
        if (ready.length > 0) controller.enqueue(ready);
      },
    },
    { highWaterMark: limits.chunkQueue },
    { highWaterMark: limits.chunkQueue },
  );
}
