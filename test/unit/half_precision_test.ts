// Why no kernel keeps its weights in 16 bits: what that costs in accuracy, whatever it were to save.
import { ok } from "node:assert/strict";
import { type CellKind, ReferenceBackend } from "../../kernels/mod.ts";
import { Random } from "../../src/model/random.ts";
import { Device, normals, randomParameters } from "../contract/device.ts";

const [STEPS, BATCH, INPUTS, HIDDEN] = [100, 4, 8, 64];
/** What h and c are held to on the GPU (test/contract/webgpu_backend_test.ts). */
const FORWARD_TOLERANCE = 5e-6;

/** The hidden states of a sequence through weights as given, or rounded to half precision. */
async function hiddenStates(cell: CellKind, half: boolean): Promise<Float32Array> {
  using device = new Device(new ReferenceBackend());
  const random = new Random(1);
  const shape = { cell, inputSize: INPUTS, hiddenSize: HIDDEN };
  const parameters = randomParameters(shape, random);
  const rows = STEPS * BATCH;
  const zeros = (): ReturnType<Device["zeros"]> => device.zeros(BATCH * HIDDEN);
  const hs = device.zeros(rows * HIDDEN);
  device.backend.prepare("sequence", {
    shape,
    steps: STEPS,
    batch: BATCH,
    x: device.put(normals(rows * INPUTS, random)),
    packed: device.packed(shape, half ? parameters.map(Math.f16round) : parameters),
    h0: zeros(),
    ...cell === "lstm" && { c0: zeros(), cs: device.zeros(rows * HIDDEN) },
    hs,
    saved: device.zeros(rows * 4 * HIDDEN),
  })();
  return await device.get(hs);
}

for (const cell of ["lstm", "gru"] as const) {
  Deno.test(`${cell}: weights in half precision miss the tolerance by far`, async () => {
    const [full, half] = [await hiddenStates(cell, false), await hiddenStates(cell, true)];
    const largest = (values: Float32Array): number => Math.max(...values.map(Math.abs));
    const error = largest(full.map((value, k) => value - half[k])) / largest(full);
    console.log(`${cell}: off by ${error.toExponential(1)} of the largest hidden state`);
    ok(error > 10 * FORWARD_TOLERANCE, "half precision would do: offer it");
  });
}
