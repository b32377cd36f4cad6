import type { SeriesLayout } from "./series_layout.ts";

/** Bins away from 0, and their width in the stretched coordinate `asinh(2 u)`. */
const COUNT = 44;
const WIDTH = 0.1;
/** Growing weights are brought back to 1 beyond this, long before they lose precision. */
const RESCALE_AT = 1e6;

const EDGES = Float64Array.from({ length: COUNT + 1 }, (_, k) => Math.sinh(k * WIDTH) / 2);
const PRIOR = priorMass();

/**
 * The shape of the errors at one horizon, in units of their expected size: a histogram of their absolute
 * values with forgetting, whose bins widen with distance (`asinh`), so that heavy tails cost no detail in
 * the middle. Quantiles are read off its cumulated mass, as if errors were symmetric: what bias and skew
 * there are change too slowly to be told from the drift of overlapping errors, and are left to the
 * conformal correction.
 */
export class ErrorShape {
  readonly #growth: number;
  /** Where the weight of the next error, the sum of all masses, and the mass of each bin lie. */
  readonly #weight: number;
  readonly #total: number;
  readonly #mass: number;

  /**
   * @param layout Where its numbers lie.
   * @param remembered Weight of the past after one more error, in (0, 1).
   * @param priorCount Errors that the starting shape, a Student t with 5 degrees of freedom, counts for.
   */
  constructor(layout: SeriesLayout, remembered: number, priorCount: number) {
    this.#growth = 1 / remembered;
    this.#weight = layout.reserve(1, 1);
    this.#total = layout.reserve(1, priorCount);
    this.#mass = layout.reserve(COUNT, PRIOR.map((share) => priorCount * share));
  }

  /** Takes one error in, spread over its neighbour bins: a little smoothing. */
  observe(memory: Float64Array, u: number): void {
    const mass = this.#mass;
    // New errors weigh more instead of old ones less.
    const weight = memory[this.#weight] * this.#growth;
    const size = Math.abs(u);
    let k = 0;
    while (k < COUNT - 1 && EDGES[k + 1] <= size) k++;
    const part = weight / 4;
    // What would fall beyond an end stays in the end bin.
    memory[mass + Math.max(0, k - 1)] += part;
    memory[mass + k] += 2 * part;
    memory[mass + Math.min(COUNT - 1, k + 1)] += part;
    memory[this.#total] += weight;
    memory[this.#weight] = weight;
    if (weight > RESCALE_AT) {
      for (let j = 0; j < COUNT; j++) memory[mass + j] /= weight;
      memory[this.#total] /= weight;
      memory[this.#weight] = 1;
    }
  }

  /**
   * Writes quantiles.
   * @param memory The series.
   * @param levels In (0, 1).
   * @param out One quantile a level, written from `offset` on.
   * @param offset Where to start.
   */
  quantiles(
    memory: Float64Array,
    levels: readonly number[],
    out: Float64Array,
    offset: number,
  ): void {
    // Outward from the median, upwards and then downwards, each in one sweep of the bins.
    const middle = levels.findIndex((level) => level >= 0.5);
    const upper = middle < 0 ? levels.length : middle;
    this.#sweep(memory, levels, upper, levels.length, 1, out, offset);
    this.#sweep(memory, levels, upper - 1, -1, -1, out, offset);
  }

  /** The probability of an error of at most `u`. */
  probability(memory: Float64Array, u: number): number {
    const mass = this.#mass;
    const size = Math.abs(u);
    let below = 0;
    let k = 0;
    while (k < COUNT - 1 && EDGES[k + 1] < size) below += memory[mass + k++];
    const part = Math.min(1, (size - EDGES[k]) / (EDGES[k + 1] - EDGES[k]));
    const within = Math.min(1, (below + part * memory[mass + k]) / memory[this.#total]);
    return u < 0 ? (1 - within) / 2 : (1 + within) / 2;
  }

  /** Quantiles on one side of the median, from level index `from` until `to`. */
  #sweep(
    memory: Float64Array,
    levels: readonly number[],
    from: number,
    to: number,
    sign: number,
    out: Float64Array,
    offset: number,
  ): void {
    const mass = this.#mass;
    const total = memory[this.#total];
    let below = 0;
    let k = 0;
    for (let j = from; j !== to; j += sign) {
      const wanted = Math.abs(2 * levels[j] - 1) * total;
      while (k < COUNT - 1 && below + memory[mass + k] < wanted) below += memory[mass + k++];
      const part = Math.min(1, Math.max(0, (wanted - below) / memory[mass + k]));
      out[offset + j] = sign * (EDGES[k] + part * (EDGES[k + 1] - EDGES[k]));
    }
  }
}

/** Mass of each bin under the absolute values, of mean 1, of a Student t of 5 degrees of freedom. */
function priorMass(): Float64Array {
  const mass = new Float64Array(COUNT);
  // Mean absolute value of the standard t5: 2 √5 Γ(3) / (√π Γ(5/2) · 4) = 0.949.
  const scale = 1 / 0.949;
  let total = 0;
  for (let k = 0; k < COUNT; k++) {
    const u = (EDGES[k] + EDGES[k + 1]) / 2 / scale;
    mass[k] = (EDGES[k + 1] - EDGES[k]) * (1 + u * u / 5) ** -3;
    total += mass[k];
  }
  for (let k = 0; k < COUNT; k++) mass[k] /= total;
  return mass;
}
