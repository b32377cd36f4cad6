// The committed modules are what their sources compile to, and the activations keep their stated errors.
import { deepEqual, ok, strictEqual } from "node:assert/strict";
import { compile, hashSources, readSources } from "../../kernels/wasm/build.ts";
import { LEAST_SQUARES_MODULE, SOURCE_HASH } from "../../kernels/wasm/module.ts";
import { openWasm } from "../../kernels/wasm/open_wasm.ts";
import { withSharedMemory } from "../../kernels/wasm/shared_memory.ts";
import { unpackKernels } from "../../kernels/wasm/unpack.ts";

Deno.test("the committed WASM modules are those of the sources", async () => {
  const sources = await readSources();
  strictEqual(SOURCE_HASH, await hashSources(sources), "run `deno task build:wasm`");
  const { simd, relaxed } = await unpackKernels();
  deepEqual(await compile(sources, false), simd, "the SIMD module");
  deepEqual(await compile(sources, true), relaxed, "the module with relaxed SIMD");
  // The flavour for threads is what the compiler itself makes for shared memory.
  const shared = await compile(sources, true, "index.ts", [
    "--sharedMemory",
    "--enable",
    "threads",
  ]);
  deepEqual(withSharedMemory(relaxed), shared, "the module over shared memory");
  const leastSquares = await compile(sources, false, "least_squares.ts");
  ok(leastSquares.toBase64() === LEAST_SQUARES_MODULE, "the module for least squares");
});

/** One activation over many arguments. */
async function activate(
  relaxedSimd: boolean,
  kind: number,
  xs: Float32Array,
): Promise<Float32Array> {
  const backend = await openWasm({ relaxedSimd });
  const buffer = backend.allocate(xs.length);
  backend.write(buffer, xs);
  backend.exports.activate(kind, backend.own(buffer).pointer, xs.length);
  return backend.view(buffer).slice();
}

/** Every exponent from 2⁻⁶⁰ to `largest`, both signs, and a fine grid between. */
function samples(largest: number): Float32Array {
  const values: number[] = [];
  for (let size = 2 ** -60; size < largest; size *= 1.003) values.push(size, -size);
  for (let k = -100_000; k <= 100_000; k++) values.push(largest * k / 100_000);
  while (values.length % 4 !== 0) values.push(0);
  return Float32Array.from(values);
}

const ACTIVATIONS = [
  { name: "sigmoid", exact: (x: number) => 1 / (1 + Math.exp(-x)), largest: 86, relativeMax: 3e-7 },
  { name: "tanh", exact: Math.tanh, largest: 100, relativeMax: 3e-7 },
];

for (const relaxedSimd of [false, true]) {
  const flavour = relaxedSimd ? "relaxed SIMD" : "SIMD";
  for (const [kind, { name, exact, largest, relativeMax }] of ACTIVATIONS.entries()) {
    Deno.test(`${flavour} ${name}: relative error at most ${relativeMax}`, async () => {
      const xs = samples(largest);
      const ys = await activate(relaxedSimd, kind, xs);
      let worst = 0;
      xs.forEach((x, k) => {
        const expected = exact(x);
        const error = x === 0 && name === "tanh"
          ? Math.abs(ys[k])
          : Math.abs(ys[k] - expected) / Math.abs(expected);
        worst = Math.max(worst, error);
      });
      ok(worst <= relativeMax, `largest relative error ${worst}`);
    });

    Deno.test(`${flavour} ${name}: saturates and lets NaN through`, async () => {
      const [low, high, nan, zero] = await activate(
        relaxedSimd,
        kind,
        Float32Array.of(-Infinity, Infinity, NaN, 0),
      );
      strictEqual(nan, NaN);
      ok(Math.abs(low - (name === "tanh" ? -1 : 0)) < 1e-37);
      strictEqual(high, 1);
      strictEqual(zero, exact(0));
    });
  }
}
