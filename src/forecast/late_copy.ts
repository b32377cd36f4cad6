import type { Snapshot } from "./forecaster.ts";

/** Steps copied at once: whoever overwrites step after step has one copied that seldom. */
const STEPS_AT_ONCE = 8;

/** Where a copy goes. */
export type LateTarget = Snapshot["arrays"][string];

/** Copies the numbers of steps `from` to `to`, the latter excluded, into a target from `at` on. */
export type CopySteps = (from: number, to: number, target: LateTarget, at: number) => void;

/**
 * A copy of what is known of a stretch of steps that is made later, the oldest steps first: what was
 * once written of the past seldom changes, so that a snapshot need not copy it at once. Whoever is about
 * to change a step has it copied before. It serves one copy after the other: thousands of new ones would
 * keep the garbage collector busy longer than the copies take.
 *
 * @example A ring that goes on
 * ```ts
 * import { LateCopy } from "@tickcast/tickcast";
 * import { deepEqual } from "node:assert/strict";
 *
 * const ring = Float64Array.of(10, 11, 12);
 * const late = new LateCopy(1, (from, to, target, at) => target.set(ring.subarray(from, to), at));
 * late.begin(0, 3);
 * const copy = new Float64Array(late.length);
 * late.into(copy, 0);
 * late.before(0);
 * ring[0] = 13;
 * late.finish();
 * deepEqual([...copy], [10, 11, 12]);
 * ```
 */
export class LateCopy {
  readonly #width: number;
  readonly #copySteps: CopySteps;
  #first = 0;
  #end = 0;
  /** The oldest step that was not copied yet. */
  #next = 0;
  #target: LateTarget | undefined;
  #at = 0;

  /**
   * One that has nothing to copy yet.
   *
   * @param width Numbers of a step.
   * @param copySteps Copies them.
   */
  constructor(width: number, copySteps: CopySteps) {
    this.#width = width;
    this.#copySteps = copySteps;
  }

  /** A copy of an array that does not change. */
  static of(array: LateTarget): LateCopy {
    const copy = new LateCopy(
      1,
      (from, to, target, at) => target.set(array.subarray(from, to), at),
    );
    return copy.begin(0, array.length);
  }

  /** Numbers of all steps. */
  get length(): number {
    return (this.#end - this.#first) * this.#width;
  }

  /** Whether nothing is left to be copied. */
  get done(): boolean {
    return this.#next === this.#end;
  }

  /**
   * Begins a copy; one that was begun before is made now.
   *
   * @param first The oldest step.
   * @param end One after the latest.
   * @returns Itself.
   */
  begin(first: number, end: number): this {
    this.finish();
    this.#first = this.#next = first;
    this.#end = end;
    return this;
  }

  /** Says where it goes: into an array, from a place on. */
  into(target: LateTarget, at: number): void {
    this.#target = target;
    this.#at = at;
  }

  /** Copies a step that is about to change, and those before it. */
  before(step: number): void {
    if (step < this.#next || this.done) return;
    this.#copyTo(Math.min(this.#end, Math.max(step + 1, this.#next + STEPS_AT_ONCE)));
  }

  /** Copies what is left. */
  finish(): void {
    if (!this.done) this.#copyTo(this.#end);
    this.#target = undefined;
  }

  #copyTo(end: number): void {
    const from = this.#next;
    // Nobody may have wanted it.
    if (this.#target !== undefined) {
      const at = this.#at + (from - this.#first) * this.#width;
      this.#copySteps(from, end, this.#target, at);
    }
    this.#next = end;
  }
}
