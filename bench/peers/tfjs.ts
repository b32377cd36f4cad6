// TensorFlow.js with its WASM backend at one step of an LSTM, written out as its own cells are.
import type { Tensor2D } from "@tensorflow/tfjs-core";
import { type Skipped, type Subject, timed } from "../harness.ts";
import type { StepWork } from "../step_work.ts";

const NAME = "tfjs (wasm)";

/** One step of an LSTM. */
export async function tfjsStep(work: StepWork): Promise<Subject | Skipped> {
  const { shape, batch, x, parameters, checkSteps } = work;
  if (shape.cell !== "lstm") return { name: NAME, skipped: "only its LSTM is written out here" };
  let tf: typeof import("@tensorflow/tfjs-core");
  try {
    tf = await import("@tensorflow/tfjs-core");
    await import("@tensorflow/tfjs-backend-wasm");
    await tf.setBackend("wasm");
    await tf.ready();
  } catch (error) {
    return { name: NAME, skipped: String(error).split("\n")[0] };
  }
  const { inputSize: I, hiddenSize: H } = shape;
  const wx = parameters.subarray(0, 4 * H * I);
  const wh = parameters.subarray(4 * H * I, 4 * H * (I + H));
  const kernel = new Float32Array(4 * H * (I + H));
  for (let row = 0; row < 4 * H; row++) {
    for (let k = 0; k < I; k++) kernel[k * 4 * H + row] = wx[row * I + k];
    for (let k = 0; k < H; k++) kernel[(I + k) * 4 * H + row] = wh[row * H + k];
  }
  const [bx, bh] = [0, 1].map((k) =>
    parameters.subarray(4 * H * (I + H + k), 4 * H * (I + H + k + 1))
  );
  const weights = tf.tensor2d(kernel, [I + H, 4 * H]);
  const bias = tf.tensor1d(bx.map((value, k) => value + bh[k]));
  const input = tf.tensor2d(x, [batch, I]);
  let h: Tensor2D;
  let c: Tensor2D;
  const start = (): void => {
    [h, c] = [tf.zeros([batch, H]), tf.zeros([batch, H])];
  };
  const step = (): void => {
    const before = [h, c];
    [h, c] = tf.tidy(() => {
      const sums = tf.add(tf.matMul(tf.concat([input, h], 1), weights), bias) as Tensor2D;
      const [i, f, g, o] = tf.split(sums, 4, 1) as Tensor2D[];
      const cell = tf.add(
        tf.mul(tf.sigmoid(f), c),
        tf.mul(tf.sigmoid(i), tf.tanh(g)),
      ) as Tensor2D;
      return [tf.mul(tf.sigmoid(o), tf.tanh(cell)) as Tensor2D, cell];
    });
    tf.dispose(before);
  };
  start();
  return {
    name: NAME,
    run: timed(step),
    result: (): Float32Array => {
      tf.dispose([h, c]);
      start();
      for (let k = 0; k < checkSteps; k++) step();
      return h.dataSync() as Float32Array;
    },
    dispose: () => tf.dispose([h, c, weights, bias, input]),
  };
}
