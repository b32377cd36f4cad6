import type { SeriesLayout } from "./series_layout.ts";

/** A loss counts as at most this many typical errors, so that one outlier cannot decide. */
const LOSS_MAX = 8;

/** How a {@linkcode Guard} remembers. */
export interface GuardOptions {
  /** Weight of past regret after one more step, in (0, 1]; 1 never forgets. */
  readonly memory: number;
  /** Share of the weight that is spread evenly, so that no expert is ever out for good. */
  readonly share: number;
  /**
   * How much more than any other the first expert weighs before anything is known; 1 where left out. It
   * is where the mixture stands as long as nobody has shown to be better. At most 1 + h/2 where labels
   * overlap h times: chance then looks like evidence so much the more, but little speaks for the first
   * expert at a short horizon.
   */
  readonly trust?: number;
  /** Steps ahead. Labels of h steps overlap, so each tells less: learning rates are h^¼ times lower. */
  readonly ahead: number;
}

/**
 * The online mixture of experts at one horizon: Bernstein Online Aggregation (Wintenberger 2017,
 * "Optimal learning with Bernstein online aggregation", Machine Learning 106) on linearised losses.
 *
 * With `r = ∇ℓ(m)·(m − p_e)` the regret against expert e, in typical errors,
 * `w_e ∝ π_e η_e exp(η_e Σ (r − η_e r²)/2)`, `η_e` falls as `√(ln E / Σ r²)`, and `π_e` is the trust.
 *
 * Where nothing is forgotten and nothing shared, the mixture's mean loss exceeds that of the best
 * *convex combination* of experts, hence of the best single one, by no more than
 * `O(√(ln E · Σ r²) / n)` (his theorem 4.1 with the gradient trick), whatever the data do. Forgetting
 * gives the same over a window of about `1/(1 − memory)` steps, in exchange for following changes.
 * An expert without opinion (`NaN`) sleeps: its regret stands still and its weight goes to the others
 * (Gaillard, Stoltz and van Erven 2014).
 */
export class Guard {
  /** Experts. */
  readonly size: number;
  readonly #options: GuardOptions;
  /** Where Σ (r − η r²), Σ r², the range of r, and η lie, by expert. */
  readonly #regrets: number;
  readonly #variances: number;
  readonly #ranges: number;
  readonly #rates: number;
  readonly #prior: number;
  readonly #caution: number;
  readonly #trust: number;

  /**
   * @param layout Where its numbers lie.
   * @param size Experts.
   * @param options How it remembers.
   */
  constructor(layout: SeriesLayout, size: number, options: GuardOptions) {
    this.size = size;
    this.#options = options;
    this.#regrets = layout.reserve(size);
    this.#variances = layout.reserve(size);
    this.#ranges = layout.reserve(size);
    this.#rates = layout.reserve(size, 1);
    this.#trust = Math.min(options.trust ?? 1, 1 + options.ahead / 2);
    this.#caution = options.ahead ** -0.25;
    this.#prior = Math.log(Math.max(2, size));
  }

  /**
   * Writes the weights of the experts that have an opinion; they add up to 1.
   * @param memory The series.
   * @param points `[size]` from `offset` on in steps of `stride`; `NaN` sleeps.
   * @param weights `[size]` from `into` on, written.
   * @param into Where in `weights` they start.
   * @returns The mixture, `NaN` where every expert sleeps.
   */
  mix(
    memory: Float64Array,
    points: Float64Array,
    offset: number,
    stride: number,
    weights: Float64Array,
    into: number = 0,
  ): number {
    const { size } = this;
    const rates = this.#rates;
    const regrets = this.#regrets;
    let highest = -Infinity;
    let awake = 0;
    for (let e = 0; e < size; e++) {
      if (!Number.isFinite(points[offset + e * stride])) continue;
      awake++;
      const score = memory[rates + e] * memory[regrets + e];
      if (score > highest) highest = score;
    }
    if (awake === 0) return NaN;
    let total = 0;
    for (let e = 0; e < size; e++) {
      const rate = memory[rates + e];
      let weight = 0;
      if (Number.isFinite(points[offset + e * stride])) {
        weight = rate * Math.exp(rate * memory[regrets + e] - highest);
      }
      if (e === 0) weight *= this.#trust;
      weights[into + e] = weight;
      total += weight;
    }
    const { share } = this.#options;
    let mixture = 0;
    for (let e = 0; e < size; e++) {
      const point = points[offset + e * stride];
      if (!Number.isFinite(point)) continue;
      const weight = (1 - share) * weights[into + e] / total + share / awake;
      weights[into + e] = weight;
      mixture += weight * point;
    }
    return mixture;
  }

  /**
   * Learns from a label that has arrived.
   * @param memory The series.
   * @param points What the experts said, laid out as in {@linkcode mix}.
   * @param mixture What the mixture said.
   * @param gradient The loss's derivative by the mixture, in [−1, 1].
   * @param unit A typical error, above 0.
   */
  learn(
    memory: Float64Array,
    points: Float64Array,
    offset: number,
    stride: number,
    mixture: number,
    gradient: number,
    unit: number,
  ): void {
    const { memory: remembered } = this.#options;
    const ranges = this.#ranges;
    const variances = this.#variances;
    const rates = this.#rates;
    const regrets = this.#regrets;
    for (let e = 0; e < this.size; e++) {
      const point = points[offset + e * stride];
      if (!Number.isFinite(point)) continue;
      const raw = gradient * (mixture - point) / unit;
      const regret = Math.max(-LOSS_MAX, Math.min(LOSS_MAX, raw));
      const size = Math.abs(regret);
      // The range is kept as a power of two, so that it changes seldom.
      let range = memory[ranges + e];
      while (range < size) range = range * 2 || 1 / 64;
      memory[ranges + e] = range;
      const variance = remembered * memory[variances + e] + regret * regret;
      memory[variances + e] = variance;
      const rate = memory[rates + e];
      const excess = rate * regret > 0.5 ? range : 0;
      memory[regrets + e] = remembered * memory[regrets + e] +
        (regret - rate * regret * regret + excess) / 2;
      memory[rates + e] = this.#caution * Math.min(
        1 / Math.max(range, 1 / 64),
        Math.sqrt(this.#prior / Math.max(variance, 1e-12)),
      );
    }
  }
}
