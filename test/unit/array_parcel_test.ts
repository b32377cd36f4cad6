import { deepEqual, equal } from "node:assert/strict";
import { packParcel, unpackParcel } from "../../src/state/array_parcel.ts";
import { arrayBits } from "../array_bits.ts";

Deno.test("arrays of every kind come out of a parcel as they went in, also in another thread", () => {
  const shared = new ArrayBuffer(64);
  const arrays = {
    "a name\nof two lines": new Float32Array(shared, 8, 3).fill(-0),
    wide: new Float64Array(shared, 24, 2).fill(Math.PI),
    rows: new Uint32Array(shared, 40, 6).fill(7),
    none: new Float32Array(shared, 64, 0),
    own: Float64Array.of(NaN, Infinity),
  };
  const expected = structuredClone(arrays);
  const parcel = packParcel(arrays);
  equal(parcel.buffers.length, 2);
  const received = structuredClone(parcel, { transfer: [...parcel.buffers] });
  equal(arrays.own.length, 0, "nothing was copied");
  deepEqual(arrayBits(unpackParcel(received)), arrayBits(expected));
});
