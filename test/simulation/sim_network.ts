import type { Random } from "./random.ts";
import type { Tally } from "./tally.ts";
import type { VirtualClock } from "./virtual_clock.ts";

/** How badly messages fare. */
export interface NetworkFaults {
  /** Probability that a message is lost. */
  readonly drop: number;
  /** Probability that it comes twice. */
  readonly duplicate: number;
  /** Mean delay in ms; delays differ, so messages overtake each other. */
  readonly delayMs: number;
  /** Probability of a delay a hundred times as long. */
  readonly straggle: number;
}

/** Carries messages between addresses: late, out of order, twice, or not at all. */
export class SimNetwork<Message> {
  /** While false nothing is carried, and what is under way is lost. */
  #up = true;
  #epoch = 0;
  #sent = 0;
  /** The newest message that has reached each address. */
  readonly #newest = new Map<string, number>();
  readonly #receivers = new Map<string, (message: Message) => void>();

  constructor(
    readonly clock: VirtualClock,
    readonly random: Random,
    readonly faults: NetworkFaults,
    readonly tally: Tally,
  ) {}

  /** Who takes the messages of an address; undefined for nobody. */
  listen(address: string, receive: ((message: Message) => void) | undefined): void {
    if (receive === undefined) this.#receivers.delete(address);
    else this.#receivers.set(address, receive);
  }

  send(address: string, message: Message): void {
    if (!this.#up) return;
    const { drop, duplicate, delayMs, straggle } = this.faults;
    if (this.random.chance(drop)) return this.tally.add("dropped");
    const copies = this.random.chance(duplicate) ? 2 : 1;
    const number = this.#sent++;
    if (copies > 1) this.tally.add("duplicated");
    for (let copy = 0; copy < copies; copy++) {
      const epoch = this.#epoch;
      const mean = this.random.chance(straggle) ? delayMs * 100 : delayMs;
      this.clock.after(this.random.exponential(mean), () => {
        const receive = this.#receivers.get(address);
        if (epoch !== this.#epoch || receive === undefined) return;
        const newest = this.#newest.get(address) ?? -1;
        if (number < newest) this.tally.add("overtaken");
        this.#newest.set(address, Math.max(number, newest));
        receive(message);
      });
    }
  }

  /** Cuts every connection; messages under way are lost. */
  disconnect(): void {
    this.#up = false;
    this.#epoch++;
    this.tally.add("disconnected");
  }

  reconnect(): void {
    this.#up = true;
  }
}
