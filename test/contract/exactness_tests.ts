// What must hold to the last bit: a sequence is repeated steps, a row minds its own business, a state
// that was written back goes on as it would have.
import type { DeviceBuffer, Dispatch, LayerShape } from "../../kernels/mod.ts";
import { Random } from "../../src/model/random.ts";
import type { Case } from "./backend_suite.ts";
import { assertSameBits, CELLS, type Device, normals, randomParameters, states } from "./device.ts";

const HIDDEN_SIZES = [1, 3, 17, 64, 100];

export function exactnessTests(test: Case): void {
  for (const cell of CELLS) {
    for (const hiddenSize of HIDDEN_SIZES) {
      const shape = { cell, inputSize: 5, hiddenSize };
      test(`${cell} ${hiddenSize}: a sequence equals repeated steps`, async (device) => {
        for (const batch of [1, 3, 17]) await sequenceIsRepeatedStep(device, shape, batch);
      });
      test(`${cell} ${hiddenSize}: a row does not depend on its neighbours`, async (device) => {
        await rowsAreIndependent(device, shape);
      });
      test(`${cell} ${hiddenSize}: a state written back goes on exactly`, async (device) => {
        await statesAreExact(device, shape);
      });
    }
  }
}

/** The states of one layer on a device, and its step. */
class Layer {
  readonly h: DeviceBuffer;
  readonly c: DeviceBuffer;
  readonly packed: DeviceBuffer;

  constructor(readonly device: Device, readonly shape: LayerShape, capacity: number) {
    const random = new Random(shape.hiddenSize);
    this.packed = device.packed(shape, randomParameters(shape, random));
    this.h = device.put(states(capacity * shape.hiddenSize, random));
    this.c = device.put(normals(capacity * shape.hiddenSize, random));
  }

  cells<K extends string>(name: K, buffer: DeviceBuffer): Partial<Record<K, DeviceBuffer>> {
    return this.shape.cell === "lstm" ? { [name]: buffer } as Record<K, DeviceBuffer> : {};
  }

  step(batch: number, x: DeviceBuffer, output: DeviceBuffer, rows?: DeviceBuffer): Dispatch {
    const { shape, packed, h, device } = this;
    const step = { shape, batch, x, packed, h, ...this.cells("c", this.c), output };
    return device.backend.prepare("step", rows ? { ...step, rows } : step);
  }
}

async function sequenceIsRepeatedStep(
  device: Device,
  shape: LayerShape,
  batch: number,
): Promise<void> {
  const steps = 4;
  const { inputSize: I, hiddenSize: H } = shape;
  const layer = new Layer(device, shape, batch);
  const xs = normals(steps * batch * I, new Random(batch));
  const [hs, cs] = [device.zeros(steps * batch * H), device.zeros(steps * batch * H)];
  device.backend.prepare("sequence", {
    shape,
    steps,
    batch,
    x: device.put(xs),
    packed: layer.packed,
    h0: layer.h,
    ...layer.cells("c0", layer.c),
    hs,
    ...layer.cells("cs", cs),
    saved: device.zeros(steps * batch * 4 * H),
  })();
  const [allH, allC] = [await device.get(hs), await device.get(cs)];
  const [x, output] = [device.zeros(batch * I), device.zeros(batch * H)];
  const step = layer.step(batch, x, output);
  for (let t = 0; t < steps; t++) {
    device.backend.write(x, xs.subarray(t * batch * I, (t + 1) * batch * I));
    step();
    const part = [t * batch * H, (t + 1) * batch * H] as const;
    assertSameBits(await device.get(output), allH.subarray(...part), `output of step ${t}`);
    assertSameBits(await device.get(layer.h), allH.subarray(...part), `h of step ${t}`);
    if (shape.cell === "lstm") {
      assertSameBits(await device.get(layer.c), allC.subarray(...part), `c of step ${t}`);
    }
  }
}

async function rowsAreIndependent(device: Device, shape: LayerShape): Promise<void> {
  const [capacity, batch] = [23, 17];
  const { inputSize: I, hiddenSize: H } = shape;
  const layer = new Layer(device, shape, capacity);
  const [h0, c0] = [await device.get(layer.h), await device.get(layer.c)];
  const random = new Random(5);
  const xs = normals(batch * I, random);
  const order = Uint32Array.from({ length: capacity }, (_, k) => k);
  random.shuffle(order);
  const chosen = order.slice(0, batch);
  const row = (values: Float32Array, k: number, width: number): Float32Array =>
    values.subarray(k * width, (k + 1) * width);

  // Each row alone, in a batch of one.
  const [x1, rows1, output1] = [device.zeros(I), device.put(Uint32Array.of(0)), device.zeros(H)];
  const stepOne = layer.step(1, x1, output1, rows1);
  const alone = new Float32Array(batch * H);
  for (let b = 0; b < batch; b++) {
    device.backend.write(x1, row(xs, b, I));
    device.backend.write(rows1, chosen.subarray(b, b + 1));
    stepOne();
    alone.set(await device.get(output1), b * H);
  }
  const [hAlone, cAlone] = [await device.get(layer.h), await device.get(layer.c)];
  const restore = (): void => {
    device.backend.write(layer.h, h0);
    device.backend.write(layer.c, c0);
  };

  // All together, through row indices.
  restore();
  const [x, output] = [device.put(xs), device.zeros(batch * H)];
  const step = layer.step(batch, x, output, device.put(chosen));
  step();
  assertSameBits(await device.get(output), alone, "all together");
  assertSameBits(await device.get(layer.h), hAlone, "the slab of h, rows left out included");
  assertSameBits(await device.get(layer.c), cAlone, "the slab of c, rows left out included");

  // The first few only: the others stay.
  for (const count of [1, 2, 4, 7, 16]) {
    restore();
    device.backend.write(output, new Float32Array(batch * H).fill(9));
    step(count);
    const expected = new Float32Array(batch * H).fill(9);
    expected.set(alone.subarray(0, count * H));
    assertSameBits(await device.get(output), expected, `output of the first ${count}`);
    const slab = h0.slice();
    for (let b = 0; b < count; b++) slab.set(row(hAlone, chosen[b], H), chosen[b] * H);
    assertSameBits(await device.get(layer.h), slab, `h after the first ${count}`);
  }

  // Without row indices: the same row of x and of the state at another place in the batch.
  restore();
  const states0 = new Float32Array(batch * H);
  const cells0 = new Float32Array(batch * H);
  const xReversed = new Float32Array(batch * I);
  for (let b = 0; b < batch; b++) {
    const from = batch - 1 - b;
    states0.set(row(h0, chosen[from], H), b * H);
    cells0.set(row(c0, chosen[from], H), b * H);
    xReversed.set(row(xs, from, I), b * I);
  }
  device.backend.write(layer.h, states0);
  device.backend.write(layer.c, cells0);
  device.backend.write(x, xReversed);
  layer.step(batch, x, output)();
  const reversed = await device.get(output);
  for (let b = 0; b < batch; b++) {
    assertSameBits(row(reversed, b, H), row(alone, batch - 1 - b, H), `row ${b} at another place`);
  }
}

async function statesAreExact(device: Device, shape: LayerShape): Promise<void> {
  const [batch, steps] = [3, 4];
  const random = new Random(9);
  const layer = new Layer(device, shape, batch);
  const [x, output] = [
    device.zeros(batch * shape.inputSize),
    device.zeros(batch * shape.hiddenSize),
  ];
  const step = layer.step(batch, x, output);
  const xs = Array.from({ length: steps }, () => normals(batch * shape.inputSize, random));
  const run = async (): Promise<Float32Array> => {
    for (const values of xs) {
      device.backend.write(x, values);
      step();
    }
    return await device.get(output);
  };
  await run();
  const [h, c] = [await device.get(layer.h), await device.get(layer.c)];
  const first = await run();
  device.backend.write(layer.h, h);
  device.backend.write(layer.c, c);
  assertSameBits(await run(), first, "output after the state was written back");
}
