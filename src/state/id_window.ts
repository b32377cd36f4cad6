import { RecentKeys, type Tick } from "../../streams/mod.ts";

/** The ids of the last ticks, oldest forgotten first: how a repeated delivery is recognised. */
export class IdWindow {
  readonly #keys: RecentKeys;

  /** An empty window of `capacity` ids. */
  constructor(capacity: number) {
    this.#keys = new RecentKeys(capacity);
  }

  /** Takes a tick in. False when its id is known already; a tick without an id is always new. */
  add(tick: Tick): boolean {
    return tick.id === undefined || this.#keys.add(keyOf(tick));
  }

  /** Forgets ticks that were not accepted after all. */
  remove(ticks: readonly Tick[]): void {
    for (const tick of ticks) if (tick.id !== undefined) this.#keys.delete(keyOf(tick));
  }
}

function keyOf(tick: Tick): string {
  return `${tick.series}\u0000${tick.id}`;
}
