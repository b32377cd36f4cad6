/**
 * A seeded generator of chance: xoshiro128** (Blackman and Vigna 2021), seeded through splitmix32. The
 * same seed gives the same numbers, and a snapshot goes on where it was taken.
 *
 * @example Chance that repeats
 * ```ts
 * import { Random } from "@tickcast/tickcast";
 *
 * const random = new Random(7);
 * random.uniform();
 * const snapshot = random.snapshot();
 * const next = random.uniform();
 * random.restore(snapshot);
 * if (random.uniform() !== next) throw new Error("a snapshot goes on exactly");
 * ```
 */
export class Random {
  readonly #state = new Uint32Array(4);

  /**
   * Starts a sequence.
   * @param seed A whole number; its lower 32 bits count.
   */
  constructor(seed: number) {
    let word = seed | 0;
    for (let k = 0; k < 4; k++) {
      word = (word + 0x9e3779b9) | 0;
      let mixed = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
      mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
      this.#state[k] = mixed ^ (mixed >>> 16);
    }
  }

  /** 32 random bits. */
  bits(): number {
    const s = this.#state;
    const product = Math.imul(s[1], 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    const shifted = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = (s[3] << 11) | (s[3] >>> 21);
    return result;
  }

  /** A number in [0, 1), of 53 random bits. */
  uniform(): number {
    return ((this.bits() >>> 5) * 0x4000000 + (this.bits() >>> 6)) / 0x20000000000000;
  }

  /**
   * A whole number, each as likely as the other.
   *
   * @param below How many there are to choose from.
   * @returns One of 0 to `below − 1`.
   */
  integer(below: number): number {
    return Math.floor(this.uniform() * below);
  }

  /** A number from the standard normal distribution (Box and Muller 1958). */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /**
   * Brings items into random order, in place (Fisher and Yates).
   * @param items What is shuffled.
   * @param count How many of them, from the first on.
   */
  shuffle(items: Uint32Array, count: number = items.length): void {
    for (let k = count - 1; k > 0; k--) {
      const other = this.integer(k + 1);
      const item = items[k];
      items[k] = items[other];
      items[other] = item;
    }
  }

  /** The state, from which `restore` goes on. */
  snapshot(): Uint32Array {
    return this.#state.slice();
  }

  /**
   * Goes on from a snapshot.
   * @param snapshot What `snapshot` returned.
   * @throws {RangeError} when it is not four words long.
   */
  restore(snapshot: Uint32Array): void {
    if (snapshot.length !== 4) {
      throw new RangeError(`A generator's state is 4 words, not ${snapshot.length}`);
    }
    this.#state.set(snapshot);
  }
}
