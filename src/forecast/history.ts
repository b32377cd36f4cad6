import type { PastValues } from "./guest.ts";
import { type CopySteps, LateCopy } from "./late_copy.ts";
import type { RegimeMap } from "./regime_map.ts";
import type { Stateful, StateReader, StateWriter } from "./state_buffer.ts";

const CAPACITY_FIRST = 256;

/**
 * Refuses a limit that no history can have.
 *
 * @throws {RangeError} when it is not a power of two of at least 256.
 */
export function checkHistoryLimit(limit: number): void {
  if (limit >= CAPACITY_FIRST && Number.isInteger(Math.log2(limit))) return;
  throw new RangeError(
    `History limit must be a power of two of at least ${CAPACITY_FIRST}, not ${limit}`,
  );
}

/**
 * The values of one series by step, the latest `limit` of them. A missing value is held as the
 * estimate that stood in for it, so that lags are always finite; `observed` tells the difference.
 */
export class History implements PastValues, Stateful {
  /** Values kept at most. */
  readonly limit: number;
  #values = new Float64Array(CAPACITY_FIRST);
  #missing = new Uint8Array(CAPACITY_FIRST);
  #mask = CAPACITY_FIRST - 1;
  #length = 0;
  #regimeStart = 0;
  /** Missing values among those kept. */
  #gaps = 0;
  /** Copies its values for snapshots. */
  #late: LateCopy | undefined;

  /** @param limit Values kept at most, a power of two. */
  constructor(limit: number) {
    checkHistoryLimit(limit);
    this.limit = limit;
  }

  /** Steps seen so far; the last one is `length − 1`. */
  get length(): number {
    return this.#length;
  }

  /** The oldest step still kept. */
  get first(): number {
    return Math.max(0, this.#length - this.#mask - 1);
  }

  /** The step at which the present regime started, as far as is known; 0 at first. */
  get regimeStart(): number {
    return this.#regimeStart;
  }

  /** Notes that a new regime started at a step. */
  breakAt(step: number): void {
    this.#regimeStart = step;
  }

  /**
   * Retells what was before a step as the present regime would have had it, so that all that looks back
   * finds a past that still holds.
   *
   * @param start The first step of the present regime.
   * @param map How the past becomes the present.
   * @param season Where a shift reaches beyond what there is, the slot this many steps off stands in.
   */
  retell(start: number, { offset, factor, shift }: RegimeMap, season: number): void {
    const { first } = this;
    this.#late?.finish();
    const values = new Float64Array(start - first);
    const missing = new Uint8Array(start - first);
    for (let step = first; step < start; step++) {
      let from = step + shift;
      while (from >= start) from -= season;
      while (from < first) from += season;
      values[step - first] = offset + factor * this.at(from);
      missing[step - first] = this.#missing[from & this.#mask];
    }
    for (let step = first; step < start; step++) {
      const at = step & this.#mask;
      this.#gaps += missing[step - first] - this.#missing[at];
      this.#values[at] = values[step - first];
      this.#missing[at] = missing[step - first];
    }
  }

  /** Appends a value, or for `NaN` the estimate that stands in for it. */
  push(value: number, estimate: number): void {
    if (this.#length > this.#mask) this.#makeRoom();
    const missing = Number.isNaN(value);
    const at = this.#length & this.#mask;
    this.#values[at] = missing ? estimate : value;
    if (missing) {
      this.#missing[at] = 1;
      this.#gaps++;
    }
    this.#length++;
  }

  /** The value or its stand-in. The step must be kept; see {@linkcode has}. */
  at(step: number): number {
    return this.#values[step & this.#mask];
  }

  /** The value, `NaN` where it was missing. */
  observed(step: number): number {
    const at = step & this.#mask;
    return this.#missing[at] === 1 ? NaN : this.#values[at];
  }

  /** Whether a step is kept. */
  has(step: number): boolean {
    return step >= this.first && step < this.#length;
  }

  /** Appends the state. */
  save(writer: StateWriter): void {
    const { first } = this;
    const gaps = this.#gapSteps();
    writer.put(this.#length, first, this.#regimeStart, gaps.length);
    writer.putAll(gaps);
    this.#late ??= new LateCopy(1, this.#copySteps);
    writer.putLate(this.#late.begin(first, this.#length));
  }

  /** Takes the state back. */
  load(reader: StateReader): void {
    const length = reader.take();
    const first = reader.take();
    this.#regimeStart = reader.take();
    const missing = Array.from({ length: reader.take() }, () => reader.take());
    while (this.#mask + 1 < length - first) this.#grow();
    this.#length = length;
    for (let step = first; step < length; step++) this.#values[step & this.#mask] = reader.take();
    for (const step of missing) this.#missing[step & this.#mask] = 1;
    this.#gaps = this.#missing.reduce((sum, flag) => sum + flag, 0);
  }

  /** The steps whose values were missing. */
  #gapSteps(): number[] {
    const steps: number[] = [];
    // Most series have none, and are not searched.
    for (let step = this.first; steps.length < this.#gaps && step < this.#length; step++) {
      if (this.#missing[step & this.#mask] === 1) steps.push(step);
    }
    return steps;
  }

  /** Copies values, in the order of time: the ring's end, then its beginning. */
  readonly #copySteps: CopySteps = (from, to, target, at) => {
    const start = from & this.#mask;
    const end = Math.min(this.#values.length, start + to - from);
    target.set(this.#values.subarray(start, end), at);
    target.set(this.#values.subarray(0, to - from - (end - start)), at + end - start);
  };

  /** Where all places are taken, grows, or frees that of the oldest value. */
  #makeRoom(): void {
    if (this.#mask + 1 < this.limit) return this.#grow();
    const { first } = this;
    this.#late?.before(first);
    const at = first & this.#mask;
    this.#gaps -= this.#missing[at];
    this.#missing[at] = 0;
  }

  #grow(): void {
    const mask = 2 * this.#mask + 1;
    const values = new Float64Array(mask + 1);
    const missing = new Uint8Array(mask + 1);
    for (let step = this.first; step < this.#length; step++) {
      values[step & mask] = this.#values[step & this.#mask];
      missing[step & mask] = this.#missing[step & this.#mask];
    }
    this.#values = values;
    this.#missing = missing;
    this.#mask = mask;
  }
}
