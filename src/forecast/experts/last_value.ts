import type { Expert, ExpertContext } from "./expert.ts";

/** The random walk: every step ahead is the last value. */
export class LastValue implements Expert {
  readonly #context: ExpertContext;

  /** @param context The series. */
  constructor(context: ExpertContext) {
    this.#context = context;
  }

  /** Nothing to learn. */
  observe(): void {}

  /** Writes the last value everywhere. */
  predict(step: number, points: Float64Array): void {
    points.fill(this.#context.history.at(step));
  }

  /** Nothing to save. */
  save(): void {}

  /** Nothing to load. */
  load(): void {}
}
