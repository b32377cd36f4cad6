/**
 * The latest keys, each once, in bounded memory: the oldest is forgotten first.
 *
 * Beside the keys stands a ring of them in the order in which they came. Asking a `Set` for its oldest
 * would pass over the gaps of all that were forgotten before, some ten thousand for each key.
 *
 * @example The third key has the first forgotten
 * ```ts
 * import { RecentKeys } from "@tickcast/tickcast/streams";
 * import { deepEqual } from "node:assert/strict";
 *
 * const keys = new RecentKeys(2);
 * deepEqual(["a", "b", "b", "c", "a"].map((key) => keys.add(key)), [true, true, false, true, true]);
 * deepEqual(keys.snapshot(), ["c", "a"]);
 * ```
 */
export class RecentKeys {
  readonly #max: number;
  /** The place of each key in the ring. */
  readonly #places = new Map<string, number>();
  #ring: string[] = [];
  #next = 0;

  /**
   * Remembers nothing yet.
   *
   * @param max How many keys are remembered.
   */
  constructor(max: number) {
    this.#max = max;
  }

  /**
   * Remembers a key.
   *
   * @param key The key.
   * @returns False when it is known already.
   */
  add(key: string): boolean {
    if (this.#places.has(key)) return false;
    const at = this.#next;
    if (at < this.#ring.length) this.#forget(at);
    this.#ring[at] = key;
    this.#places.set(key, at);
    this.#next = at + 1 === this.#max ? 0 : at + 1;
    return true;
  }

  /** Forgets a key. */
  delete(key: string): void {
    this.#places.delete(key);
  }

  /** What is remembered, the oldest first. */
  snapshot(): string[] {
    const ring = this.#ring;
    const keys: string[] = [];
    const oldest = ring.length < this.#max ? 0 : this.#next;
    for (let k = 0; k < ring.length; k++) {
      const at = (oldest + k) % ring.length;
      if (this.#places.get(ring[at]) === at) keys.push(ring[at]);
    }
    return keys;
  }

  /** Remembers what a snapshot says, and nothing else. */
  restore(keys: readonly string[]): void {
    this.#places.clear();
    this.#ring = [];
    this.#next = 0;
    for (const key of keys) this.add(key);
  }

  /** Forgets what stands at a place, unless it was forgotten before, and perhaps remembered at another. */
  #forget(at: number): void {
    const key = this.#ring[at];
    if (this.#places.get(key) === at) this.#places.delete(key);
  }
}
