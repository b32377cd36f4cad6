/** Angles remembered: a day of minutes, twice, with room between. 64 KiB, shared by all series. */
const ANGLES = 4096;
/** They are spread over two turns, what the second harmonic of a season passes in one. */
const ANGLES_PER_RADIAN = ANGLES / (4 * Math.PI);

/**
 * Sines and cosines of angles that come again and again, as the phases of a season do: one that was met
 * before, by this series or another, is looked up.
 */
export class WaveMemo {
  readonly #angles = new Float64Array(ANGLES).fill(NaN);
  readonly #waves = new Float32Array(2 * ANGLES);

  /**
   * Writes sine and cosine of an angle.
   *
   * @param angle The angle.
   * @param x Where to.
   * @param at From where on.
   * @returns Where the next number goes.
   */
  put(angle: number, x: Float32Array, at: number): number {
    const place = (angle * ANGLES_PER_RADIAN) & (ANGLES - 1);
    const waves = this.#waves;
    if (this.#angles[place] !== angle) {
      this.#angles[place] = angle;
      waves[2 * place] = Math.sin(angle);
      waves[2 * place + 1] = Math.cos(angle);
    }
    x[at] = waves[2 * place];
    x[at + 1] = waves[2 * place + 1];
    return at + 2;
  }
}
