import type { InferenceSession, Tensor } from "onnxruntime-web";
import { keepingWorker } from "./keep_worker.ts";
import { type OnnxModel, readOnnxModel } from "./onnx_model.ts";
import { fixed, type OnnxSignature, onnxSignature } from "./onnx_signature.ts";
import { verifyOnnx } from "./onnx_checksum.ts";

/** How an ONNX model is run. */
export interface OnnxNetworkOptions {
  /** Where ONNX Runtime runs it: on the CPU where left out. */
  readonly device?: "wasm" | "webgpu";
  /** Features at each step, where the file leaves that open. */
  readonly features?: number;
  /** The output by which each state leaves, by the name of its input, where names do not tell. */
  readonly states?: Readonly<Record<string, string>>;
}

/** What ONNX Runtime's two builds have in common. */
interface Runtime {
  readonly InferenceSession: {
    create(file: Uint8Array, options: InferenceSession.SessionOptions): Promise<InferenceSession>;
  };
  readonly Tensor: new (type: "float32", data: Float32Array, shape: readonly number[]) => Tensor;
}

/**
 * A stateful recurrent ONNX model on ONNX Runtime: each series' state goes in and comes out again at
 * every step. Runs models exported here, by PyTorch and by Darts.
 *
 * @example Two steps of one series
 * ```ts ignore
 * import { exportOnnx, OnnxNetwork } from "@tickcast/tickcast/onnx";
 * import { initialParameters, Random } from "@tickcast/tickcast";
 * import { equal } from "node:assert/strict";
 *
 * const parameters = initialParameters(
 *   { cell: "gru", inputSize: 1, hiddenSize: 4, layers: 1, outputSize: 2 },
 *   new Random(1),
 *   { headBias: [0.25, 0.5] },
 * );
 * const head = { loss: "mse", horizon: 2 } as const;
 * const network = await OnnxNetwork.open(exportOnnx(parameters, { head, features: ["value"] }));
 * const state = new Float32Array(network.stateLength);
 * await network.step([Float32Array.of(1)], [state]);
 * const [outputs] = await network.step([Float32Array.of(2)], [state]);
 * equal(outputs.join(), "0.25,0.5");
 * await network.dispose();
 * ```
 */
export class OnnxNetwork {
  /** Features at each step. */
  readonly features: number;
  /** Numbers in the state of one series. */
  readonly stateLength: number;
  /** Numbers it says of one series at each step. */
  readonly outputLength: number;
  /** What the file says about itself. */
  readonly model: OnnxModel;
  readonly #runtime: Runtime;
  readonly #session: InferenceSession;
  readonly #signature: OnnxSignature;

  private constructor(
    runtime: Runtime,
    session: InferenceSession,
    model: OnnxModel,
    signature: OnnxSignature,
    features: number,
    outputLength: number,
  ) {
    this.#runtime = runtime;
    this.#session = session;
    this.#signature = signature;
    this.model = model;
    this.features = features;
    this.outputLength = outputLength;
    this.stateLength = signature.states.reduce((sum, { length }) => sum + length, 0);
  }

  /**
   * Loads a model and tries one step. ONNX Runtime itself is only loaded now.
   *
   * @param file The ONNX file's bytes.
   * @param options How to run it.
   * @returns The network.
   * @throws {SyntaxError} when the file is damaged or ONNX Runtime refuses it.
   * @throws {TypeError} when the model does not go step by step with a state.
   */
  static async open(file: Uint8Array, options: OnnxNetworkOptions = {}): Promise<OnnxNetwork> {
    const model = readOnnxModel(file);
    verifyOnnx(file, model);
    const signature = onnxSignature(model, options.states);
    const features = signature.features ?? options.features ?? 1;
    if (options.features !== undefined && options.features !== features) {
      throw new TypeError(`The ONNX model takes ${features} features, not ${options.features}`);
    }
    const device = options.device ?? "wasm";
    const runtime: Runtime = device === "webgpu"
      ? await import("onnxruntime-web/webgpu")
      : await import("onnxruntime-web/wasm");
    let session: InferenceSession;
    try {
      session = await keepingWorker(() =>
        runtime.InferenceSession.create(file, {
          executionProviders: [device],
          // Fatal only: what goes wrong is thrown, not written to the console.
          logSeverityLevel: 4,
        })
      );
    } catch (cause) {
      throw new SyntaxError(`ONNX Runtime refuses the model: ${message(cause)}`, { cause });
    }
    const trial = new OnnxNetwork(runtime, session, model, signature, features, 0);
    try {
      const [said] = await trial.step(
        [new Float32Array(features)],
        [new Float32Array(trial.stateLength)],
      );
      return new OnnxNetwork(runtime, session, model, signature, features, said.length);
    } catch (cause) {
      await session.release();
      throw new TypeError(`Cannot run the ONNX model tick by tick: ${message(cause)}`, { cause });
    }
  }

  /**
   * One step of some series.
   *
   * @param inputs The features of each `[features]`.
   * @param states The state of each `[stateLength]`; the new state is written into it.
   * @returns What the network says for each, as many numbers as the model's output has.
   * @throws {Error} when ONNX Runtime fails; no state has changed then.
   */
  async step(
    inputs: readonly Float32Array[],
    states: readonly Float32Array[],
  ): Promise<Float32Array[]> {
    if (this.#signature.batchAxis !== undefined) return await this.#run(inputs, states);
    const outputs: Float32Array[] = [];
    for (let row = 0; row < inputs.length; row++) {
      outputs.push(...await this.#run([inputs[row]], [states[row]]));
    }
    return outputs;
  }

  /** Gives the session back. */
  async dispose(): Promise<void> {
    await this.#session.release();
  }

  async #run(
    inputs: readonly Float32Array[],
    states: readonly Float32Array[],
  ): Promise<Float32Array[]> {
    const { x, y, states: pairs } = this.#signature;
    const count = inputs.length;
    const feeds: Record<string, Tensor> = {};
    const xShape = this.#shape([...x.shape.slice(0, -1), this.features], count);
    const xData = new Float32Array(count * this.features);
    // Whichever axis counts the series, the features are together in the last: rows stand in order.
    inputs.forEach((row, index) => xData.set(row, index * this.features));
    feeds[x.name] = new this.#runtime.Tensor("float32", xData, xShape);

    let offset = 0;
    for (const { input, length } of pairs) {
      const shape = this.#shape(input.shape, count);
      const data = new Float32Array(count * length);
      this.#eachBlock(input.shape, count, length, (inTensor, row, inState, size) => {
        data.set(states[row].subarray(offset + inState, offset + inState + size), inTensor);
      });
      feeds[input.name] = new this.#runtime.Tensor("float32", data, shape);
      offset += length;
    }

    const results = await this.#session.run(feeds);
    const fresh = pairs.map(({ output, length }) =>
      floats(results[output], count * length, output)
    );
    const said = floats(results[y], undefined, y);
    if (said.length === 0 || said.length % count !== 0) {
      throw new Error(`The ONNX model gives ${said.length} numbers for ${count} series`);
    }
    offset = 0;
    for (const [index, { input, length }] of pairs.entries()) {
      this.#eachBlock(input.shape, count, length, (inTensor, row, inState, size) => {
        states[row].set(fresh[index].subarray(inTensor, inTensor + size), offset + inState);
      });
      offset += length;
    }
    const width = said.length / count;
    return inputs.map((_, row) => said.slice(row * width, (row + 1) * width));
  }

  /** Walks the contiguous blocks that belong to one series each in a state's tensor. */
  #eachBlock(
    shape: readonly (number | string)[],
    count: number,
    length: number,
    visit: (inTensor: number, row: number, inState: number, size: number) => void,
  ): void {
    const axis = shape.indexOf(this.#signature.batchAxis ?? NaN);
    const size = shape.slice(axis + 1).reduce<number>((n, each) => n * fixed(each), 1);
    for (let inState = 0, at = 0; inState < length; inState += size) {
      for (let row = 0; row < count; row++, at += size) visit(at, row, inState, size);
    }
  }

  #shape(shape: readonly (number | string)[], count: number): number[] {
    const { batchAxis } = this.#signature;
    return shape.map((size) => size === batchAxis ? count : fixed(size));
  }
}

function floats(
  tensor: Tensor | undefined,
  length: number | undefined,
  name: string,
): Float32Array {
  const data = tensor?.data;
  if (!(data instanceof Float32Array) || data.length !== (length ?? data.length)) {
    throw new Error(`The ONNX model's output "${name}" is not of the shape that was declared`);
  }
  return data;
}

function message(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
