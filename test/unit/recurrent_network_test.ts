import { deepStrictEqual, notDeepStrictEqual, ok, rejects, throws } from "node:assert/strict";
import { openBackend } from "../../kernels/mod.ts";
import { type Architecture, parameterCount } from "../../src/model/architecture.ts";
import { sortQuantiles } from "../../src/model/head.ts";
import { initialParameters } from "../../src/model/initialisation.ts";
import { Parameters } from "../../src/model/parameters.ts";
import { Random } from "../../src/model/random.ts";
import { RecurrentCell } from "../../src/model/recurrent_cell.ts";
import { RecurrentNetwork } from "../../src/model/recurrent_network.ts";

const LSTM: Architecture = {
  cell: "lstm",
  inputSize: 3,
  hiddenSize: 5,
  layers: 2,
  outputSize: 4,
};

/** Parameters with a head that says something. */
function lively(architecture: Architecture, seed: number): Parameters {
  const random = new Random(seed);
  const parameters = initialParameters(architecture, random);
  parameters.set("head.weight", normals(parameters.get("head.weight").length, random));
  return parameters;
}

function normals(length: number, random: Random): Float32Array {
  return Float32Array.from({ length }, () => random.normal());
}

async function outputsOf(network: RecurrentNetwork, count: number): Promise<number[]> {
  const outputs = new Float32Array(count * network.architecture.outputSize);
  await network.readOutputs(outputs);
  return [...outputs];
}

async function stateOf(network: RecurrentNetwork, row: number): Promise<Float32Array> {
  const state = new Float32Array(network.states.rowLength);
  await network.states.readRow(row, state);
  return state;
}

for (const cell of ["lstm", "gru", "gru_reset_before"] as const) {
  Deno.test(`a ${cell} network is its cells and head, one after the other`, async () => {
    const architecture = { ...LSTM, cell };
    const backend = await openBackend("reference");
    const network = new RecurrentNetwork(backend, architecture);
    const parameters = lively(architecture, 1);
    network.setParameters(parameters.values);
    const row = network.states.allocateRow();
    const cells = [0, 1].map((layer) => {
      const names = ["weight_ih", "weight_hh", "bias_ih", "bias_hh"];
      const flat = names.flatMap((name) => [...parameters.get(`${name}_l${layer}`)]);
      const shape = { cell, inputSize: layer === 0 ? 3 : 5, hiddenSize: 5 };
      return new RecurrentCell(backend, shape, Float32Array.from(flat));
    });
    let states = cells.map((each) => each.zeroState(1));
    const random = new Random(2);
    for (let t = 0; t < 3; t++) {
      const x = normals(3, random);
      network.step(x, Uint32Array.of(row));
      const lower = await cells[0].step(x, states[0]);
      states = [lower, await cells[1].step(lower.h, states[1])];
    }
    const flat = states.flatMap(({ h, c }) => [...h, ...c ?? []]);
    deepStrictEqual([...await stateOf(network, row)], flat);
    const hidden = new Float32Array(5);
    await network.readHidden(hidden);
    deepStrictEqual(hidden, states[1].h);
    const [weight, bias] = [parameters.get("head.weight"), parameters.get("head.bias")];
    const expected = [...bias].map((start, o) =>
      Math.fround(hidden.reduce((sum, h, k) => sum + h * weight[o * 5 + k], start))
    );
    deepStrictEqual(await outputsOf(network, 1), expected);
    network.dispose();
  });
}

Deno.test("a slab that grows keeps every state, and steps go on in it", async () => {
  const run = async (capacity: number): Promise<number[]> => {
    const options = { batch: 2, capacity, seriesLimit: 8 };
    const network = new RecurrentNetwork(await openBackend("reference"), LSTM, options);
    network.setParameters(lively(LSTM, 3).values);
    const random = new Random(4);
    const first = network.states.allocateRow();
    network.step(normals(3, random), Uint32Array.of(first));
    const rows = Uint32Array.of(network.states.allocateRow(), network.states.allocateRow());
    network.step(normals(6, random), rows);
    network.step(normals(6, random), Uint32Array.of(first, rows[1]));
    const outputs = await outputsOf(network, 2);
    network.dispose();
    return outputs;
  };
  deepStrictEqual(await run(1), await run(8));
});

Deno.test("a state read and written back goes on exactly, a fresh row is zero", async () => {
  const network = new RecurrentNetwork(await openBackend("reference"), LSTM, { seriesLimit: 2 });
  network.setParameters(lively(LSTM, 5).values);
  const { states } = network;
  const row = Uint32Array.of(states.allocateRow());
  const x = normals(3, new Random(6));
  network.step(x, row);
  const kept = await stateOf(network, row[0]);
  network.step(x, row);
  const outputs = await outputsOf(network, 1);
  states.writeRow(row[0], kept);
  network.step(x, row);
  deepStrictEqual(await outputsOf(network, 1), outputs);

  states.releaseRow(row[0]);
  throws(() => states.releaseRow(row[0]), /Row 0 is not in use/);
  deepStrictEqual(states.size, 0);
  const again = states.allocateRow();
  ok((await stateOf(network, again)).every((value) => value === 0));
  states.allocateRow();
  throws(() => states.allocateRow(), /room for 2 series/);
  throws(() => states.writeRow(0, new Float32Array(3)), RangeError);
  network.dispose();
});

Deno.test("fewer rows than the batch, and more than it takes", async () => {
  const network = new RecurrentNetwork(await openBackend("reference"), LSTM, {
    batch: 3,
    capacity: 3,
  });
  network.setParameters(lively(LSTM, 7).values);
  const rows = Uint32Array.from([0, 1, 2], () => network.states.allocateRow());
  network.step(normals(9, new Random(8)), rows, 2);
  const untouched = await stateOf(network, rows[2]);
  ok(untouched.every((value) => value === 0));
  notDeepStrictEqual(await stateOf(network, rows[1]), untouched);
  throws(() => network.step(new Float32Array(12), new Uint32Array(4)), /takes 3 at most/);
  throws(() => network.setParameters(new Float32Array(3)), RangeError);
  network.dispose();
});

Deno.test("parameters have PyTorch's names, shapes and count", () => {
  const parameters = new Parameters(LSTM);
  deepStrictEqual(
    parameters.layout.map(({ name, shape }) => `${name} ${shape.join("×")}`),
    [
      "weight_ih_l0 20×3",
      "weight_hh_l0 20×5",
      "bias_ih_l0 20",
      "bias_hh_l0 20",
      "weight_ih_l1 20×5",
      "weight_hh_l1 20×5",
      "bias_ih_l1 20",
      "bias_hh_l1 20",
      "head.weight 4×5",
      "head.bias 4",
    ],
  );
  deepStrictEqual(parameters.values.length, parameterCount(LSTM));
  throws(() => parameters.get("weight_ih_l2"), /no parameter "weight_ih_l2"/);
  throws(() => parameters.set("head.bias", [1]), /4 elements, not 1/);
  throws(() => parameterCount({ ...LSTM, layers: 0 }), /layers must be a positive/);
});

Deno.test("initial weights: bounds, orthogonal gates, forget bias, a silent head", () => {
  const options = { recurrent: "orthogonal", forgetBias: 1, headBias: [1, 2, 3, 4] } as const;
  const parameters = initialParameters(LSTM, new Random(9), options);
  const bound = Math.fround(1 / Math.sqrt(5));
  ok(parameters.get("weight_ih_l0").every((weight) => Math.abs(weight) <= bound));
  ok(parameters.get("bias_ih_l0").subarray(5, 10).every((bias) => bias >= 1 - bound));
  deepStrictEqual([...parameters.get("head.bias")], [1, 2, 3, 4]);
  ok(parameters.get("head.weight").every((weight) => weight === 0));
  const gate = parameters.get("weight_hh_l1").subarray(25, 50);
  for (let a = 0; a < 5; a++) {
    for (let b = 0; b < 5; b++) {
      let dot = 0;
      for (let k = 0; k < 5; k++) dot += gate[a * 5 + k] * gate[b * 5 + k];
      ok(Math.abs(dot - (a === b ? 1 : 0)) < 1e-6);
    }
  }
  deepStrictEqual(initialParameters(LSTM, new Random(9), options).values, parameters.values);
});

Deno.test("sorting quantiles orders each row by itself", () => {
  const quantiles = Float32Array.of(3, 1, 2, 0, -1, 5);
  sortQuantiles(quantiles, 3);
  deepStrictEqual([...quantiles], [1, 2, 3, -1, 0, 5]);
});

Deno.test("a cell refuses what does not fit", async () => {
  const backend = await openBackend("reference");
  const shape = { cell: "lstm", inputSize: 1, hiddenSize: 1 } as const;
  throws(() => new RecurrentCell(backend, shape, new Float32Array(3)), /16 parameters, not 3/);
  const cell = new RecurrentCell(backend, shape, new Float32Array(16));
  await rejects(cell.sequence(new Float32Array(3), 2, cell.zeroState(1)), /2 numbers, not 3/);
});
