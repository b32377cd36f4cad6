import type { Snapshot } from "../../src/forecast/forecaster.ts";
import { TinyForecaster } from "../simulation/tiny_forecaster.ts";

/** The tiny forecaster with parameters that can be frozen and brought back. */
export class SteeredForecaster extends TinyForecaster {
  frozen = false;
  #before: number[] | undefined;

  /** Lets the parameters stay from now on. */
  freeze(): void {
    this.frozen = true;
  }

  /** Goes back to the parameters before the last swap. False where there are none. */
  rollBack(): boolean {
    if (this.#before === undefined) return false;
    const { manifest, arrays } = this.snapshot();
    this.restore({ manifest, arrays: { ...arrays, weights: Float64Array.from(this.#before) } });
    this.#before = undefined;
    return true;
  }

  override async learn(): Promise<void> {
    if (this.frozen) return;
    this.#before = [...this.snapshot().arrays.weights];
    await super.learn();
  }

  override snapshot(): Snapshot {
    const { manifest, arrays } = super.snapshot();
    return {
      manifest: { ...manifest, frozen: this.frozen, before: this.#before ?? null },
      arrays,
    };
  }

  override restore(snapshot: Snapshot): void {
    super.restore(snapshot);
    this.frozen = snapshot.manifest.frozen as boolean;
    this.#before = (snapshot.manifest.before as number[] | null) ?? undefined;
  }
}
