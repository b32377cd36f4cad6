// Holds a backend to PyTorch: forward, gradients and ten optimiser steps of small networks.
// The vectors come from test/fixtures/make_pytorch_fixtures.py.
import { ok } from "node:assert/strict";
import type { Backend } from "../../kernels/mod.ts";
import type { OptimiserOptions } from "../../src/learn/optimiser.ts";
import { TrainingProgram } from "../../src/learn/training_program.ts";
import type { Architecture } from "../../src/model/architecture.ts";
import { type Head, headOutputs } from "../../src/model/head.ts";
import { Parameters } from "../../src/model/parameters.ts";
import { Random } from "../../src/model/random.ts";
import { RecurrentNetwork } from "../../src/model/recurrent_network.ts";
import { assertClose } from "../contract/device.ts";
import fixtures from "../fixtures/pytorch.json" with { type: "json" };

const FORWARD = 1e-5;
const GRADIENT = 1e-4;

const OPTIMISERS: Record<string, OptimiserOptions & { rate: number }> = {
  adam: { kind: "adam", weightDecay: 0.01, rate: 0.01 },
  adamw: { kind: "adamw", weightDecay: 0.05, rate: 0.01 },
  sgd: { kind: "sgd", momentum: 0.9, weightDecay: 0.01, rate: 0.05 },
};

function decode(text: string): Float32Array {
  return new Float32Array(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
}

/** Registers the parity tests of one backend. */
export function pytorchSuite(
  title: string,
  open: () => Promise<Backend>,
  options: { skip?: string } = {},
): void {
  for (const fixture of fixtures.cases) {
    const { cell, layers, loss, optimiser, expected } = fixture;
    const name = `${title} agrees with PyTorch: ${cell} × ${layers}, ${loss}, ${optimiser}`;
    const { inputSize, hiddenSize, steps, batch, horizon } = fixtures;
    const head = {
      loss,
      horizon,
      ...loss === "pinball" && { levels: fixtures.levels },
      ...loss === "huber" && { delta: fixtures.huberDelta },
    } as Head;
    const architecture = {
      cell,
      inputSize,
      hiddenSize,
      layers,
      outputSize: headOutputs(head),
    } as Architecture;
    const ignore = options.skip !== undefined;

    Deno.test({ name, ignore }, async () => {
      const backend = await open();
      const { maxNorm } = fixtures;
      const program = new TrainingProgram(backend, architecture, head, {
        steps,
        batch,
        maxNorm,
        optimiser: OPTIMISERS[optimiser],
      });
      program.setParameters(decode(fixture.parameters));
      program.setBatch(decode(fixture.x), decode(fixture.target), decode(fixture.mask));
      const [h0, c0] = [decode(fixture.h0), fixture.c0 && decode(fixture.c0)];
      program.layers.forEach((layer, k) => {
        const part = [k * batch * hiddenSize, (k + 1) * batch * hiddenSize] as const;
        backend.write(layer.h0, h0.subarray(...part));
        if (layer.c0 && c0) backend.write(layer.c0, c0.subarray(...part));
      });
      const read = async (buffer: typeof program.gradient): Promise<Float32Array> => {
        const values = new Float32Array(buffer.length);
        await backend.read(buffer, values);
        return values;
      };
      const random = new Random(0);
      const { rate } = OPTIMISERS[optimiser];
      program.train(rate, random);
      assertClose(await read(program.predictions), decode(expected.prediction), FORWARD, "outputs");
      const hidden = await read(program.layers[layers - 1].hs);
      assertClose(hidden, decode(expected.hidden), FORWARD, "hidden");
      const clipped = Math.min(1, maxNorm / (expected.norm + 1e-6));
      const gradient = decode(expected.gradient).map((value) => value * clipped);
      assertClose(await read(program.gradient), gradient, GRADIENT, "gradient");
      assertClose(await read(program.norm), Float32Array.of(expected.norm), GRADIENT, "norm");

      for (let step = 1; step < 10; step++) program.train(rate, random);
      const losses = await program.readRecord();
      for (let k = 0; k < 10; k++) {
        const error = Math.abs(losses[k] - expected.losses[k]) / Math.abs(expected.losses[k]);
        ok(error < GRADIENT, `loss ${k}: ${losses[k]}, expected ${expected.losses[k]}`);
      }
      const after = new Float32Array(decode(fixture.parameters).length);
      await program.readParameters(after);
      assertClose(after, decode(expected.parametersAfter), GRADIENT, "parameters after");
      program.dispose();
      backend.dispose();
    });

    Deno.test({ name: `${name}, step by step`, ignore }, async () => {
      const backend = await open();
      const network = new RecurrentNetwork(backend, architecture, { batch, capacity: batch });
      network.setParameters(new Parameters(architecture, decode(fixture.parameters)).values);
      const rows = Uint32Array.from({ length: batch }, () => network.states.allocateRow());
      const [h0, c0] = [decode(fixture.h0), fixture.c0 && decode(fixture.c0)];
      for (let b = 0; b < batch; b++) {
        const state: number[] = [];
        for (let layer = 0; layer < layers; layer++) {
          const at = (layer * batch + b) * hiddenSize;
          state.push(...h0.subarray(at, at + hiddenSize));
          if (c0) state.push(...c0.subarray(at, at + hiddenSize));
        }
        network.states.writeRow(rows[b], Float32Array.from(state));
      }
      const x = decode(fixture.x);
      const predictions = decode(expected.prediction);
      const width = batch * architecture.outputSize;
      const outputs = new Float32Array(width);
      for (let t = 0; t < steps; t++) {
        network.step(x.subarray(t * batch * inputSize, (t + 1) * batch * inputSize), rows);
        await network.readOutputs(outputs);
        const wanted = predictions.subarray(t * width, (t + 1) * width);
        assertClose(outputs, wanted, FORWARD, `outputs of step ${t}`);
      }
      network.dispose();
      backend.dispose();
    });
  }
}
