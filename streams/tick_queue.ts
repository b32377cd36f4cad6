import { limits } from "./limits.ts";
import type { Tick } from "./tick.ts";

/**
 * What happens when ticks come faster than they are read: the sender is held back, the oldest are
 * dropped, or only the latest of each series is kept.
 */
export type QueuePolicy = "block" | "drop-oldest" | "latest-per-series";

/** How a {@linkcode TickQueue} behaves. */
export interface TickQueueOptions {
  /** What happens when it is full. Default: `block`. */
  readonly policy?: QueuePolicy;
  /** Ticks (with `latest-per-series`: series) held at most. */
  readonly ticksMax?: number;
  /** Ticks of one batch at most. */
  readonly batchTicks?: number;
}

/**
 * The bounded place between a feed that cannot wait and a reader that may be slow, for ticks or anything
 * else that belongs to a series.
 *
 * Under `block` the queue takes what it is given and says that it is full: whoever fills it must stop.
 *
 * @example
 * ```ts
 * import { TickQueue } from "@tickcast/tickcast/streams";
 *
 * const queue = new TickQueue({ policy: "latest-per-series" });
 * for (const value of [1, 2]) queue.push([{ series: "a", time: value, values: { value } }]);
 * const batch = await queue.take();
 * if (batch?.length !== 1 || batch[0].values.value !== 2) throw new Error();
 * ```
 */
export class TickQueue<T extends { readonly series: string } = Tick> {
  readonly #policy: QueuePolicy;
  readonly #ticksMax: number;
  readonly #batchTicks: number;
  /** In order of arrival; keyed by series where only the latest counts, else by a running number. */
  readonly #ticks = new Map<string | number, T>();
  #next = 0;
  #dropped = 0;
  #closed = false;
  #wake = (): void => {};

  /**
   * An empty queue.
   *
   * @param options Its policy and size.
   */
  constructor(options: TickQueueOptions = {}) {
    this.#policy = options.policy ?? "block";
    this.#ticksMax = options.ticksMax ?? limits.queueTicks;
    this.#batchTicks = options.batchTicks ?? limits.batchTicks;
  }

  /** How many wait. */
  get size(): number {
    return this.#ticks.size;
  }

  /** How many were dropped so far. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Whether a sender that can wait should. */
  get full(): boolean {
    return this.#ticks.size >= this.#ticksMax;
  }

  /** Whether a waiting sender should go on: late enough that it does not stop and go for each tick. */
  get drained(): boolean {
    return this.#ticks.size <= this.#ticksMax / 2;
  }

  /**
   * Adds ticks.
   *
   * @param ticks The ticks, in order.
   * @param canWait Whether the sender can be held back; if not, `block` drops the oldest.
   * @returns How many ticks were dropped for them.
   */
  push(ticks: readonly T[], canWait = true): number {
    const latest = this.#policy === "latest-per-series";
    const bounded = this.#policy !== "block" || !canWait;
    const before = this.#dropped;
    for (const tick of ticks) {
      const key = latest ? tick.series : this.#next++;
      if (latest && this.#ticks.delete(key)) this.#dropped++;
      this.#ticks.set(key, tick);
      if (bounded && this.#ticks.size > this.#ticksMax) {
        const [oldest] = this.#ticks.keys();
        this.#ticks.delete(oldest);
        this.#dropped++;
      }
    }
    this.#wake();
    return this.#dropped - before;
  }

  /**
   * Takes the next batch, waiting for one where nothing is there.
   *
   * @returns At least one tick, or undefined when the queue is closed and empty.
   */
  async take(): Promise<readonly T[] | undefined> {
    while (this.#ticks.size === 0) {
      if (this.#closed) return undefined;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    const batch: T[] = [];
    for (const [key, tick] of this.#ticks) {
      batch.push(tick);
      this.#ticks.delete(key);
      if (batch.length === this.#batchTicks) break;
    }
    return batch;
  }

  /** Takes no more; what waits can still be taken. */
  close(): void {
    this.#closed = true;
    this.#wake();
  }
}
