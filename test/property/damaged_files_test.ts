// A thousand damaged copies of every kind of file that is read: a clear error, or exactly what was
// written; never another model, and never a hang, or this test would not end.
//
// What guarantees it: SHA-256 over both files of a checkpoint; CRC-32C over an ONNX file exported here, a
// model file, a shared checkpoint (one in 2³² damages passes, every burst of up to 32 bits is found). ONNX
// and safetensors files from elsewhere hold no checksum: whether a weight in them was changed nobody can
// tell, and what is held here is that whatever opens is whole and runs.
import { deepEqual, ok } from "node:assert/strict";
import { exportOnnx, OnnxNetwork } from "../../onnx.ts";
import {
  initialParameters,
  parametersFromStateDict,
  Random,
  readModel,
  writeModel,
} from "../../mod.ts";
import { decodeCheckpoint, encodeCheckpoint } from "../../src/state/checkpoint.ts";
import { readSafetensors, type Tensor, writeSafetensors } from "../../src/state/safetensors.ts";
import { decodeSnapshot, encodeSnapshot } from "../../src/state/snapshot_codec.ts";

/** Raise it to look longer than the suite has time for. */
const COUNT = Number(Deno.env.get("TICKCAST_DAMAGED_FILES") ?? 1000);

const fixture = (name: string): Uint8Array<ArrayBuffer> =>
  Deno.readFileSync(new URL(`../fixtures/interop/${name}`, import.meta.url));

type Damage = (file: Uint8Array, random: Random) => Uint8Array;

const splice = (file: Uint8Array, from: number, to: number, middle: Uint8Array): Uint8Array => {
  const out = new Uint8Array(from + middle.length + file.length - to);
  out.set(file.subarray(0, from));
  out.set(middle, from);
  out.set(file.subarray(to), from + middle.length);
  return out;
};

/** Places where bytes are of a kind; the whole file where none are. */
function pick(file: Uint8Array, random: Random, kind: (byte: number) => boolean): number {
  for (let attempt = 0; attempt < 200; attempt++) {
    const at = random.integer(file.length);
    if (kind(file[at])) return at;
  }
  return random.integer(file.length);
}

const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39;

const DAMAGES: Readonly<Record<string, Damage>> = {
  "cut off": (file, random) => file.slice(0, random.integer(file.length)),
  "bits flipped": (file, random) => {
    const out = file.slice();
    for (let k = random.integer(4); k >= 0; k--) {
      out[random.integer(out.length)] ^= 1 << random.integer(8);
    }
    return out;
  },
  "bits flipped at the front, where lengths stand": (file, random) => {
    const out = file.slice();
    out[random.integer(Math.min(out.length, 64))] ^= 1 << random.integer(8);
    return out;
  },
  "a digit changed: a shape, an offset, a version": (file, random) =>
    file.with(pick(file, random, isDigit), 0x30 + random.integer(10)),
  "a length grown beyond everything": (file, random) => {
    const at = random.integer(file.length);
    const huge = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f);
    return splice(file, at, Math.min(file.length, at + random.integer(10)), huge);
  },
  "a stretch laid over another": (file, random) => {
    const out = file.slice();
    const length = 1 + random.integer(Math.min(64, out.length));
    const from = random.integer(out.length - length + 1);
    out.copyWithin(random.integer(out.length - length + 1), from, from + length);
    return out;
  },
  "a stretch twice": (file, random) => {
    const at = random.integer(file.length);
    return splice(file, at, at, file.slice(at, at + 1 + random.integer(200)));
  },
  "a stretch missing": (file, random) => {
    const at = random.integer(file.length);
    return splice(file, at, Math.min(file.length, at + 1 + random.integer(200)), new Uint8Array(0));
  },
  "a page of zeros": (file, random) => {
    const at = random.integer(file.length);
    return file.slice().fill(0, at, at + 1 + random.integer(512));
  },
};

/** The copies, each kind of damage in turn. One that came out as it was is damaged again. */
function* damaged(file: Uint8Array, seed: number): Generator<[kind: string, Uint8Array]> {
  const random = new Random(seed);
  const kinds = Object.entries(DAMAGES);
  for (let k = 0; k < COUNT;) {
    const [kind, damage] = kinds[k % kinds.length];
    const copy = damage(file, random);
    if (copy.length === file.length && copy.every((byte, at) => byte === file[at])) continue;
    k++;
    yield [kind, copy];
  }
}

/** Reads every copy. @returns how many were refused. */
async function refusals(
  file: Uint8Array,
  read: (copy: Uint8Array) => unknown,
  accept: (content: unknown, kind: string) => void,
): Promise<number> {
  let refused = 0;
  for (const [kind, copy] of damaged(file, 11)) {
    let content: unknown;
    try {
      content = await read(copy);
    } catch (error) {
      const { name, message } = error as Error;
      ok(name === "SyntaxError" || name === "TypeError", `${kind}: ${name}: ${message}`);
      ok(/^[A-Z].{10,}/.test(message), `${kind}: "${message}" says too little`);
      refused++;
      continue;
    }
    accept(content, kind);
  }
  return refused;
}

/** Shapes and bytes by name, so that one NaN equals another. */
function bytesOf(tensors: ReadonlyMap<string, Tensor>): Record<string, unknown> {
  return Object.fromEntries(
    [...tensors].map(([name, { shape, data }]) => [name, [shape, new Uint8Array(data.buffer)]]),
  );
}

const parameters = initialParameters(
  { cell: "gru", inputSize: 3, hiddenSize: 6, layers: 2, outputSize: 4 },
  new Random(1),
);
const snapshot = {
  manifest: { format: "test", horizon: 3, names: ["a", "naïve"] },
  arrays: { state: Float64Array.of(1, -2, 0.5), weights: parameters.values },
};
const checkpoint = { sequence: 123_456, createdMs: 1_700_000_000_000, snapshot };

// ONNX Runtime opens a message port with the first model and keeps it: not charged to a test.
const ours = exportOnnx(parameters, {
  head: { loss: "mse", horizon: 4 },
  features: ["value", "load", "hour"],
});
await (await OnnxNetwork.open(ours)).dispose();

const open = async (copy: Uint8Array): Promise<number[]> => {
  const network = await OnnxNetwork.open(copy);
  try {
    const state = new Float32Array(network.stateLength);
    const [said] = await network.step([new Float32Array(network.features)], [state]);
    return [...said];
  } finally {
    await network.dispose();
  }
};

Deno.test(`${COUNT} damaged copies of an ONNX file exported here`, async () => {
  const expected = await open(ours);
  const refused = await refusals(ours, open, (said) => deepEqual(said, expected));
  ok(refused >= 0.99 * COUNT, `${refused} of ${COUNT} were refused`);
});

for (const name of ["pytorch_lstm.onnx", "pytorch_gru.onnx", "stepwise_lstm.onnx"]) {
  Deno.test(`${COUNT} damaged copies of ${name}, which holds no checksum`, async () => {
    const file = fixture(name);
    const expected = await open(file);
    const refused = await refusals(file, open, (said) => ok(Array.isArray(said)));
    ok(refused > 0.4 * COUNT, `${refused} of ${COUNT} were refused`);
    deepEqual(await open(file), expected, "ONNX Runtime has come through it");
  });
}

Deno.test(`${COUNT} damaged copies of a model file`, async () => {
  const file = writeModel({ parameters, head: { loss: "mse", horizon: 4 }, covariates: 0 });
  const expected = readModel(file);
  const refused = await refusals(file, readModel, (read) => deepEqual(read, expected));
  ok(refused >= 0.99 * COUNT, `${refused} of ${COUNT} were refused`);
});

for (const name of ["lstm.safetensors", "types.safetensors", "keras_gru.safetensors"]) {
  Deno.test(`${COUNT} damaged copies of ${name}, which holds no checksum`, async () => {
    const refused = await refusals(fixture(name), readSafetensors, (read) => {
      const { tensors, metadata } = read as ReturnType<typeof readSafetensors>;
      // Whatever was read is whole: written again it gives the same.
      const again = readSafetensors(writeSafetensors(Object.fromEntries(tensors), metadata));
      deepEqual(again.metadata, metadata);
      deepEqual(bytesOf(again.tensors), bytesOf(tensors));
    });
    ok(refused > 0.4 * COUNT, `${refused} of ${COUNT} were refused`);
  });
}

Deno.test(`${COUNT} damaged copies of a state dict of PyTorch`, async () => {
  const file = fixture("lstm.safetensors");
  const load = (copy: Uint8Array): unknown =>
    parametersFromStateDict(readSafetensors(copy).tensors);
  const { architecture } = parametersFromStateDict(readSafetensors(file).tensors);
  await refusals(file, load, (loaded) => {
    const read = loaded as ReturnType<typeof parametersFromStateDict>;
    deepEqual(read.architecture, architecture);
    ok(read.values.every(Number.isFinite));
  });
});

Deno.test(`${COUNT} damaged copies of a shared checkpoint`, async () => {
  const file = encodeSnapshot(checkpoint);
  const refused = await refusals(file, decodeSnapshot, (read) => deepEqual(read, checkpoint));
  ok(refused >= 0.99 * COUNT, `${refused} of ${COUNT} were refused`);
});

Deno.test(`${COUNT} damaged copies of either file of a checkpoint`, async () => {
  const { manifest, tensors } = await encodeCheckpoint(snapshot, 123_456, checkpoint.createdMs);
  const text = new TextEncoder().encode(manifest);
  const same = (read: unknown): void => deepEqual(read, checkpoint);
  await refusals(
    text,
    (copy) => decodeCheckpoint({ manifest: new TextDecoder().decode(copy), tensors }),
    same,
  );
  const refused = await refusals(
    tensors,
    (copy) => decodeCheckpoint({ manifest, tensors: new Uint8Array(copy) }),
    same,
  );
  ok(refused === COUNT, `${refused} of ${COUNT} were refused`);
});
