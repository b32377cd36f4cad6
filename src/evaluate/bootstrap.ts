import { Random } from "../model/random.ts";

/** A difference between two forecasters, with how sure one can be of it. */
export interface Skill {
  /** `1 − mean(losses) / mean(reference)`: above 0 is better than the reference. */
  readonly skill: number;
  /** The bounds of its 95 % interval. */
  readonly low: number;
  /** See `low`. */
  readonly high: number;
}

const RESAMPLES = 1000;
const SEED = 1;

/**
 * Skill against a reference, with a 95 % interval by the paired moving-block bootstrap (Künsch 1989):
 * whole stretches of origins are drawn, so that the dependence of neighbouring losses is kept, and the
 * same stretches for both.
 *
 * @param losses One loss an origin.
 * @param reference The reference's losses at the same origins.
 * @returns The skill and its interval.
 * @throws {RangeError} when the two are not of one length.
 */
export function pairedSkill(losses: Float64Array, reference: Float64Array): Skill {
  if (losses.length !== reference.length) {
    throw new RangeError(`Losses of ${losses.length} and ${reference.length} origins do not pair`);
  }
  const count = losses.length;
  const skillOf = (a: number, b: number): number => b > 0 ? 1 - a / b : 0;
  // Running sums make each block one subtraction.
  const sums = new Float64Array(count + 1);
  const referenceSums = new Float64Array(count + 1);
  for (let i = 0; i < count; i++) {
    sums[i + 1] = sums[i] + losses[i];
    referenceSums[i + 1] = referenceSums[i] + reference[i];
  }
  const skill = skillOf(sums[count], referenceSums[count]);
  // Blocks far longer than the horizons that make neighbouring losses overlap.
  const block = Math.min(count, Math.ceil(2 * Math.sqrt(count)));
  const blocks = Math.ceil(count / block);
  const random = new Random(SEED);
  const draws = new Float64Array(RESAMPLES);
  for (let draw = 0; draw < RESAMPLES; draw++) {
    let a = 0;
    let b = 0;
    for (let k = 0; k < blocks; k++) {
      const start = Math.floor(random.uniform() * (count - block + 1));
      a += sums[start + block] - sums[start];
      b += referenceSums[start + block] - referenceSums[start];
    }
    draws[draw] = skillOf(a, b);
  }
  draws.sort();
  return {
    skill,
    low: draws[Math.floor(0.025 * RESAMPLES)],
    high: draws[Math.ceil(0.975 * RESAMPLES) - 1],
  };
}
