import type { Clock } from "../../streams/mod.ts";
import type { VirtualClock } from "./virtual_clock.ts";

/**
 * One life of a process. Once killed, nothing it still waits for ever comes, so none of its code runs
 * again: what `kill -9` does.
 */
export class SimProcess {
  #alive = true;
  /** The clock the process sees. */
  readonly clock: Clock;

  constructor(readonly world: VirtualClock) {
    this.clock = {
      now: () => world.now(),
      sleep: async (durationMs, signal) => {
        await world.sleep(durationMs, signal);
        await this.gate();
      },
    };
  }

  get alive(): boolean {
    return this.#alive;
  }

  kill(): void {
    this.#alive = false;
  }

  /** Goes on only while the process lives. */
  gate(): Promise<void> {
    return this.#alive ? Promise.resolve() : new Promise(() => {});
  }
}
