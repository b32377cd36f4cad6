import { deepEqual, equal, ok } from "node:assert/strict";
import { PackedArrays } from "../../src/forecast/packed_arrays.ts";
import { arrayBits } from "../array_bits.ts";

Deno.test("arrays are copied, of any type and size, pieces as one", () => {
  const packed = new PackedArrays();
  const expected = {
    empty: new Float32Array(0),
    odd: Float32Array.of(1, 2, 3),
    wide: Float64Array.of(Math.PI, NaN),
    pieces: Float32Array.of(4, 5, 6),
    large: new Float64Array(300_000).fill(7),
    rows: Uint32Array.of(8),
  };
  const { pieces, ...whole } = structuredClone(expected);
  packed.keep("pieces", pieces.subarray(0, 1), pieces.subarray(1));
  for (const [name, array] of Object.entries(whole)) {
    packed.keep(name, array);
    array.fill(0);
  }
  pieces.fill(0);
  packed.settle();
  deepEqual(arrayBits(packed.arrays), arrayBits(expected));
});

Deno.test("many small arrays share a few buffers, those that were reserved first", () => {
  const packed = new PackedArrays();
  const bytes = 4 * 1024 * 1024;
  let calls = 1;
  while (!packed.reserve(bytes, bytes / 10)) calls++;
  ok(calls > 1, "memory is taken piece by piece");
  for (let k = 0; k < 1000; k++) packed.keep(`${k}`, new Float64Array(512));
  equal(packed.bytes, 1000 * 512 * 8);
  packed.settle();
  const buffers = new Set(Object.values(packed.arrays).map(({ buffer }) => buffer));
  ok(buffers.size <= 4, `${buffers.size} buffers`);
});
