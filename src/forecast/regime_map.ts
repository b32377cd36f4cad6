/** How the values of a former regime become those of the present one: `offset + factor · v(t + shift)`. */
export interface RegimeMap {
  /** What is added. */
  readonly offset: number;
  /** What deviations are multiplied by; above 0. */
  readonly factor: number;
  /** How many steps earlier the season comes; negative where it comes later. */
  readonly shift: number;
}

/** A map, and how well it fits. */
export interface RegimeFit extends RegimeMap {
  /** The mean absolute error that it leaves; `Infinity` where nothing could be fitted. */
  readonly error: number;
}

/** Beyond these factors it is no longer the same profile that is found again. */
const FACTOR_MIN = 0.25;
const FACTOR_MAX = 4;

/**
 * How a former profile has to be moved to give the values of a new regime: offset and factor by least
 * squares, the shift where the mean absolute error that they leave is smallest.
 *
 * @param values The new values.
 * @param profile What the former regime had for the same steps, and for `reach` more on either side.
 * @param reach The largest shift tried, either way.
 */
export function fitRegime(
  values: Float64Array,
  profile: Float64Array,
  reach: number,
): RegimeFit {
  const count = values.length;
  const mean = meanOf(values);
  let best: RegimeFit = { ...UNMOVED, error: Infinity };
  for (let from = 0; from <= 2 * reach; from++) {
    const profileMean = meanOf(profile.subarray(from, from + count));
    let square = 0;
    let product = 0;
    for (let k = 0; k < count; k++) {
      const deviation = profile[from + k] - profileMean;
      square += deviation * deviation;
      product += deviation * (values[k] - mean);
    }
    const slope = square > 0 ? product / square : 1;
    const factor = Math.max(FACTOR_MIN, Math.min(FACTOR_MAX, slope));
    const offset = mean - factor * profileMean;
    let error = 0;
    for (let k = 0; k < count; k++) {
      error += Math.abs(values[k] - offset - factor * profile[from + k]) / count;
    }
    if (error < best.error) best = { offset, factor, shift: from - reach, error };
  }
  return best;
}

/** The map that leaves everything as it is. */
export const UNMOVED: RegimeMap = { offset: 0, factor: 1, shift: 0 };

/** The map that takes a map back. */
export function inverse({ offset, factor, shift }: RegimeMap): RegimeMap {
  return { offset: -offset / factor, factor: 1 / factor, shift: -shift };
}

/** One map, then another. */
export function compose(first: RegimeMap, then: RegimeMap): RegimeMap {
  return {
    offset: then.offset + then.factor * first.offset,
    factor: then.factor * first.factor,
    shift: then.shift + first.shift,
  };
}

function meanOf(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
