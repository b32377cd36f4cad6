import type { Stateful, StateReader, StateWriter } from "./state_buffer.ts";

/** Bins on each side of 0, and their width in the stretched coordinate `asinh(2 u)`. */
const SIDE = 40;
const WIDTH = 0.11;
const COUNT = 2 * SIDE;
/** Errors that the starting shape, a Student t with 5 degrees of freedom, counts for. */
const PRIOR_COUNT = 30;
/** Growing weights are brought back to 1 beyond this, long before they lose precision. */
const RESCALE_AT = 1e6;

const EDGES = Float64Array.from(
  { length: COUNT + 1 },
  (_, k) => Math.sinh((k - SIDE) * WIDTH) / 2,
);
const PRIOR = priorMass();

/**
 * The shape of the errors at one horizon, in units of their expected size: a histogram with forgetting
 * whose bins widen with distance (`asinh`), so that heavy tails cost no detail in the middle. Quantiles
 * are read off its cumulated mass; between edges it is linear.
 */
export class ErrorShape implements Stateful {
  readonly #mass = new Float64Array(COUNT);
  readonly #growth: number;
  #weight = 1;
  #total = PRIOR_COUNT;

  /** @param memory Weight of the past after one more error, in (0, 1). */
  constructor(memory: number) {
    this.#growth = 1 / memory;
    for (let k = 0; k < COUNT; k++) this.#mass[k] = PRIOR_COUNT * PRIOR[k];
  }

  /** Takes one error in, spread over its neighbour bins: a little smoothing. */
  observe(u: number): void {
    // New errors weigh more instead of old ones less.
    this.#weight *= this.#growth;
    const x = Math.asinh(2 * u) / WIDTH + SIDE;
    const k = Math.max(1, Math.min(COUNT - 2, Math.floor(x)));
    this.#mass[k - 1] += 0.25 * this.#weight;
    this.#mass[k] += 0.5 * this.#weight;
    this.#mass[k + 1] += 0.25 * this.#weight;
    this.#total += this.#weight;
    if (this.#weight > RESCALE_AT) {
      for (let j = 0; j < COUNT; j++) this.#mass[j] /= this.#weight;
      this.#total /= this.#weight;
      this.#weight = 1;
    }
  }

  /**
   * Quantiles in one sweep.
   * @param levels Ascending, in (0, 1).
   * @param out One quantile a level, written from `offset` on.
   */
  quantiles(levels: ArrayLike<number>, out: Float64Array, offset: number): void {
    let below = 0;
    let k = 0;
    for (let j = 0; j < levels.length; j++) {
      const wanted = levels[j] * this.#total;
      while (k < COUNT - 1 && below + this.#mass[k] < wanted) below += this.#mass[k++];
      const part = this.#mass[k] > 0 ? (wanted - below) / this.#mass[k] : 0.5;
      out[offset + j] = EDGES[k] + Math.min(1, Math.max(0, part)) * (EDGES[k + 1] - EDGES[k]);
    }
  }

  /** The probability of an error of at most `u`. */
  probability(u: number): number {
    let below = 0;
    let k = 0;
    while (k < COUNT - 1 && EDGES[k + 1] < u) below += this.#mass[k++];
    const part = (u - EDGES[k]) / (EDGES[k + 1] - EDGES[k]);
    return Math.min(1, (below + Math.min(1, Math.max(0, part)) * this.#mass[k]) / this.#total);
  }

  /** The mean error. */
  mean(): number {
    let sum = 0;
    for (let k = 0; k < COUNT; k++) sum += this.#mass[k] * (EDGES[k] + EDGES[k + 1]) / 2;
    return sum / this.#total;
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
}

/** Mass of each bin under a Student t of 5 degrees of freedom whose mean absolute value is 1. */
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
