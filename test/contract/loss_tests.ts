// Losses and optimisers against the oracle, masks, and gradients that are not finite.
import { ok, strictEqual } from "node:assert/strict";
import type { LossKind } from "../../kernels/mod.ts";
import { Random } from "../../src/model/random.ts";
import type { Case } from "./backend_suite.ts";
import { assertClose, assertSameBits, type Device, normals } from "./device.ts";

const LOSSES: readonly { kind: LossKind; levels?: number[]; delta?: number; width: number }[] = [
  { kind: "pinball", levels: [0.05, 0.25, 0.5, 0.75, 0.95], width: 5 },
  { kind: "pinball", levels: [0.5], width: 1 },
  { kind: "mse", width: 1 },
  { kind: "huber", delta: 0.7, width: 1 },
  { kind: "gaussian", width: 2 },
];

export function lossTests(test: Case): void {
  for (const { width, ...loss } of LOSSES) {
    for (const [rows, horizon] of [[1, 1], [3, 5], [17, 12], [64, 1], [100, 3]]) {
      test(`${loss.kind} × ${width}, ${rows}×${horizon}`, async (device, oracle, tolerances) => {
        const random = new Random(rows);
        const predictions = normals(rows * horizon * width, random);
        const targets = normals(rows * horizon, random);
        const mask = Float32Array.from(targets, (_, k) => k % 3 === 1 ? 0 : 1);
        targets.forEach((_, k) => mask[k] === 0 && (targets[k] = NaN));
        // A target met exactly, where the pinball loss has a corner.
        targets[0] = predictions[0];
        const [actual, expected] = await Promise.all([device, oracle].map(async (each) => {
          const value = each.zeros(1);
          const gradient = each.put(new Float32Array(predictions.length).fill(9));
          each.backend.prepare("loss", {
            ...loss,
            rows,
            horizon,
            predictions: each.put(predictions),
            targets: each.put(targets),
            mask: each.put(mask),
            loss: value,
            gradient,
          })();
          return { value: await each.get(value), gradient: await each.get(gradient) };
        }));
        ok(Number.isFinite(expected.value[0]));
        assertClose(actual.value, expected.value, tolerances.loss, "loss");
        assertClose(actual.gradient, expected.gradient, tolerances.loss, "gradient");
      });
    }
    test(`${loss.kind} × ${width} of nothing is 0`, async (device) => {
      const value = device.put(Float32Array.of(5));
      const gradient = device.put(new Float32Array(2 * width).fill(9));
      device.backend.prepare("loss", {
        ...loss,
        rows: 2,
        horizon: 1,
        predictions: device.zeros(2 * width),
        targets: device.put(Float32Array.of(NaN, 1)),
        mask: device.zeros(2),
        loss: value,
        gradient,
      })();
      strictEqual((await device.get(value))[0], 0);
      assertClose(await device.get(gradient), new Float32Array(2 * width), 0, "gradient");
    });
  }

  for (const length of [1, 3, 17, 64, 100, 5001]) {
    test(`clip ${length} elements`, async (device, oracle, tolerances) => {
      const values = normals(length, new Random(length));
      const [actual, expected] = await Promise.all([device, oracle].map(async (each) => {
        const [gradient, norm] = [each.put(values), each.zeros(1)];
        each.backend.prepare("clip", { gradient, maxNorm: 0.25, norm })();
        return { gradient: await each.get(gradient), norm: await each.get(norm) };
      }));
      assertClose(actual.norm, expected.norm, tolerances.loss, "norm");
      assertClose(actual.gradient, expected.gradient, tolerances.loss, "gradient");
      const untouched = device.put(values);
      device.backend.prepare("clip", {
        gradient: untouched,
        maxNorm: 1e6,
        norm: device.zeros(1),
      })();
      assertSameBits(await device.get(untouched), values, "a gradient within the norm");
    });
  }

  for (const broken of [NaN, Infinity, -Infinity]) {
    test(`clip zeroes a gradient with ${broken} in it and tells`, async (device) => {
      const gradient = device.put(Float32Array.of(1, broken, 3));
      const norm = device.zeros(1);
      device.backend.prepare("clip", { gradient, maxNorm: 1, norm })();
      assertSameBits(await device.get(gradient), new Float32Array(3), "gradient");
      ok(!Number.isFinite((await device.get(norm))[0]));
    });
  }

  for (const length of [1, 3, 17, 64, 100, 1000]) {
    for (const decoupled of [false, true]) {
      const name = decoupled ? "AdamW" : "Adam";
      test(`ten steps of ${name}, ${length} elements`, async (device, oracle, tolerances) => {
        const constants = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.1, decoupled };
        const [actual, expected] = await Promise.all([device, oracle].map(async (each) => {
          const random = new Random(length);
          const parameters = each.put(normals(length, random));
          const [gradient, m, v] = [each.zeros(length), each.zeros(length), each.zeros(length)];
          const schedule = each.zeros(3);
          const buffers = { parameters, gradient, m, v, schedule };
          const adam = each.backend.prepare("adam", { ...buffers, ...constants });
          for (let t = 1; t <= 10; t++) {
            each.backend.write(gradient, normals(length, random));
            each.backend.write(schedule, Float32Array.of(0.01 / t, 1 - 0.9 ** t, 1 - 0.999 ** t));
            adam();
          }
          return await read(each, { parameters, m, v });
        }));
        for (const [key, values] of Object.entries(expected)) {
          assertClose(actual[key], values, tolerances.optimiser, key);
        }
      });
    }
    test(`ten steps of SGD, ${length} elements`, async (device, oracle, tolerances) => {
      const [actual, expected] = await Promise.all([device, oracle].map(async (each) => {
        const random = new Random(length);
        const parameters = each.put(normals(length, random));
        const [gradient, velocity] = [each.zeros(length), each.zeros(length)];
        const schedule = each.put(Float32Array.of(0.01));
        const buffers = { parameters, gradient, velocity, schedule };
        const constants = { momentum: 0.9, weightDecay: 0.1 };
        const sgd = each.backend.prepare("sgd", { ...buffers, ...constants });
        for (let t = 0; t < 10; t++) {
          each.backend.write(gradient, normals(length, random));
          sgd();
        }
        return await read(each, { parameters, velocity });
      }));
      for (const [key, values] of Object.entries(expected)) {
        assertClose(actual[key], values, tolerances.optimiser, key);
      }
    });
  }
}

async function read(
  each: Device,
  buffers: Record<string, ReturnType<Device["zeros"]>>,
): Promise<Record<string, Float32Array>> {
  const results: Record<string, Float32Array> = {};
  for (const [name, buffer] of Object.entries(buffers)) results[name] = await each.get(buffer);
  return results;
}
