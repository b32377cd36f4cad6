import type { Backend, DeviceBuffer, Dispatch } from "../../kernels/mod.ts";

/** Adam (Kingma and Ba 2015), or with decoupled weight decay (Loshchilov and Hutter 2019). */
export interface AdamOptions {
  /** Which of the two. */
  readonly kind: "adam" | "adamw";
  /** Decay of the mean of gradients; 0.9 where left out. */
  readonly beta1?: number;
  /** Decay of the mean of squared gradients; 0.999 where left out. */
  readonly beta2?: number;
  /** Keeps the division away from 0; 1e-8 where left out. */
  readonly epsilon?: number;
  /** Pull of the parameters towards 0; none where left out. */
  readonly weightDecay?: number;
}

/** Stochastic gradient descent. */
export interface SgdOptions {
  /** Which optimiser. */
  readonly kind: "sgd";
  /** Share of the last step that is kept; none where left out. */
  readonly momentum?: number;
  /** Pull of the parameters towards 0; none where left out. */
  readonly weightDecay?: number;
}

/** How gradients become steps. */
export type OptimiserOptions = AdamOptions | SgdOptions;

/** An optimiser and its moments on a device. */
export class Optimiser {
  readonly #backend: Backend;
  readonly #moments: readonly DeviceBuffer[];
  readonly #schedule: DeviceBuffer;
  readonly #values: Float32Array;
  readonly #decays: readonly number[];
  readonly #reset: readonly Dispatch[];
  readonly #update: Dispatch;
  #step = 0;

  /** Takes the memory of the moments and binds the update to parameters and gradient. */
  constructor(
    backend: Backend,
    options: OptimiserOptions,
    parameters: DeviceBuffer,
    gradient: DeviceBuffer,
  ) {
    const { weightDecay = 0 } = options;
    const isSgd = options.kind === "sgd";
    this.#backend = backend;
    this.#moments = Array.from(
      { length: isSgd ? 1 : 2 },
      () => backend.allocate(parameters.length),
    );
    this.#reset = this.#moments.map((buffer) => backend.prepare("fill", { buffer, value: 0 }));
    this.#values = new Float32Array(isSgd ? 1 : 3);
    this.#schedule = backend.allocate(this.#values.length);
    const shared = { parameters, gradient, schedule: this.#schedule, weightDecay };
    const [m, v] = this.#moments;
    if (isSgd) {
      const { momentum = 0 } = options;
      this.#decays = [];
      this.#update = backend.prepare("sgd", { ...shared, velocity: m, momentum });
    } else {
      const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, kind } = options;
      this.#decays = [beta1, beta2];
      const constants = { beta1, beta2, epsilon, decoupled: kind === "adamw" };
      this.#update = backend.prepare("adam", { ...shared, m, v, ...constants });
    }
  }

  /** Forgets the moments. */
  reset(): void {
    for (const reset of this.#reset) reset();
    this.#step = 0;
  }

  /** One update of the parameters by the gradient. */
  update(rate: number): void {
    this.#step++;
    this.#values[0] = rate;
    for (let k = 0; k < this.#decays.length; k++) {
      this.#values[k + 1] = 1 - this.#decays[k] ** this.#step;
    }
    this.#backend.write(this.#schedule, this.#values);
    this.#update();
  }

  /** Gives the device memory back. */
  dispose(): void {
    for (const buffer of [...this.#moments, this.#schedule]) this.#backend.free(buffer);
  }
}
