// Files made by the safetensors package itself (test/fixtures/interop/make_fixtures.py), files of our
// own, and damaged ones.
import { Buffer } from "node:buffer";
import { deepEqual, equal, throws } from "node:assert/strict";
import { readSafetensors, type Tensor, writeSafetensors } from "../../src/state/safetensors.ts";

const fixtures = new URL("../fixtures/interop/", import.meta.url);

Deno.test("safetensors: every type of a file made by PyTorch is read", () => {
  const { tensors, metadata } = readSafetensors(
    Deno.readFileSync(new URL("types.safetensors", fixtures)),
  );
  deepEqual(metadata, { made: "by torch" });
  deepEqual(tensors.get("f64"), {
    shape: [8],
    data: Float64Array.from([0, -0, 1, -2.5, 6.1e-5, 6e-8, 65504, Infinity], Math.fround),
  });
  // 6.1e-5 and 6e-8 become the nearest half: the smallest normal ones and the smallest of all.
  deepEqual(
    tensors.get("f16")?.data,
    Float32Array.of(0, -0, 1, -2.5, 1023 * 2 ** -24, 2 ** -24, 65504, Infinity),
  );
  deepEqual(
    tensors.get("bf16")?.data,
    Float32Array.of(0, -0, 1, -2.5, 2 ** -14, 129 * 2 ** -31, 65536, Infinity),
  );
  deepEqual(tensors.get("i64"), { shape: [1, 2], data: BigInt64Array.of(-1n, 2n ** 40n) });
  deepEqual(tensors.get("i32"), { shape: [1], data: Int32Array.of(7) });
  deepEqual(tensors.get("u8"), { shape: [2], data: Uint8Array.of(0, 255) });
  deepEqual(tensors.get("bool"), { shape: [2], data: Uint8Array.of(1, 0) });
  deepEqual(tensors.get("scalar"), { shape: [], data: Float32Array.of(1.5) });
  deepEqual(tensors.get("empty"), { shape: [0, 3], data: new Float32Array(0) });
});

const sample: Record<string, Tensor> = {
  bytes: { shape: [3], data: Uint8Array.of(1, 2, 3) },
  wide: { shape: [2, 1], data: Float64Array.of(Math.PI, -0) },
  'naïve "name"': { shape: [], data: Float32Array.of(2.5) },
  index: { shape: [2], data: Uint32Array.of(0, 2 ** 32 - 1) },
};

Deno.test("safetensors: what is written is read back, at any alignment of the bytes", () => {
  const file = writeSafetensors(sample, { step: "7", format: "pt" });
  deepEqual(file, writeSafetensors(sample, { step: "7", format: "pt" }));
  const shifted = new Uint8Array(file.length + 1);
  shifted.set(file, 1);
  for (const bytes of [file, shifted.subarray(1)]) {
    const { tensors, metadata } = readSafetensors(bytes);
    deepEqual(Object.fromEntries(tensors), sample);
    deepEqual(metadata, { step: "7", format: "pt" });
  }
});

Deno.test("safetensors: wide elements come first, so that readers can map the file", () => {
  const file = writeSafetensors(sample);
  const length = Number(new DataView(file.buffer).getBigUint64(0, true));
  equal(length % 8, 0);
  const header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length)));
  for (const [name, { data }] of Object.entries(sample)) {
    equal(header[name].data_offsets[0] % data.BYTES_PER_ELEMENT, 0, name);
  }
});

Deno.test("safetensors: what does not fit is not written", () => {
  throws(() => writeSafetensors({ x: { shape: [3], data: new Float32Array(2) } }), RangeError);
  throws(
    () => writeSafetensors({ __metadata__: { shape: [0], data: new Float32Array(0) } }),
    RangeError,
  );
});

function file(header: string, dataBytes = 8): Uint8Array {
  const text = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + text.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

const F32 = (begin: number, end: number, shape: string): string =>
  `{"dtype":"F32","shape":${shape},"data_offsets":[${begin},${end}]}`;

const malformed: [name: string, file: Uint8Array, message: RegExp][] = [
  ["an empty file", new Uint8Array(0), /0 bytes are too few/],
  ["a header beyond the file", file("{}").subarray(0, 9), /header's length/],
  ["an endless header", new Uint8Array(16).fill(255), /header's length/],
  ["a header that is not JSON", file("{"), /not JSON/],
  ["a header that is not UTF-8", file('{"é":1}').with(11, 0xff), /not JSON in UTF-8/],
  ["a header that is a list", file("[]"), /not an object/],
  ["a tensor that is a number", file('{"a":1}'), /tensor "a" is not an object/],
  ["an unknown type", file('{"a":{"dtype":"F8","shape":[2],"data_offsets":[0,8]}}'), /type "F8"/],
  [
    "a type named like a method",
    file('{"a":{"dtype":"toString","shape":[2],"data_offsets":[0,8]}}'),
    /unknown type/,
  ],
  [
    "an unknown field",
    file('{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1}}'),
    /field "x"/,
  ],
  ["a negative size", file(`{"a":${F32(0, 8, "[-2]")}}`), /no valid shape/],
  ["a broken size", file(`{"a":${F32(0, 8, "[1.5]")}}`), /no valid shape/],
  ["a huge shape", file(`{"a":${F32(0, 8, "[9007199254740991,9007199254740991]")}}`), /needs/],
  ["three offsets", file('{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4,8]}}'), /offsets/],
  ["offsets beyond the file", file(`{"a":${F32(0, 16, "[4]")}}`), /of 8 bytes/],
  ["offsets backwards", file(`{"a":${F32(8, 0, "[2]")}}`), /lies at 8 to 0/],
  ["a size that is not the shape's", file(`{"a":${F32(0, 8, "[3]")}}`), /needs 12 bytes, not 8/],
  ["an overlap", file(`{"a":${F32(0, 8, "[2]")},"b":${F32(4, 8, "[1]")}}`), /begins at 4 where 8/],
  ["a hole", file(`{"a":${F32(4, 8, "[1]")}}`), /begins at 4 where 0/],
  ["bytes of no tensor", file(`{"a":${F32(0, 4, "[1]")}}`), /4 bytes at the end/],
  ["a name twice", file(`{"a":${F32(0, 8, "[2]")},"a":${F32(0, 8, "[2]")}}`), /twice/],
  [
    "a name twice in two spellings",
    file(`{"a":${F32(0, 8, "[2]")},"\\u0061":${F32(0, 8, "[2]")}}`),
    /twice/,
  ],
  [
    "a field twice",
    file('{"a":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}}'),
    /twice/,
  ],
  [
    "metadata that is not text",
    file(`{"__metadata__":{"x":1},"a":${F32(0, 8, "[2]")}}`),
    /text to text/,
  ],
];

for (const [name, bytes, message] of malformed) {
  Deno.test(`safetensors: ${name} is refused`, () => {
    throws(() => readSafetensors(bytes), { name: "SyntaxError", message });
  });
}

Deno.test("a file that lies within a Node Buffer is read without its surroundings", () => {
  const file = writeSafetensors({ a: { shape: [2], data: Float64Array.of(1.5, -2) } });
  const buffer = Buffer.concat([Buffer.alloc(3, 0xff), file, Buffer.alloc(8, 0xff)]);
  const { tensors } = readSafetensors(buffer.subarray(3, 3 + file.length));
  deepEqual([...(tensors.get("a")?.data as Float64Array)], [1.5, -2]);
});
