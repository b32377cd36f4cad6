import type { Stateful, StateReader, StateWriter } from "./state_buffer.ts";

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
export class ErrorShape implements Stateful {
  readonly #mass = new Float64Array(COUNT);
  readonly #growth: number;
  #weight = 1;
  #total: number;

  /**
   * @param memory Weight of the past after one more error, in (0, 1).
   * @param priorCount Errors that the starting shape, a Student t with 5 degrees of freedom, counts for.
   */
  constructor(memory: number, priorCount: number) {
    this.#growth = 1 / memory;
    this.#total = priorCount;
    for (let k = 0; k < COUNT; k++) this.#mass[k] = priorCount * PRIOR[k];
  }

  /** Takes one error in, spread over its neighbour bins: a little smoothing. */
  observe(u: number): void {
    // New errors weigh more instead of old ones less.
    this.#weight *= this.#growth;
    const k = Math.min(COUNT - 1, Math.floor(Math.asinh(2 * Math.abs(u)) / WIDTH));
    const part = this.#weight / 4;
    // What would fall beyond an end stays in the end bin.
    this.#mass[Math.max(0, k - 1)] += part;
    this.#mass[k] += 2 * part;
    this.#mass[Math.min(COUNT - 1, k + 1)] += part;
    this.#total += this.#weight;
    if (this.#weight > RESCALE_AT) {
      for (let j = 0; j < COUNT; j++) this.#mass[j] /= this.#weight;
      this.#total /= this.#weight;
      this.#weight = 1;
    }
  }

  /**
   * Writes quantiles.
   * @param levels In (0, 1).
   * @param out One quantile a level, written from `offset` on.
   * @param offset Where to start.
   */
  quantiles(levels: readonly number[], out: Float64Array, offset: number): void {
    // Outward from the median, upwards and then downwards, each in one sweep of the bins.
    const middle = levels.findIndex((level) => level >= 0.5);
    const upper = middle < 0 ? levels.length : middle;
    this.#sweep(levels, upper, levels.length, 1, out, offset);
    this.#sweep(levels, upper - 1, -1, -1, out, offset);
  }

  /** The probability of an error of at most `u`. */
  probability(u: number): number {
    const size = Math.abs(u);
    let below = 0;
    let k = 0;
    while (k < COUNT - 1 && EDGES[k + 1] < size) below += this.#mass[k++];
    const part = Math.min(1, (size - EDGES[k]) / (EDGES[k + 1] - EDGES[k]));
    const within = Math.min(1, (below + part * this.#mass[k]) / this.#total);
    return u < 0 ? (1 - within) / 2 : (1 + within) / 2;
  }

  /** Appends the state. */
  save(writer: StateWriter): void {
    writer.put(this.#weight, this.#total);
    writer.putAll(this.#mass);
  }

  /** Takes the state back. */
  load(reader: StateReader): void {
    this.#weight = reader.take();
    this.#total = reader.take();
    reader.takeAll(this.#mass);
  }

  /** Quantiles on one side of the median, from level index `from` until `to`. */
  #sweep(
    levels: readonly number[],
    from: number,
    to: number,
    sign: number,
    out: Float64Array,
    offset: number,
  ): void {
    let below = 0;
    let k = 0;
    for (let j = from; j !== to; j += sign) {
      const wanted = Math.abs(2 * levels[j] - 1) * this.#total;
      while (k < COUNT - 1 && below + this.#mass[k] < wanted) below += this.#mass[k++];
      const part = Math.min(1, Math.max(0, (wanted - below) / this.#mass[k]));
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
