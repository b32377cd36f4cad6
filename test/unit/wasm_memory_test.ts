// Memory of the WASM backend: blocks come back, views follow growth, misuse is refused.
import { deepStrictEqual, notStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { openWasm } from "../../kernels/wasm/open_wasm.ts";
import { Heap } from "../../kernels/wasm/heap.ts";

Deno.test("freed neighbours are joined and handed out again, zeroed", () => {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const heap = new Heap(memory, 1000);
  const [a, b, c] = [heap.allocate(100), heap.allocate(100), heap.allocate(100)];
  new Uint8Array(memory.buffer, a, 200).fill(7);
  heap.free(c);
  heap.free(a);
  heap.free(b);
  const whole = heap.allocate(384);
  strictEqual(whole, a);
  ok(new Uint8Array(memory.buffer, whole, 384).every((byte) => byte === 0));
  strictEqual(whole % 64, 0);
});

Deno.test("allocating and freeing without end stays within the same memory", () => {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const heap = new Heap(memory, 1000);
  let kept = heap.allocate(1000);
  for (let k = 0; k < 2000; k++) {
    const next = heap.allocate(1000 + k % 700);
    heap.free(kept);
    kept = next;
  }
  strictEqual(memory.buffer.byteLength, 65536);
});

Deno.test("a memory that cannot grow is a RangeError, and what was there stays", () => {
  const heap = new Heap(new WebAssembly.Memory({ initial: 1, maximum: 2 }), 1000);
  const block = heap.allocate(1000);
  throws(() => heap.allocate(200_000), RangeError);
  heap.free(block);
  throws(() => heap.free(block), TypeError);
});

Deno.test("views and prepared kernels outlive growth of the memory", async () => {
  const backend = await openWasm();
  const [a, b] = [backend.allocate(5), backend.allocate(5)];
  backend.write(a, Float32Array.of(1, 2, 3, 4, 5));
  const copy = backend.prepare("copy", { source: a, target: b });
  const before = backend.view(a);
  backend.allocate(5_000_000);
  strictEqual(before.length, 0, "the old view is detached");
  notStrictEqual(backend.view(a), before);
  copy();
  deepStrictEqual([...backend.view(b)], [1, 2, 3, 4, 5]);
});

Deno.test("freed buffers, slices and strangers are refused", async () => {
  const [backend, other] = [await openWasm(), await openWasm()];
  const buffer = backend.allocate(4);
  const slice = backend.slice(buffer, 1, 2);
  throws(() => backend.free(slice), TypeError);
  throws(() => other.view(buffer), TypeError);
  backend.free(buffer);
  throws(() => backend.view(slice), TypeError);
  throws(() => backend.free(buffer), TypeError);
});

Deno.test("an index outside the states is refused before anything is written", async () => {
  const backend = await openWasm();
  const shape = { cell: "gru", inputSize: 1, hiddenSize: 2 } as const;
  const [x, h, output] = [backend.allocate(2), backend.allocate(4), backend.allocate(4)];
  const packed = backend.allocate(backend.packedLength(shape));
  const rows = backend.allocate(2, "u32");
  backend.write(h, Float32Array.of(1, 1, 1, 1));
  backend.write(rows, Uint32Array.of(0, 2));
  const step = backend.prepare("step", { shape, batch: 2, x, packed, h, rows, output });
  throws(step, /place 1 lies outside 2 rows/);
  deepStrictEqual([...backend.view(h)], [1, 1, 1, 1]);
  const gather = { width: 2, source: h, rows, target: output };
  throws(backend.prepare("gather", gather), RangeError);
});
