/** Longer seasons, which can only be asked for, never be found, have their waves computed each time. */
const TABLE_PERIOD_MAX = 16_384;

/** Sines and cosines of the phase within a season: `sin kφ` and `cos kφ` with `φ = 2π (t mod S) / S`. */
export class Waves {
  readonly #period: number;
  readonly #harmonics: number;
  /** The waves of every phase `[period, 2 · harmonics]`, where they are few enough. */
  readonly #table: Float64Array | undefined;

  /**
   * @param period The season S in steps.
   * @param harmonics Pairs of sine and cosine, k from 1 on.
   */
  constructor(period: number, harmonics: number) {
    this.#period = period;
    this.#harmonics = harmonics;
    if (period > TABLE_PERIOD_MAX) return;
    const table = new Float64Array(period * 2 * harmonics);
    for (let phase = 0; phase < period; phase++) {
      this.#compute(phase, table, phase * 2 * harmonics);
    }
    this.#table = table;
  }

  /**
   * Writes the waves of a step `[2 · harmonics]`.
   * @param step The step t.
   * @param x Where to.
   * @param at From where on.
   * @returns Where the next feature goes.
   */
  fill(step: number, x: Float64Array, at: number): number {
    const phase = step % this.#period;
    const count = 2 * this.#harmonics;
    const table = this.#table;
    if (table === undefined) this.#compute(phase, x, at);
    else for (let k = 0; k < count; k++) x[at + k] = table[phase * count + k];
    return at + count;
  }

  #compute(phase: number, x: Float64Array, at: number): void {
    const angle = 2 * Math.PI * phase / this.#period;
    for (let k = 1; k <= this.#harmonics; k++) {
      x[at++] = Math.sin(k * angle);
      x[at++] = Math.cos(k * angle);
    }
  }
}
