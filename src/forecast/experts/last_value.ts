import type { SeriesState } from "../series_layout.ts";
import type { Expert, ExpertContext } from "./expert.ts";

/** The random walk: every step ahead is the last value. */
export class LastValue implements Expert {
  readonly #horizon: number;

  /** @param context Its series. */
  constructor(context: ExpertContext) {
    this.#horizon = context.horizon;
  }

  /** Nothing to learn. */
  observe(): void {}

  /** Writes the last value everywhere. */
  predict({ history }: SeriesState, step: number, points: Float64Array, at: number): void {
    const last = history.at(step);
    for (let h = 0; h < this.#horizon; h++) points[at + h] = last;
  }
}
