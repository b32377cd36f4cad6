/** How sensitive a {@linkcode DriftDetector} is. */
export interface DriftOptions {
  /** Rises of the mean below this many standard deviations are not looked at; 0.25 where left out. */
  readonly tolerance?: number;
  /** The sum of rises, in standard deviations, that is called drift; 30 where left out. */
  readonly threshold?: number;
  /** Values seen before drift may be called; 100 where left out. */
  readonly warmUp?: number;
}

/**
 * Notices that errors have become larger: the Page–Hinkley test (Page 1954) on errors in units of
 * their own spread, so that one setting serves every series.
 *
 * @example Errors that double
 * ```ts
 * import { DriftDetector } from "@tickcast/tickcast";
 *
 * const detector = new DriftDetector();
 * const error = (k: number): number => 1 + Math.sin(k);
 * for (let k = 0; k < 500; k++) if (detector.update(error(k))) throw new Error("no drift yet");
 * let found = false;
 * for (let k = 0; k < 200; k++) found ||= detector.update(4 * error(k));
 * if (!found) throw new Error("larger errors are drift");
 * ```
 */
export class DriftDetector {
  readonly #tolerance: number;
  readonly #threshold: number;
  readonly #warmUp: number;
  readonly #state = new Float64Array(5);

  /**
   * Starts without having seen anything.
   *
   * @param options How sensitive it is.
   */
  constructor(options: DriftOptions = {}) {
    this.#tolerance = options.tolerance ?? 0.25;
    this.#threshold = options.threshold ?? 30;
    this.#warmUp = options.warmUp ?? 100;
  }

  /**
   * Takes an error in.
   *
   * @param error Its size, 0 or more; what is not finite is passed over.
   * @returns Whether it completes a drift. The test then starts anew.
   */
  update(error: number): boolean {
    if (!Number.isFinite(error)) return false;
    // Count, mean, sum of squared deviations (Welford 1962), the cumulative sum and its minimum.
    const s = this.#state;
    const spread = Math.sqrt(s[2] / s[0]);
    if (s[0] >= this.#warmUp && spread > 0) {
      s[3] += (error - s[1]) / spread - this.#tolerance;
      s[4] = Math.min(s[4], s[3]);
      if (s[3] - s[4] > this.#threshold) {
        s.fill(0);
        return true;
      }
    }
    s[0]++;
    const deviation = error - s[1];
    s[1] += deviation / s[0];
    s[2] += deviation * (error - s[1]);
    return false;
  }

  /** Everything needed to go on. */
  snapshot(): Float64Array {
    return this.#state.slice();
  }

  /**
   * Goes on from a snapshot.
   *
   * @param snapshot What `snapshot` returned.
   * @throws {RangeError} when it has another length.
   */
  restore(snapshot: Float64Array): void {
    if (snapshot.length !== this.#state.length) {
      throw new RangeError(`A drift detector's state has 5 numbers, not ${snapshot.length}`);
    }
    this.#state.set(snapshot);
  }
}
