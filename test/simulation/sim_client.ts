import type { Tick } from "../../streams/mod.ts";
import type { Random } from "./random.ts";
import type { SimNetwork } from "./sim_network.ts";
import type { Message } from "./sim_server.ts";
import type { VirtualClock } from "./virtual_clock.ts";

/** Ticks a client keeps until they are durable; it sends no new ones beyond. */
const UNACKNOWLEDGED_MAX = 20;
const BATCH_TICKS_MAX = 6;
/** Until a client sends again what was not acknowledged. */
const RETRY_MS = 400;
/** Mean time between two batches. */
const BATCH_EVERY_MS = 40;

/** A sender that keeps every tick until it knows it to be durable, and sends it again until then. */
export class SimClient {
  /** Sent, or about to be, and not known to be durable. */
  readonly #open = new Map<string, { tick: Tick; sentMs: number }>();
  readonly #unsent: Tick[];

  constructor(
    readonly name: string,
    ticks: readonly Tick[],
    readonly clock: VirtualClock,
    readonly network: SimNetwork<Message>,
    readonly random: Random,
    readonly acknowledged: Set<string>,
  ) {
    this.#unsent = [...ticks];
    network.listen(name, (message) => {
      if (message.kind !== "durable") return;
      for (const id of message.ids) {
        this.#open.delete(id);
        acknowledged.add(id);
      }
    });
    this.#later();
  }

  /** True when every tick is known to be durable. */
  get done(): boolean {
    return this.#unsent.length === 0 && this.#open.size === 0;
  }

  #later(): void {
    this.clock.after(this.random.exponential(BATCH_EVERY_MS), () => this.#turn());
  }

  #turn(): void {
    const { elapsedMs } = this.clock;
    const room = Math.min(
      this.random.between(1, BATCH_TICKS_MAX),
      UNACKNOWLEDGED_MAX - this.#open.size,
    );
    for (const tick of this.#unsent.splice(0, room)) {
      this.#open.set(tick.id as string, { tick, sentMs: -Infinity });
    }
    const due: Tick[] = [];
    for (const entry of this.#open.values()) {
      if (elapsedMs - entry.sentMs < RETRY_MS || due.length === BATCH_TICKS_MAX) continue;
      entry.sentMs = elapsedMs;
      due.push(entry.tick);
    }
    if (due.length > 0) this.network.send("server", { kind: "ticks", from: this.name, ticks: due });
    if (!this.done) this.#later();
  }
}
