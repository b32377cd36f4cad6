import type { Backend, DeviceBuffer, Dispatch } from "../../kernels/mod.ts";
import type { Random } from "../model/random.ts";

/**
 * Drops a share of every layer's outputs in training and scales up the rest, so that the sum stays what
 * it was (Srivastava et al. 2014).
 */
export class Dropout {
  /** Each layer's outputs with some dropped: what the next layer, or the head, sees. */
  readonly dropped: readonly DeviceBuffer[];
  readonly #backend: Backend;
  readonly #rate: number;
  readonly #masks: readonly DeviceBuffer[];
  readonly #keepAll: readonly Dispatch[];
  readonly #values: Float32Array;

  /** Takes masks for some layers of `length` outputs each. */
  constructor(backend: Backend, rate: number, layers: number, length: number) {
    if (!(rate > 0 && rate < 1)) {
      throw new RangeError(`The dropout rate must be in (0, 1), is ${rate}`);
    }
    this.#backend = backend;
    this.#rate = rate;
    const take = (): DeviceBuffer[] =>
      Array.from({ length: layers }, () => backend.allocate(length));
    this.dropped = take();
    this.#masks = take();
    this.#keepAll = this.#masks.map((buffer) => backend.prepare("fill", { buffer, value: 1 }));
    this.#values = new Float32Array(length);
  }

  /** What applies a layer's mask to its outputs. */
  bind(layer: number, outputs: DeviceBuffer): Dispatch {
    const [b, target] = [this.#masks[layer], this.dropped[layer]];
    return this.#backend.prepare("multiply", { a: outputs, b, target });
  }

  /** What applies a layer's mask to the gradient by what the next layer saw, in place. */
  bindBackward(layer: number, gradient: DeviceBuffer): Dispatch {
    const b = this.#masks[layer];
    return this.#backend.prepare("multiply", { a: gradient, b, target: gradient });
  }

  /** New masks for a training step. */
  draw(random: Random): void {
    const kept = 1 / (1 - this.#rate);
    const threshold = this.#rate * 2 ** 32;
    for (const mask of this.#masks) {
      for (let k = 0; k < this.#values.length; k++) {
        this.#values[k] = random.bits() < threshold ? 0 : kept;
      }
      this.#backend.write(mask, this.#values);
    }
  }

  /** Drops nothing, for evaluation. */
  keepAll(): void {
    for (const fill of this.#keepAll) fill();
  }

  /** Gives the device memory back. */
  dispose(): void {
    for (const buffer of [...this.dropped, ...this.#masks]) this.#backend.free(buffer);
  }
}
