import assert from "node:assert/strict";
import { compile, hashSources, readSources } from "../../kernels/wasm/build.ts";
import type { WasmExports } from "../../kernels/wasm/exports.ts";
import { WasmMemory } from "../../kernels/wasm/memory.ts";
import { RELAXED_MODULE, SIMD_MODULE, SOURCE_HASH } from "../../kernels/wasm/module.ts";

Deno.test("the committed WASM modules are those of the sources", async () => {
  const sources = await readSources();
  assert.equal(SOURCE_HASH, await hashSources(sources), "run `deno task build:wasm`");
  assert.equal((await compile(sources, false)).toBase64(), SIMD_MODULE);
  assert.equal((await compile(sources, true)).toBase64(), RELAXED_MODULE);
});

/** The largest relative error of an activation on a fine grid, values below `tiny` left out. */
async function activationError(module: string, kind: number): Promise<number> {
  const { instance } = await WebAssembly.instantiate(Uint8Array.fromBase64(module), {
    env: { abort: () => assert.fail() },
  });
  const wasm = instance.exports as unknown as WasmExports;
  const memory = new WasmMemory(wasm.memory, wasm.heapBase());
  const count = 200_001;
  const [from, to] = [memory.allocate(4 * count), memory.allocate(4 * count)];
  const x = memory.floats.subarray(from / 4, from / 4 + count);
  for (let i = 0; i < count; i++) x[i] = (i - 100_000) / 1250;
  wasm.activate(kind, from, to, count);
  const y = memory.floats.subarray(to / 4, to / 4 + count);
  let worst = 0;
  for (let i = 0; i < count; i++) {
    const expected = kind === 0 ? 1 / (1 + Math.exp(-x[i])) : Math.tanh(x[i]);
    if (expected !== 0) worst = Math.max(worst, Math.abs(y[i] / expected - 1));
    else assert.equal(y[i], 0);
  }
  return worst;
}

for (const [flavour, module] of [["SIMD", SIMD_MODULE], ["relaxed SIMD", RELAXED_MODULE]]) {
  Deno.test(`${flavour}: sigmoid and tanh are off by 4e-7 at most, relatively, on [-80, 80]`, async () => {
    assert.ok(await activationError(module, 0) < 4e-7);
    assert.ok(await activationError(module, 1) < 4e-7);
  });
}

Deno.test("memory given back is used again, zeroed, and growth keeps what was written", () => {
  const memory = new WasmMemory(new WebAssembly.Memory({ initial: 1 }), 1000);
  const first = memory.allocate(100);
  assert.equal(first % 64, 0);
  memory.floats[first / 4] = 7;
  const large = memory.allocate(1_000_000);
  assert.equal(memory.floats[first / 4], 7);
  assert.equal(memory.floats[large / 4], 0);
  memory.free(first, 100);
  const again = memory.allocate(128);
  assert.equal(again, first);
  assert.equal(memory.floats[again / 4], 0);
  assert.throws(() => memory.allocate(2 ** 33), RangeError);
});
