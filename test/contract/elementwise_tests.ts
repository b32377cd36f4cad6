// Memory, and the kernels that move or change single elements: exact on every backend.
import { deepStrictEqual } from "node:assert/strict";
import { Random } from "../../src/model/random.ts";
import type { Case } from "./backend_suite.ts";
import { assertClose, assertSameBits, normals } from "./device.ts";

export function elementwiseTests(test: Case): void {
  test("memory is zeroed, written and read at offsets, and slices share it", async (device) => {
    const { backend } = device;
    const buffer = backend.allocate(9);
    backend.write(buffer, Float32Array.of(1, 2, 3), 5);
    const slice = backend.slice(buffer, 4, 4);
    backend.write(slice, Float32Array.of(7), 3);
    assertSameBits(await device.get(buffer), Float32Array.of(0, 0, 0, 0, 0, 1, 2, 7, 0), "buffer");
    assertSameBits(await device.get(slice), Float32Array.of(0, 1, 2, 7), "slice");
    const middle = new Float32Array(2);
    await backend.read(slice, middle, 1);
    assertSameBits(middle, Float32Array.of(1, 2), "part of the slice");
    const rows = backend.allocate(3, "u32");
    backend.write(rows, Uint32Array.of(4_000_000_000, 5), 1);
    const indices = new Uint32Array(3);
    await backend.read(rows, indices);
    deepStrictEqual([...indices], [0, 4_000_000_000, 5]);
    backend.free(rows);
  });

  for (const length of [1, 3, 17, 64, 100, 1000]) {
    test(`fill, copy and multiply ${length} elements`, async (device) => {
      const { backend } = device;
      const random = new Random(length);
      const [left, right] = [normals(length, random), normals(length, random)];
      const [a, b, product] = [device.put(left), device.put(right), device.zeros(length)];
      backend.prepare("multiply", { a, b, target: product })();
      assertSameBits(await device.get(product), left.map((v, k) => v * right[k]), "a · b");
      backend.prepare("multiply", { a, b, target: a })();
      assertSameBits(await device.get(a), await device.get(product), "a · b into a");
      backend.prepare("copy", { source: b, target: a })();
      assertSameBits(await device.get(a), right, "copy");
      backend.prepare("fill", { buffer: a, value: 0.1 })();
      assertSameBits(await device.get(a), new Float32Array(length).fill(0.1), "fill");
    });
  }

  for (const width of [1, 3, 17, 64, 100]) {
    test(`gather and scatter rows of ${width}`, async (device) => {
      const { backend } = device;
      const random = new Random(width);
      const slab = normals(9 * width, random);
      const chosen = Uint32Array.of(8, 0, 3, 5);
      const source = device.put(slab);
      const target = device.zeros(4 * width);
      const rows = device.put(chosen);
      const gather = backend.prepare("gather", { width, source, rows, target });
      gather(3);
      const expected = new Float32Array(4 * width);
      const row = (k: number): Float32Array => slab.subarray(k * width, (k + 1) * width);
      for (let b = 0; b < 3; b++) expected.set(row(chosen[b]), b * width);
      assertSameBits(await device.get(target), expected, "three rows gathered");
      gather();
      expected.set(row(5), 3 * width);
      assertSameBits(await device.get(target), expected, "all rows gathered");

      const other = device.zeros(9 * width);
      backend.prepare("scatter", { width, source: target, rows, target: other })(2);
      const scattered = new Float32Array(9 * width);
      for (const k of [8, 0]) scattered.set(row(k), k * width);
      assertSameBits(await device.get(other), scattered, "two rows scattered");
    });
  }

  for (
    const [rows, inputSize, outputSize] of [
      [1, 1, 1],
      [3, 17, 3],
      [17, 64, 60],
      [64, 100, 1],
      [100, 3, 17],
    ]
  ) {
    const sizes = { rows, inputSize, outputSize };
    test(`linear ${rows}×${inputSize}→${outputSize}`, async (device, oracle, tolerances) => {
      const random = new Random(rows);
      const x = normals(rows * inputSize, random);
      const parameters = normals(outputSize * (inputSize + 1), random);
      const dy = normals(rows * outputSize, random);
      const before = normals(parameters.length, random);
      const [actual, expected] = await Promise.all([device, oracle].map(async (each) => {
        const shared = { ...sizes, x: each.put(x), parameters: each.put(parameters) };
        const [y, dx] = [each.zeros(dy.length), each.zeros(x.length)];
        const gradient = each.put(before);
        each.backend.prepare("linear", { ...shared, y })();
        const backward = { ...shared, dy: each.put(dy), gradient };
        each.backend.prepare("linear_backward", { ...backward, dx })();
        each.backend.prepare("linear_backward", backward)();
        return { y: await each.get(y), dx: await each.get(dx), gradient: await each.get(gradient) };
      }));
      assertClose(actual.y, expected.y, tolerances.linear, "y");
      assertClose(actual.dx, expected.dx, tolerances.gradient, "dx");
      assertClose(actual.gradient, expected.gradient, tolerances.gradient, "gradient, twice");
    });
  }

  test("linear stops at its count", async (device) => {
    const x = device.put(Float32Array.of(1, 2, 3));
    const [parameters, y] = [device.put(Float32Array.of(10, 1)), device.zeros(3)];
    const linear = { rows: 3, inputSize: 1, outputSize: 1, x, parameters, y };
    device.backend.prepare("linear", linear)(2);
    assertSameBits(await device.get(y), Float32Array.of(11, 21, 0), "y");
  });
}
