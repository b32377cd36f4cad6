/** A seeded generator (mulberry32): the only source of chance in a simulation. */
export class Random {
  #state: number;

  /** The same seed and name give the same numbers; different names are independent streams. */
  constructor(seed: number, name = "") {
    let hash = 0x811c9dc5 ^ seed;
    for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
    this.#state = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) >>> 0;
  }

  /** Uniform in [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  /** A whole number in [0, limit). */
  integer(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  /** A whole number in [low, high]. */
  between(low: number, high: number): number {
    return low + this.integer(high - low + 1);
  }

  /** True with a probability. */
  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** Exponentially distributed with a mean. */
  exponential(mean: number): number {
    return -mean * Math.log(1 - this.next());
  }
}
