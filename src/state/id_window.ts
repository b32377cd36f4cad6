import type { Tick } from "../../streams/mod.ts";

/** The ids of the last ticks, oldest forgotten first: how a repeated delivery is recognised. */
export class IdWindow {
  readonly #capacity: number;
  readonly #keys = new Set<string>();

  /** An empty window of `capacity` ids. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Takes a tick in. False when its id is known already; a tick without an id is always new. */
  add(tick: Tick): boolean {
    if (tick.id === undefined) return true;
    const key = keyOf(tick);
    if (this.#keys.has(key)) return false;
    this.#keys.add(key);
    if (this.#keys.size > this.#capacity) {
      this.#keys.delete(this.#keys.values().next().value as string);
    }
    return true;
  }

  /** Forgets ticks that were not accepted after all. */
  remove(ticks: readonly Tick[]): void {
    for (const tick of ticks) if (tick.id !== undefined) this.#keys.delete(keyOf(tick));
  }
}

function keyOf(tick: Tick): string {
  return `${tick.series}\u0000${tick.id}`;
}
