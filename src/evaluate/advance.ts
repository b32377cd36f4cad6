import type { Frame } from "../../streams/mod.ts";
import type { Forecaster } from "../forecast/forecaster.ts";

/** Steps a forecaster and lets it learn at the frames where that is due, however frames come together. */
export class Advance {
  readonly #forecaster: Forecaster;
  #untilLearning: number;

  /** @param forecaster A forecaster that nobody else steps. */
  constructor(forecaster: Forecaster) {
    this.#forecaster = forecaster;
    this.#untilLearning = forecaster.framesUntilLearning();
  }

  /** Takes frames in, every series at most once. */
  async step(frames: readonly Frame[]): Promise<void> {
    for (let at = 0; at < frames.length;) {
      const part = frames.slice(at, at + this.#untilLearning);
      const stepped = this.#forecaster.step(part);
      if (stepped !== undefined) await stepped;
      at += part.length;
      this.#untilLearning -= part.length;
      if (this.#untilLearning > 0) continue;
      await this.#forecaster.learn();
      this.#untilLearning = this.#forecaster.framesUntilLearning();
    }
  }
}
