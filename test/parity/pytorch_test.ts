// State dicts and ONNX files made by PyTorch (test/fixtures/interop/make_fixtures.py), tick by tick
// against what PyTorch itself said.
import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { openBackend } from "../../kernels/mod.ts";
import { readOnnxModel } from "../../src/interop/onnx_model.ts";
import { OnnxNetwork } from "../../src/interop/onnx_network.ts";
import { parametersFromStateDict, stateDict } from "../../src/interop/state_dict.ts";
import type { Parameters } from "../../src/model/parameters.ts";
import { RecurrentNetwork } from "../../src/model/recurrent_network.ts";
import { readSafetensors, type Tensor, writeSafetensors } from "../../src/state/safetensors.ts";

const TOLERANCE = 1e-5;
const fixtures = new URL("../fixtures/interop/", import.meta.url);
const read = (name: string): Uint8Array => Deno.readFileSync(new URL(name, fixtures));
const tensors = (name: string): ReadonlyMap<string, Tensor> => readSafetensors(read(name)).tensors;

/** Rows of a matrix of 32-bit floats. */
function rows(tensor: Tensor | undefined): Float32Array[] {
  ok(tensor?.data instanceof Float32Array);
  const { data, shape: [count, width] } = tensor;
  return Array.from({ length: count }, (_, row) => data.slice(row * width, (row + 1) * width));
}

function difference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  equal(a.length, b.length);
  return Math.max(...Array.from(a, (value, k) => Math.abs(value - b[k])));
}

// ONNX Runtime opens a message port once and keeps it: here, where no test is charged with it.
await (await OnnxNetwork.open(read("pytorch_lstm.onnx"))).dispose();

for (const cell of ["lstm", "gru"] as const) {
  Deno.test(`PyTorch: the state dict of a ${cell} forecasts as in PyTorch`, async () => {
    const parameters = parametersFromStateDict(tensors(`${cell}.safetensors`));
    deepEqual(parameters.architecture, {
      cell,
      inputSize: 3,
      hiddenSize: 8,
      layers: 2,
      outputSize: 4,
    });
    const expected = tensors(`${cell}_expected.safetensors`);
    await forecastsAs(parameters, expected);
  });
}

for (const cell of ["lstm", "gru", "gru_reset_before"] as const) {
  Deno.test(`Keras: the weights of a ${cell} of 3 layers forecast as in Keras`, async () => {
    const parameters = parametersFromStateDict(tensors(`keras_${cell}.safetensors`), {
      order: "keras",
    });
    const { architecture } = parameters;
    deepEqual(architecture, { cell, inputSize: 4, hiddenSize: 4, layers: 3, outputSize: 2 });
    const expected = tensors(`keras_${cell}_expected.safetensors`);
    await forecastsAs(parameters, expected);
  });
}

for (const name of ["pytorch_lstm", "pytorch_gru", "stepwise_lstm"]) {
  Deno.test(`PyTorch: ${name}.onnx forecasts as in PyTorch`, async () => {
    const expected = tensors(
      `${name.split("_").find((part) => /lstm|gru/.test(part))}_expected.safetensors`,
    );
    const network = await OnnxNetwork.open(read(`${name}.onnx`));
    equal(network.features, 3);
    // A second series beside it, one step behind, must not disturb it.
    const states = [0, 1].map(() => new Float32Array(network.stateLength));
    const ys = rows(expected.get("y"));
    const xs = rows(expected.get("x"));
    for (const [step, x] of xs.entries()) {
      const said = step === 0
        ? await network.step([x], [states[0]])
        : await network.step([x, xs[step - 1]], states);
      ok(difference(said[0], ys[step]) <= TOLERANCE);
      if (step > 0) ok(difference(said[1], ys[step - 1]) <= TOLERANCE);
    }
    const { data } = expected.get("h")!;
    ok(difference(states[0].subarray(0, 16), data as Float32Array) <= TOLERANCE);
    await network.dispose();
  });
}

Deno.test("PyTorch: inputs and outputs of a file are read", () => {
  const { inputs, outputs, producer } = readOnnxModel(read("stepwise_lstm.onnx"));
  equal(producer, "pytorch");
  deepEqual(inputs.map(({ name }) => name), ["x", "state_in_0", "state_in_1"]);
  deepEqual(outputs.map(({ name }) => name), ["y", "state_out_0", "state_out_1"]);
  deepEqual(inputs[1], { name: "state_in_0", elementType: 1, shape: [2, "batch", 8] });
});

Deno.test("state dict: what is written is read back", () => {
  const parameters = parametersFromStateDict(tensors("gru.safetensors"));
  const written = readSafetensors(writeSafetensors(stateDict(parameters))).tensors;
  deepEqual([...written.keys()].sort(), [...tensors("gru.safetensors").keys()].sort());
  deepEqual(parametersFromStateDict(written).values, parameters.values);
});

/** A PyTorch state dict in Keras's names and order: the opposite way, written out by hand. */
function toKeras(
  source: ReadonlyMap<string, Tensor>,
  gateOrder: readonly number[],
): Map<string, Tensor> {
  const keras = new Map<string, Tensor>();
  const matrix = (name: string, order: readonly number[]): Tensor => {
    const { shape: [gateRows, columns] } = source.get(name)!;
    const values = rows(source.get(name));
    const gateSize = gateRows / order.length;
    const reordered = order.flatMap((gate) => values.slice(gate * gateSize, (gate + 1) * gateSize));
    const data = Float32Array.from(
      { length: gateRows * columns },
      (_, k) => reordered[k % gateRows][Math.floor(k / gateRows)],
    );
    return { shape: [columns, gateRows], data };
  };
  const vector = (name: string): number[] => {
    const values = [...source.get(name)!.data as Float32Array];
    const gateSize = values.length / gateOrder.length;
    return gateOrder.flatMap((gate) => values.slice(gate * gateSize, (gate + 1) * gateSize));
  };
  for (const layer of [0, 1]) {
    keras.set(`rnn_${layer}.kernel`, matrix(`rnn.weight_ih_l${layer}`, gateOrder));
    keras.set(`rnn_${layer}.recurrent_kernel`, matrix(`rnn.weight_hh_l${layer}`, gateOrder));
    const input = vector(`rnn.bias_ih_l${layer}`);
    const hidden = vector(`rnn.bias_hh_l${layer}`);
    // An LSTM of Keras has one bias, the sum; a GRU has two rows.
    keras.set(
      `rnn_${layer}.bias`,
      gateOrder.length === 4
        ? { shape: [input.length], data: Float32Array.from(input, (value, k) => value + hidden[k]) }
        : { shape: [2, input.length], data: Float32Array.from([...input, ...hidden]) },
    );
  }
  keras.set("dense.kernel", matrix("head.weight", [0]));
  keras.set("dense.bias", source.get("head.bias")!);
  return keras;
}

Deno.test("state dict: Keras's names, order and transposition are understood", () => {
  for (const [cell, gateOrder] of [["lstm", [0, 1, 2, 3]], ["gru", [1, 0, 2]]] as const) {
    const source = tensors(`${cell}.safetensors`);
    const expected = parametersFromStateDict(source);
    const read = parametersFromStateDict(toKeras(source, gateOrder), { order: "keras" });
    deepEqual(read.architecture, expected.architecture);
    for (const { name } of expected.layout) {
      const layer = /^bias_[ih]h_(l\d)$/.exec(name)?.[1];
      const sum = (of: typeof read): number[] =>
        Array.from(
          of.get(`bias_ih_${layer}`),
          (v, k) => Math.fround(v + of.get(`bias_hh_${layer}`)[k]),
        );
      if (cell === "lstm" && layer) deepEqual(sum(read), sum(expected));
      else deepEqual(read.get(name), expected.get(name), name);
    }
  }
});

Deno.test("state dict: a Keras GRU with one row of biases resets before the product", () => {
  const keras = toKeras(tensors("gru.safetensors"), [1, 0, 2]);
  for (const layer of [0, 1]) {
    const { data } = keras.get(`rnn_${layer}.bias`)!;
    keras.set(`rnn_${layer}.bias`, { shape: [24], data: data.slice(0, 24) });
  }
  const parameters = parametersFromStateDict(keras, { order: "keras" });
  equal(parameters.architecture.cell, "gru_reset_before");
  ok(parameters.get("bias_hh_l0").every((bias) => bias === 0));
});

Deno.test("state dict: another network is refused by name", () => {
  const dict = (change: (entries: Map<string, Tensor>) => void): Map<string, Tensor> => {
    const entries = new Map(tensors("lstm.safetensors"));
    change(entries);
    return entries;
  };
  const zeros = (...shape: number[]): Tensor => ({
    shape,
    data: new Float32Array(shape.reduce((product, size) => product * size)),
  });
  const cases: [Map<string, Tensor>, RegExp][] = [
    [new Map(), /there is no "weight_ih_l0"/],
    [dict((d) => d.delete("rnn.weight_hh_l1")), /"weight_hh_l1" is missing/],
    [dict((d) => d.delete("head.weight")), /0 linear layers/],
    [dict((d) => d.set("more.weight", zeros(2, 2))), /2 linear layers/],
    [dict((d) => d.set("norm.bias", zeros(8))), /belongs to no part/],
    [dict((d) => d.set("rnn.weight_ih_l0_reverse", zeros(32, 3))), /2 linear layers/],
    [dict((d) => d.set("rnn.weight_ih_l3", zeros(32, 8))), /"weight_ih_l3" belongs to no layer/],
    [dict((d) => d.set("rnn.weight_ih_l1", zeros(32, 9))), /shape \[32,9\], not \[32,8\]/],
    [dict((d) => d.set("rnn.weight_hh_l0", zeros(40, 8))), /5 gates/],
    [dict((d) => d.set("rnn.bias_ih_l0", { shape: [32], data: new Int32Array(32) })), /floating/],
    [
      dict((d) => d.set("head.bias", { shape: [4], data: Float32Array.of(0, NaN, 0, 0) })),
      /"head.bias" holds a number that is not finite/,
    ],
  ];
  for (const [entries, message] of cases) {
    throws(() => parametersFromStateDict(entries), { name: "SyntaxError", message });
  }
});

/** Steps the network over `x` of a fixture: it says `y` at each step. */
async function forecastsAs(
  parameters: Parameters,
  expected: ReturnType<typeof tensors>,
): Promise<void> {
  const backend = await openBackend("reference");
  const network = new RecurrentNetwork(backend, parameters.architecture);
  network.setParameters(parameters.values);
  const row = Uint32Array.of(network.states.allocateRow());
  const outputs = new Float32Array(parameters.architecture.outputSize);
  const ys = rows(expected.get("y"));
  for (const [step, x] of rows(expected.get("x")).entries()) {
    network.step(x, row);
    await network.readOutputs(outputs);
    ok(difference(outputs, ys[step]) <= TOLERANCE);
  }
  network.dispose();
  backend.dispose();
}
