// Threads of the WASM backend: the same bits as one thread, whoever does which rows; and what happens when
// workers end, die, or cannot be had.
import { match, ok, rejects, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import type { CellKind, HostBackend, LayerShape } from "../../kernels/mod.ts";
import type { WasmBackend } from "../../kernels/wasm/backend.ts";
import { openWasm, type WasmOptions } from "../../kernels/wasm/open_wasm.ts";
import { initialParameters, Random, RecurrentNetwork } from "../../mod.ts";
import {
  assertSameBits,
  CELLS,
  Device,
  normals,
  randomParameters,
  states,
} from "../contract/device.ts";

/** Shares out whatever has more rows than a tile. */
const EAGER: WasmOptions = { workMin: 1 };

/** Opens a backend for the time of a test. */
async function withBackend(
  options: WasmOptions,
  run: (backend: WasmBackend) => void | Promise<void>,
): Promise<void> {
  const backend = await openWasm(options);
  try {
    await run(backend);
  } finally {
    backend.dispose();
  }
}

/** Two steps of a network for rows in random order; everything that they leave behind. */
async function twoSteps(
  backend: HostBackend,
  cell: CellKind,
  layers: number,
  rows: number,
): Promise<Float32Array[]> {
  const architecture = { cell, inputSize: 3, hiddenSize: 17, layers, outputSize: 5 };
  const network = new RecurrentNetwork(backend, architecture, { batch: rows, capacity: rows + 3 });
  network.setParameters(initialParameters(architecture, new Random(1)).values);
  const random = new Random(rows);
  const all = Uint32Array.from({ length: rows + 3 }, () => network.states.allocateRow());
  for (const row of all) network.states.writeRow(row, states(network.states.rowLength, random));
  const kept: Float32Array[] = [];
  for (let step = 0; step < 2; step++) {
    random.shuffle(all);
    network.step(normals(rows * 3, random), all.slice(0, rows));
    for (
      const [buffer, length] of [[network.outputs, rows * 5], [network.hidden, rows * 17]] as const
    ) {
      const values = new Float32Array(length);
      await backend.read(buffer, values);
      kept.push(values);
    }
  }
  for (const row of all.sort()) {
    const values = new Float32Array(network.states.rowLength);
    await network.states.readRow(row, values);
    kept.push(values);
  }
  network.dispose();
  return kept;
}

for (const threads of [1, 2, 3]) {
  Deno.test(`${threads} threads give the bits of one, over cells, layers and rows`, async () => {
    const alone = await openWasm();
    await withBackend({ ...EAGER, threads }, async (backend) => {
      match(backend.description, new RegExp(`, ${threads} threads?\\)$`));
      for (const cell of CELLS) {
        for (const layers of [1, 2]) {
          for (const rows of [1, 5, 6, 7, 63, 64, 1000]) {
            const expected = await twoSteps(alone, cell, layers, rows);
            const actual = await twoSteps(backend, cell, layers, rows);
            expected.forEach((values, k) =>
              assertSameBits(actual[k], values, `${cell}, ${layers} layers, ${rows} rows: ${k}`)
            );
          }
        }
      }
    });
  });
}

/** One step and a head over it, the states by index or in order. */
async function stepAndHead(
  backend: HostBackend,
  shape: LayerShape,
  batch: number,
  outputSize: number,
  byIndex: boolean,
): Promise<Float32Array[]> {
  const device = new Device(backend);
  const { inputSize, hiddenSize, cell } = shape;
  const random = new Random(batch);
  const index = Uint32Array.from({ length: batch }, (_, k) => k);
  random.shuffle(index);
  const rows = byIndex ? { rows: device.put(index) } : {};
  const h = device.put(states(batch * hiddenSize, random));
  const c = cell === "lstm" ? { c: device.put(normals(batch * hiddenSize, random)) } : {};
  const [output, y] = [device.zeros(batch * hiddenSize), device.zeros(batch * outputSize)];
  backend.prepare("step", {
    shape,
    batch,
    x: device.put(normals(batch * inputSize, random)),
    packed: device.packed(shape, randomParameters(shape, random)),
    h,
    ...c,
    ...rows,
    output,
  })();
  const parameters = device.put(normals(outputSize * (hiddenSize + 1), random));
  const sizes = { rows: batch, inputSize: hiddenSize, outputSize };
  backend.prepare("linear", { ...sizes, x: output, parameters, y })();
  return await Promise.all([output, y, h, ...Object.values(c)].map((buffer) => device.get(buffer)));
}

Deno.test("any shape gives the bits of one thread", async () => {
  const alone = await openWasm();
  await withBackend({ ...EAGER, threads: 3 }, async (backend) => {
    const shapes = fc.record({
      cell: fc.constantFrom(...CELLS),
      inputSize: fc.integer({ min: 1, max: 9 }),
      hiddenSize: fc.integer({ min: 1, max: 40 }),
    });
    const [batches, outputs] = [fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 9 })];
    await fc.assert(
      fc.asyncProperty(shapes, batches, outputs, fc.boolean(), async (shape, ...sizes) => {
        const expected = await stepAndHead(alone, shape, ...sizes);
        const actual = await stepAndHead(backend, shape, ...sizes);
        expected.forEach((values, k) => assertSameBits(actual[k], values, String(k)));
      }),
      { numRuns: 100 },
    );
  });
});

Deno.test("workers see memory that grew after they began", async () => {
  const alone = await openWasm();
  await withBackend({ ...EAGER, threads: 2 }, async (backend) => {
    const shape = { cell: "gru", inputSize: 2, hiddenSize: 8 } as const;
    for (let round = 0; round < 20; round++) {
      for (const grown of [alone, backend]) grown.allocate(300_000);
      const [expected] = await stepAndHead(alone, shape, 600, 3, true);
      assertSameBits((await stepAndHead(backend, shape, 600, 3, true))[0], expected, `${round}`);
    }
  });
});

Deno.test("an index outside the states is refused before any thread writes", async () => {
  await withBackend({ ...EAGER, threads: 2 }, (backend) => {
    const device = new Device(backend);
    const shape = { cell: "gru", inputSize: 1, hiddenSize: 4 } as const;
    const h = device.put(new Float32Array(100 * 4).fill(1));
    const rows = device.put(Uint32Array.from({ length: 100 }, (_, k) => k + 1));
    const packed = device.zeros(backend.packedLength(shape));
    const [x, output] = [device.zeros(100), device.zeros(400)];
    const step = backend.prepare("step", { shape, batch: 100, x, packed, h, rows, output });
    throws(step, /place 99 lies outside 100 rows/);
    ok(backend.view(h).every((value) => value === 1));
    step(99);
    strictEqual(backend.view(h)[4], 0.5);
  });
});

Deno.test("small steps stay on the caller's thread, unless many follow each other", async () => {
  await withBackend({ threads: 2 }, ({ rowThreads }) => {
    const alone: number[] = [];
    const rows = rowThreads!.bind(
      // A head without outputs: nothing is written.
      {
        kernel: "linear",
        args: [0, 64, 0, 0, 0, 0],
        rowsAt: 0,
        strides: [],
        work: 20_000,
        scratchBytes: 0,
      },
      (count) => alone.push(count),
    );
    for (let k = 0; k < 10; k++) rowThreads!.run(rows, 39, 0);
    strictEqual(alone.length, 10);
    rowThreads!.run(rows, 200, 0);
    strictEqual(alone.length, 10);
    // Its workers wake up for those, at the latest when they follow each other at once.
    for (let before = -1; alone.length !== before;) {
      before = alone.length;
      rowThreads!.run(rows, 40, 0);
    }
  });
});

Deno.test("a disposed backend has no workers, and steps alone", async () => {
  const alone = await openWasm();
  const backend = await openWasm({ ...EAGER, threads: 3 });
  backend.dispose();
  match(backend.description, /1 thread\)/);
  const expected = await twoSteps(alone, "lstm", 1, 64);
  const actual = await twoSteps(backend, "lstm", 1, 64);
  expected.forEach((values, k) => assertSameBits(actual[k], values, `${k}`));
});

Deno.test("a program ends once it has disposed of its backend", async () => {
  const kernels = new URL("../../kernels/mod.ts", import.meta.url);
  const program = `import { openBackend } from "${kernels}";
    const backend = await openBackend("wasm", { threads: 2 });
    console.log(backend.description);
    setTimeout(() => backend.dispose(), 100);`;
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-check", program],
    signal: AbortSignal.timeout(60_000),
  }).output();
  ok(success);
  match(new TextDecoder().decode(stdout), /, 2 threads\)/);
});

/** A worker of the backend's own, or another script in its place. */
function workerOf(script: string): Worker {
  return new Worker(new URL(script, import.meta.url), { type: "module" });
}

Deno.test("a worker that is gone costs nothing: the others do its rows", async () => {
  const startWorker = (): Worker => workerOf("./dying_row_worker.ts?early");
  const alone = await openWasm();
  await withBackend({ ...EAGER, threads: 2, startWorker }, async (backend) => {
    const expected = await twoSteps(alone, "lstm", 2, 1000);
    const actual = await twoSteps(backend, "lstm", 2, 1000);
    expected.forEach((values, k) => assertSameBits(actual[k], values, `${k}`));
  });
});

for (const how of ["silently", "loudly"]) {
  Deno.test(`a worker that dies ${how} over its rows is an error, and one thread goes on`, async () => {
    const options = {
      ...EAGER,
      threads: 2,
      startWorker: () => workerOf(`./dying_row_worker.ts?${how}`),
      // One that is silent is waited for; one that says so must not be.
      rowsLimitMs: how === "silently" ? 100 : 600_000,
    };
    await withBackend(options, async (backend) => {
      // It dies with the first rows that it gets hold of.
      const untilItDies = async (): Promise<void> => {
        for (;;) await twoSteps(backend, "gru", 1, 1000);
      };
      await rejects(untilItDies(), /died over its rows/);
      match(backend.description, /1 thread\)/);
      const expected = await twoSteps(await openWasm(), "gru", 1, 64);
      const actual = await twoSteps(backend, "gru", 1, 64);
      expected.forEach((values, k) => assertSameBits(actual[k], values, `${k}`));
    });
  });
}

Deno.test("without what threads need there is one, and the reason is given", async () => {
  const scope = globalThis as { SharedArrayBuffer?: unknown };
  const { SharedArrayBuffer } = scope;
  delete scope.SharedArrayBuffer;
  try {
    await withBackend({ threads: 2 }, ({ description }) => {
      match(description, /1 thread: there is no SharedArrayBuffer here\)/);
    });
  } finally {
    scope.SharedArrayBuffer = SharedArrayBuffer;
  }
  await withBackend(
    { threads: 2, startWorker: () => workerOf("./no_such_worker.ts") },
    (backend) => {
      match(backend.description, /1 thread: a worker did not start: /);
    },
  );
});

Deno.test("threads are a number from 1 on", async () => {
  for (const threads of [0, 1.5, -2, NaN, 65]) await rejects(openWasm({ threads }), RangeError);
});
