// Arguments that cannot work are refused by name when a kernel is prepared, not when it runs.
import { throws } from "node:assert/strict";
import type { KernelArguments, KernelName } from "../../kernels/mod.ts";
import type { Case } from "./backend_suite.ts";
import type { Device } from "./device.ts";

export function refusalTests(test: Case): void {
  test("memory that cannot be had is refused", (device) => {
    for (const length of [0, -1, 1.5, NaN]) {
      throws(() => device.backend.allocate(length), RangeError, `length ${length}`);
    }
    const buffer = device.zeros(4);
    throws(() => device.backend.slice(buffer, 2, 3), RangeError);
    throws(() => device.backend.write(buffer, new Float32Array(5)), RangeError);
    throws(() => device.backend.write(buffer, new Uint32Array(1)), TypeError);
    return Promise.resolve();
  });

  test("arguments that cannot work are refused by name", (device) => {
    const refuses = <K extends KernelName>(
      kernel: K,
      good: KernelArguments[K],
      bad: Partial<KernelArguments[K]>,
      message: RegExp,
    ): void => {
      device.backend.prepare(kernel, good);
      throws(() => device.backend.prepare(kernel, { ...good, ...bad }), message);
    };
    const few = device.zeros(1);
    const index = device.put(Uint32Array.of(0, 1));

    const step = lstmStep(device);
    refuses("step", step, { x: few }, /"step": x needs 4 elements, has 1/);
    refuses("step", step, { h: few }, /"step": h needs/);
    refuses("step", step, { c: undefined }, /"step": c is missing/);
    refuses("step", step, { rows: step.h }, /"step": rows must hold u32/);
    refuses("step", step, { rows: device.put(Uint32Array.of(0)) }, /"step": rows needs 2/);
    refuses("step", step, { batch: 0 }, /"step": batch must be a positive/);
    refuses("step", step, { packed: few }, /"step": packed needs/);
    refuses("step", step, { shape: { ...step.shape, hiddenSize: 1.5 } }, /hiddenSize/);
    throws(() => device.backend.prepare("step", step)(3), RangeError, "more rows than prepared");

    const adam = adamStep(device);
    refuses("adam", adam, { gradient: few }, /"adam": gradient needs exactly 3/);
    refuses("adam", adam, { beta1: 1 }, /"adam": beta1 must be in \[0, 1\)/);
    refuses("adam", adam, { epsilon: NaN }, /"adam": epsilon/);
    refuses("adam", adam, { weightDecay: -1 }, /"adam": weightDecay/);

    const buffers = { predictions: few, targets: few, mask: few, loss: few, gradient: few };
    const loss = { kind: "pinball", rows: 1, horizon: 1, levels: [0.5], ...buffers } as const;
    refuses("loss", loss, { levels: [1] }, /"loss": levels\[0\]/);
    refuses("loss", loss, { levels: [] }, /"loss": levels must be/);
    refuses("loss", loss, { levels: [0.6, 0.4] }, /"loss": levels\[1\]/);
    refuses("loss", { ...loss, kind: "huber" }, { delta: 0 }, /"loss": delta/);
    refuses("clip", { gradient: few, maxNorm: 1, norm: few }, { maxNorm: Infinity }, /maxNorm/);
    refuses("copy", { source: few, target: few }, { target: adam.m }, /"copy": target/);
    const gather = { width: 1, source: few, rows: index, target: adam.m };
    refuses("gather", gather, { target: few }, /"gather": target needs 2/);
    return Promise.resolve();
  });
}

function lstmStep(device: Device): KernelArguments["step"] {
  const shape = { cell: "lstm", inputSize: 2, hiddenSize: 3 } as const;
  const packed = device.zeros(device.backend.packedLength(shape));
  const [x, h, c, output] = [4, 6, 6, 6].map((length) => device.zeros(length));
  return { shape, batch: 2, x, packed, h, c, output };
}

function adamStep(device: Device): KernelArguments["adam"] {
  const [parameters, gradient, m, v, schedule] = [3, 3, 3, 3, 3].map((n) => device.zeros(n));
  const constants = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, decoupled: true };
  return { parameters, gradient, m, v, schedule, ...constants };
}
