import type { KeyValues, Versioned } from "../../src/state/key_values.ts";
import { Lease } from "../../src/state/lease.ts";
import { Random } from "./random.ts";
import { SimProcess } from "./sim_process.ts";
import { VirtualClock } from "./virtual_clock.ts";

const PARTITIONS = 7;
const LEASE_MS = 1_000;
const TURN_MS = 250;
const FAULTS_END_MS = 15_000;
const END_MS = 40_000;

/** A key-value server that is slow, sometimes away, and sometimes forgets to answer. */
export class SimKeyValues {
  readonly #entries = new Map<string, Versioned>();
  #revision = 0;
  away = false;

  constructor(readonly random: Random, readonly faulty: () => boolean) {}

  /** The store as one process sees it. */
  of(process: SimProcess): KeyValues {
    const call = async <T>(work: () => T): Promise<T> => {
      await process.clock.sleep(this.random.exponential(5));
      const fails = this.away || (this.faulty() && this.random.chance(0.05));
      // An answer may be lost after the work was done.
      if (fails && (this.away || this.random.chance(0.5))) throw new Error("timeout");
      const result = work();
      await process.clock.sleep(this.random.exponential(5));
      if (fails) throw new Error("timeout");
      return result;
    };
    const set = (key: string, value: string): number => {
      this.#entries.set(key, { value, revision: ++this.#revision });
      return this.#revision;
    };
    return {
      get: (key) => call(() => this.#entries.get(key)),
      keys: (prefix) =>
        call(() => [...this.#entries.keys()].filter((key) => key.startsWith(prefix))),
      put: (key, value) => call(() => set(key, value)),
      replace: (key, value, revision) =>
        call(() => this.compare(key, revision) ? set(key, value) : undefined),
      remove: (key) => call(() => void this.#entries.delete(key)),
    };
  }

  compare(key: string, revision: number): boolean {
    return (this.#entries.get(key)?.revision ?? 0) === revision;
  }
}

/** A store whose compare-and-set does not compare. */
export class CarelessKeyValues extends SimKeyValues {
  override compare(): boolean {
    return true;
  }
}

interface Life {
  readonly name: string;
  readonly process: SimProcess;
  readonly lease: Lease;
  /** Partitions being handed over. */
  readonly leaving: Set<number>;
}

/** Runs four workers that crash, stall and come back. What was broken; undefined when nothing was. */
export async function shareLeases(seed: number, Store = SimKeyValues): Promise<string | undefined> {
  const clock = new VirtualClock();
  const random = new Random(seed, "lease");
  const active = (): boolean => clock.elapsedMs < FAULTS_END_MS;
  const store = new Store(new Random(seed, "store"), active);
  const lives: Life[] = [];
  /** Gives a partition up when its checkpoint is saved, while turns go on. */
  const handOver = async ({ lease, process, leaving }: Life, partition: number): Promise<void> => {
    if (leaving.has(partition)) return;
    leaving.add(partition);
    await process.clock.sleep(random.exponential(LEASE_MS));
    // What the store refuses, the next turn gives up.
    await lease.release(partition).catch(() => {});
    leaving.delete(partition);
  };
  const live = async (life: Life): Promise<void> => {
    while (life.process.alive) {
      try {
        const { surplus } = await life.lease.turn();
        for (const partition of surplus) handOver(life, partition);
      } catch {
        // The store was away; the next turn tries again.
      }
      const stalls = active() && random.chance(0.02);
      await life.process.clock.sleep(stalls ? random.exponential(3 * LEASE_MS) : TURN_MS);
    }
  };
  const boot = (ordinal: number): void => {
    lives[ordinal]?.process.kill();
    const process = new SimProcess(clock);
    const name = `w${ordinal}`;
    const lease = new Lease({
      keyValues: store.of(process),
      clock: process.clock,
      worker: name,
      partitions: PARTITIONS,
      leaseMs: LEASE_MS,
      ordinal,
    });
    const life = { name, process, lease, leaving: new Set<number>() };
    lives[ordinal] = life;
    live(life);
  };
  for (let ordinal = 0; ordinal < 4; ordinal++) boot(ordinal);
  const crash = (): void => {
    if (!active()) return;
    const ordinal = random.integer(lives.length);
    lives[ordinal].process.kill();
    clock.after(random.exponential(2 * LEASE_MS), () => boot(ordinal));
    clock.after(random.exponential(2_000), crash);
  };
  crash();
  const outage = (): void => {
    if (!active()) return;
    store.away = true;
    clock.after(random.exponential(LEASE_MS), () => {
      store.away = false;
      clock.after(random.exponential(5_000), outage);
    });
  };
  clock.after(random.exponential(5_000), outage);

  let broken: string | undefined;
  while (broken === undefined && clock.elapsedMs < END_MS) {
    await clock.advance();
    const holders = new Map<number, string>();
    for (const { name, process, lease } of lives) {
      for (let partition = 0; process.alive && partition < PARTITIONS; partition++) {
        if (!lease.holds(partition)) continue;
        if (holders.has(partition)) {
          broken = `${name} and ${holders.get(partition)} hold ${partition}`;
        }
        holders.set(partition, name);
      }
    }
  }
  const shares = lives.map(({ lease }) => lease.owned.size).sort();
  for (const { process } of lives) process.kill();
  if (broken === undefined && shares.join() !== "1,2,2,2") broken = `shares ${shares.join()}`;
  return broken;
}
