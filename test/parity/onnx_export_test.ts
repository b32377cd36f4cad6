// Networks written as ONNX and run by ONNX Runtime, against our own kernels, tick by tick.
import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { openBackend } from "../../kernels/mod.ts";
import type { CellKind } from "../../kernels/mod.ts";
import { exportOnnx } from "../../src/interop/onnx_export.ts";
import { readOnnxModel } from "../../src/interop/onnx_model.ts";
import { OnnxNetwork } from "../../src/interop/onnx_network.ts";
import { Parameters } from "../../src/model/parameters.ts";
import { Random } from "../../src/model/random.ts";
import { RecurrentNetwork } from "../../src/model/recurrent_network.ts";
import type { Head } from "../../src/model/head.ts";

const TICKS = 1000;
const TOLERANCE = 1e-5;
const head: Head = { loss: "pinball", horizon: 2, levels: [0.1, 0.5, 0.9] };

function trained(cell: CellKind, layers: number, inputSize = 3, outputSize = 6): Parameters {
  const parameters = new Parameters({ cell, inputSize, hiddenSize: 16, layers, outputSize });
  const random = new Random(layers);
  for (let k = 0; k < parameters.values.length; k++) {
    parameters.values[k] = 0.5 * (2 * random.uniform() - 1);
  }
  return parameters;
}

// ONNX Runtime opens a message port once and keeps it: here, where no test is charged with it.
const first = exportOnnx(trained("lstm", 1), { head, features: ["a", "b", "c"] });
await (await OnnxNetwork.open(first)).dispose();

for (const cell of ["lstm", "gru", "gru_reset_before"] as const) {
  for (const layers of [1, 2, 3]) {
    Deno.test(`ONNX: ${TICKS} ticks of a ${cell} of ${layers} layers as our kernels`, async () => {
      const parameters = trained(cell, layers);
      const scaling = { offset: [5, -1, 0], scale: [2, 0.5, 3], outputs: "change" } as const;
      const features = ["value", "load", "hour"];
      const exported = await OnnxNetwork.open(exportOnnx(parameters, { head, features, scaling }));
      equal(exported.features, 3);

      const random = new Random(3);
      const states = [0, 1].map(() => new Float32Array(exported.stateLength));
      const outputs = new Float32Array(2 * 6);
      const backends = [await openBackend("reference"), await openBackend("wasm")];
      const networks = backends.map((backend) => {
        const network = new RecurrentNetwork(backend, parameters.architecture, {
          batch: 2,
          capacity: 2,
        });
        network.setParameters(parameters.values);
        return { network, rows: Uint32Array.of(...[0, 1].map(() => network.states.allocateRow())) };
      });
      let worst = 0;
      for (let tick = 0; tick < TICKS; tick++) {
        const raw = Float32Array.from({ length: 6 }, () => 10 * random.uniform() - 5);
        const scaled = raw.map((value, k) =>
          (value - scaling.offset[k % 3]) / scaling.scale[k % 3]
        );
        const said = await exported.step([raw.subarray(0, 3), raw.subarray(3)], states);
        for (const { network, rows } of networks) {
          network.step(scaled, rows);
          await network.readOutputs(outputs);
          for (let row = 0; row < 2; row++) {
            for (let h = 0; h < 2; h++) {
              const expected = outputs.slice(row * 6 + h * 3, row * 6 + h * 3 + 3).sort()
                .map((value) => raw[3 * row] + scaling.scale[0] * value);
              for (let k = 0; k < 3; k++) {
                worst = Math.max(worst, Math.abs(said[row][h * 3 + k] - expected[k]));
              }
            }
          }
        }
      }
      ok(worst <= TOLERANCE, `forecasts differ by ${worst}`);
      ok(states[0].some((value) => value !== 0) && states[0].join() !== states[1].join());
      for (const { network } of networks) network.dispose();
      for (const backend of backends) backend.dispose();
      await exported.dispose();
    });
  }
}

Deno.test("ONNX: an exported file says what it is", () => {
  const features = ["value", "load", "hour"];
  const model = readOnnxModel(exportOnnx(trained("gru", 2), { head, features }));
  deepEqual(model.inputs, [
    { name: "x", elementType: 1, shape: ["steps", "batch", 3] },
    { name: "h", elementType: 1, shape: [2, "batch", 16] },
  ]);
  deepEqual(model.outputs[0].shape, ["steps", "batch", 2, 3]);
  deepEqual(JSON.parse(model.metadata.tickcast), {
    format: 1,
    cell: "gru",
    features,
    loss: "pinball",
    horizon: 2,
    levels: [0.1, 0.5, 0.9],
  });
});

Deno.test("ONNX: what does not fit the network is not exported", () => {
  const parameters = trained("lstm", 1);
  const features = ["value", "load", "hour"];
  const wrong = { loss: "mse", horizon: 5 } as const;
  throws(() => exportOnnx(parameters, { head: wrong, features }), RangeError);
  throws(() => exportOnnx(parameters, { head, features: ["value"] }), RangeError);
  const scaling = { offset: [0, 0, 0], scale: [1, 0, 1], outputs: "level" } as const;
  throws(() => exportOnnx(parameters, { head, features, scaling }), RangeError);
});
