/** What can be counted: proof that a run met what it was made to meet. */
export const HAPPENINGS = [
  "dropped",
  "duplicated",
  "overtaken",
  "disconnected",
  "crashed",
  "stopped",
  "torn write",
  "garbled write",
  "rotten checkpoint",
  "disk full",
  "device lost",
  "sink failed",
  "sink slow",
  "clock jumped",
  "checkpoint asked for",
  "request turned away",
  "forecast came again",
  "late tick",
] as const;

/** One thing that happened. */
export type Happening = typeof HAPPENINGS[number];

/** Counts what happened. */
export class Tally {
  readonly #counts = new Map<Happening, number>();

  add(happening: Happening, count = 1): void {
    this.#counts.set(happening, this.count(happening) + count);
  }

  count(happening: Happening): number {
    return this.#counts.get(happening) ?? 0;
  }

  /** Adds another's counts. */
  addAll(other: Tally): void {
    for (const happening of HAPPENINGS) this.add(happening, other.count(happening));
  }

  /** In one line. */
  toString(): string {
    return HAPPENINGS.map((happening) => `${happening} ${this.count(happening)}`).join(", ");
  }
}
