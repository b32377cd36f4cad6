import { type Learner, type LearningState, type NetworkModel, Parameters } from "../../mod.ts";
import type { Snapshot } from "../../src/forecast/forecaster.ts";
import { TinyForecaster } from "../simulation/tiny_forecaster.ts";

/** The tiny forecaster with what an operator may ask; its parameters swap by themselves as well. */
export class SteeredForecaster extends TinyForecaster implements Learner {
  readonly learner = this;
  #frozen = false;
  #asked = false;
  #before: number[] | undefined;

  get learning(): LearningState {
    const { version } = this.snapshot().manifest;
    return {
      version: version as number,
      frozen: this.#frozen,
      training: this.#asked,
      description: "tiny, one unit",
      runs: [{
        startedAt: 0,
        endedAt: 23,
        why: "interval",
        verdict: "promoted",
        version: 1,
        championLoss: NaN,
        candidateLoss: 0.5,
        predecessorLoss: NaN,
        curve: [{ training: 1, validation: NaN }],
      }],
    };
  }

  retrain(): void {
    this.#asked = true;
  }

  rollBack(): Promise<boolean> {
    if (this.#before === undefined) return Promise.resolve(false);
    this.#exchange(this.#before);
    this.#before = undefined;
    return Promise.resolve(true);
  }

  freeze(frozen: boolean): void {
    this.#frozen = frozen;
  }

  exportModel(): NetworkModel {
    const parameters = new Parameters({
      cell: "lstm",
      inputSize: 1,
      hiddenSize: 1,
      layers: 1,
      outputSize: 1,
    });
    parameters.values.set(this.snapshot().arrays.weights);
    return { parameters, head: { loss: "mse", horizon: 1 }, covariates: 0 };
  }

  adopt({ parameters }: NetworkModel): void {
    this.#exchange([...parameters.values.subarray(0, 2)]);
  }

  override async learn(): Promise<void> {
    this.#before = [...this.snapshot().arrays.weights];
    if (!this.#frozen) await super.learn();
  }

  override snapshot(): Snapshot {
    const { manifest, arrays } = super.snapshot();
    const steered = { frozen: this.#frozen, asked: this.#asked, before: this.#before ?? null };
    return { manifest: { ...manifest, ...steered }, arrays };
  }

  override restore(snapshot: Snapshot): void {
    super.restore(snapshot);
    const { frozen, asked, before } = snapshot.manifest;
    this.#frozen = frozen as boolean;
    this.#asked = asked as boolean;
    this.#before = (before as number[] | null) ?? undefined;
  }

  #exchange(weights: readonly number[]): void {
    const { manifest, arrays } = this.snapshot();
    super.restore({
      manifest: { ...manifest, version: (manifest.version as number) + 1 },
      arrays: { ...arrays, weights: Float64Array.from(weights) },
    });
  }
}
