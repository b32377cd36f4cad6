// What the conformance tests need of a device: buffers filled, kernels run, buffers read.
import { ok, strictEqual } from "node:assert/strict";
import {
  type Backend,
  type CellKind,
  type DeviceBuffer,
  layerParameterLength,
  type LayerShape,
} from "../../kernels/mod.ts";
import type { Random } from "../../src/model/random.ts";

export const CELLS: readonly CellKind[] = ["lstm", "gru", "gru_reset_before"];

/** A backend and every buffer a test took from it, disposed of together. */
export class Device implements Disposable {
  constructor(readonly backend: Backend) {}

  put(values: Float32Array | Uint32Array): DeviceBuffer {
    const type = values instanceof Float32Array ? "f32" : "u32";
    const buffer = this.backend.allocate(values.length, type);
    this.backend.write(buffer, values);
    return buffer;
  }

  zeros(length: number): DeviceBuffer {
    return this.backend.allocate(length);
  }

  packed(shape: LayerShape, parameters: Float32Array): DeviceBuffer {
    const packed = this.zeros(this.backend.packedLength(shape));
    this.backend.prepare("pack", { shape, parameters: this.put(parameters), packed })();
    return packed;
  }

  async get(buffer: DeviceBuffer): Promise<Float32Array> {
    const values = new Float32Array(buffer.length);
    await this.backend.read(buffer, values);
    return values;
  }

  [Symbol.dispose](): void {
    this.backend.dispose();
  }
}

/** Weights as a fresh network has them: uniform in ±1/√H. */
export function randomParameters(shape: LayerShape, random: Random): Float32Array {
  const bound = 1 / Math.sqrt(shape.hiddenSize);
  return Float32Array.from(
    { length: layerParameterLength(shape) },
    () => bound * (2 * random.uniform() - 1),
  );
}

export function normals(length: number, random: Random): Float32Array {
  return Float32Array.from({ length }, () => random.normal());
}

/** States as a cell makes them, in (−1, 1). */
export function states(length: number, random: Random): Float32Array {
  return Float32Array.from({ length }, () => Math.tanh(random.normal()));
}

/** Holds every element to the expected one, relative to the largest expected element. */
export function assertClose(
  actual: Float32Array,
  expected: Float32Array,
  tolerance: number,
  what: string,
): void {
  strictEqual(actual.length, expected.length, `${what}: length`);
  const scale = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  for (let k = 0; k < expected.length; k++) {
    const error = Math.abs(actual[k] - expected[k]);
    ok(
      error <= tolerance * scale,
      `${what}[${k}]: ${actual[k]}, expected ${expected[k]} (largest ${scale}, ` +
        `tolerance ${tolerance})`,
    );
  }
}

/** Holds every element to the expected one, to the last bit; NaN equals NaN, 0 does not equal −0. */
export function assertSameBits(actual: Float32Array, expected: Float32Array, what: string): void {
  strictEqual(actual.length, expected.length, `${what}: length`);
  for (let k = 0; k < expected.length; k++) {
    ok(Object.is(actual[k], expected[k]), `${what}[${k}]: ${actual[k]}, expected ${expected[k]}`);
  }
}
