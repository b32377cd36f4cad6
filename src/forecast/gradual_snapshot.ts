import type { GradualSnapshot, KeepArray, Snapshot } from "./forecaster.ts";
import { PackedArrays } from "./packed_arrays.ts";

/** What can be saved at once, and perhaps bit by bit. */
interface Saved {
  snapshot(): Snapshot;
  beginSnapshot?(keep: KeepArray): GradualSnapshot;
}

/** Begins a snapshot of anything: where it cannot be taken bit by bit, all of it is taken at once. */
export function beginSnapshot(saved: Saved, keep: KeepArray): GradualSnapshot {
  if (saved.beginSnapshot !== undefined) return saved.beginSnapshot(keep);
  const { manifest, arrays } = saved.snapshot();
  for (const [name, array] of Object.entries(arrays)) keep(name, array);
  return { take: (): void => {}, finish: () => manifest };
}

/** Takes a gradual snapshot at once. */
export function wholeSnapshot(
  begin: (keep: KeepArray) => GradualSnapshot,
  series: Iterable<string>,
): Snapshot {
  const packed = new PackedArrays();
  const snapshot = begin(packed.keep);
  for (const name of series) snapshot.take(name);
  packed.settle();
  return { manifest: snapshot.finish(), arrays: packed.arrays };
}
