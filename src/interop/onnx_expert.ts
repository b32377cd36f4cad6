import type { Frame, StatusListener } from "../../streams/mod.ts";
import type { Snapshot } from "../forecast/forecaster.ts";
import type { Guest, SeriesView } from "../forecast/guest.ts";
import { NetworkInputs, networkInputSize } from "../forecast/network_inputs.ts";
import { SeriesLayout } from "../forecast/series_layout.ts";
import { StateReader, StateWriter } from "../forecast/state_buffer.ts";
import type { OnnxScaling } from "./onnx_export.ts";
import { type OnnxMeaning, onnxMeaning } from "./onnx_meaning.ts";
import { OnnxNetwork, type OnnxNetworkOptions } from "./onnx_network.ts";

const FORMAT = "tickcast-onnx-expert-1";

/** How an ONNX model takes part in the forecast. */
export interface OnnxExpertOptions extends OnnxNetworkOptions {
  /** Steps ahead that are asked for; the model's own where left out. */
  readonly horizon?: number;
  /** Scaling around a model that has none inside, such as one trained on standardised values. */
  readonly scaling?: OnnxScaling;
  /** Is told when the model fails, and when it works again. */
  readonly onStatus?: StatusListener;
}

/** What is kept of one series: its recurrent state and the last known value of every feature. */
interface SeriesState {
  readonly state: Float32Array;
  readonly known: Float64Array;
  /** What a network of Tickcast knows and sees of it, where the model is one. */
  readonly seen?: { readonly numbers: Float64Array; readonly x: Float32Array };
}

/**
 * Any stateful recurrent ONNX model as an expert of an {@linkcode OnlineForecaster}: one exported here,
 * by PyTorch, or by Darts. Its state is carried from tick to tick. A model that says fewer steps than
 * asked for is rolled out on a copy of its state, each forecast as the next value; one that fails says
 * nothing at that step, and the other experts stand in.
 *
 * @example In a forecaster
 * ```ts ignore
 * import { OnnxExpert } from "@tickcast/tickcast/onnx";
 * import { OnlineForecaster } from "@tickcast/tickcast";
 *
 * const expert = await OnnxExpert.open(await Deno.readFile("model.onnx"), { horizon: 12 });
 * const forecaster = new OnlineForecaster({ horizon: expert.horizon, guests: [expert] });
 * ```
 */
export class OnnxExpert implements Guest {
  /** What it is called among the experts. */
  readonly name = "onnx";
  /** Steps ahead. */
  readonly horizon: number;
  readonly #network: OnnxNetwork;
  readonly #meaning: OnnxMeaning;
  readonly #options: OnnxExpertOptions;
  readonly #series = new Map<string, SeriesState>();
  readonly #layout = new SeriesLayout();
  /** What a network of Tickcast sees, where the model is one. */
  readonly #inputs: NetworkInputs | undefined;
  #owned = false;
  #working = true;

  /**
   * Takes a model that is open already. It stays the caller's: `dispose` leaves it open.
   *
   * @param network The model.
   * @param options How it takes part.
   * @throws {SyntaxError} when its description is damaged.
   * @throws {TypeError} when the scaling does not fit it.
   */
  constructor(network: OnnxNetwork, options: OnnxExpertOptions = {}) {
    const { scaling } = options;
    for (const part of scaling ? [scaling.offset, scaling.scale] : []) {
      if (part.length !== network.features) {
        throw new TypeError(
          `The ONNX model takes ${network.features} features, ${part.length} are scaled`,
        );
      }
    }
    this.#network = network;
    this.#meaning = onnxMeaning(network.model, network.outputLength);
    this.#options = options;
    this.horizon = options.horizon ?? this.#meaning.horizon;
    const { covariates, horizon } = this.#meaning;
    if (covariates === undefined) return;
    if (networkInputSize(covariates) !== network.features || horizon !== this.horizon || scaling) {
      throw new TypeError(
        `The ONNX model forecasts ${horizon} steps from ${covariates} covariates without scaling, ` +
          `${this.horizon} steps are asked for`,
      );
    }
    this.#inputs = new NetworkInputs(this.#layout, this.horizon, covariates);
  }

  /**
   * Loads a model, which is given back with the expert.
   *
   * @param file The ONNX file's bytes.
   * @param options How it takes part.
   * @returns The expert.
   * @throws {SyntaxError} when the file is damaged or ONNX Runtime refuses it.
   * @throws {TypeError} when the model does not go step by step with a state, or does not fit.
   */
  static async open(file: Uint8Array, options: OnnxExpertOptions = {}): Promise<OnnxExpert> {
    const network = await OnnxNetwork.open(file, options);
    try {
      const expert = new OnnxExpert(network, options);
      expert.#owned = true;
      return expert;
    } catch (error) {
      await network.dispose();
      throw error;
    }
  }

  /** How many features it takes of each frame, target first. */
  get featureCount(): number {
    const { covariates } = this.#meaning;
    return covariates === undefined ? this.#network.features : covariates + 1;
  }

  /** The model's features, target first, where the file names them. */
  get features(): readonly string[] | undefined {
    return this.#meaning.covariates === undefined ? this.#meaning.features : undefined;
  }

  /**
   * Advances by frames, every series at most once.
   *
   * @param frames One a series.
   * @param views Their series; needed by a network of Tickcast alone.
   * @returns The points of the steps after each `[horizon]`, `NaN` where the model failed.
   */
  async step(
    frames: readonly Frame[],
    views: readonly SeriesView[] = [],
  ): Promise<readonly Float64Array[]> {
    const series = frames.map((frame, index) => this.#take(frame, views[index]));
    const points = frames.map(() => new Float64Array(this.horizon).fill(NaN));
    try {
      let said = await this.#run(series);
      const copies = series.map(({ state, known }) => ({
        state: state.slice(),
        known: known.slice(),
      }));
      const { horizon } = this.#meaning;
      for (let ahead = 0; ahead < this.horizon; ahead++) {
        const k = ahead % horizon;
        if (ahead > 0 && k === 0) said = await this.#run(copies);
        points.forEach((row, index) => row[ahead] = said[index][k]);
        if (ahead + 1 >= this.horizon || this.horizon <= horizon) continue;
        copies.forEach(({ known }, index) => known[0] = said[index][k]);
        // The forecasts of a block enter one by one; its last one makes the next block.
        if (k < horizon - 1) await this.#run(copies);
      }
      this.#report(true, "");
    } catch (error) {
      this.#report(false, error instanceof Error ? error.message : String(error));
    }
    for (const row of points) if (!row.every(Number.isFinite)) row.fill(NaN);
    return points;
  }

  /** The model is as it is: nothing is ever due. */
  framesUntilLearning(): number {
    return Infinity;
  }

  /** Nothing is learnt. */
  learn(): Promise<void> {
    return Promise.resolve();
  }

  /** The states of all series. */
  snapshot(): Snapshot {
    const arrays: Snapshot["arrays"] = {};
    [...this.#series.values()].forEach(({ state, known, seen }, index) => {
      arrays[`state.${index}`] = state.slice();
      arrays[`known.${index}`] = known.slice();
      if (seen === undefined) return;
      const writer = new StateWriter();
      this.#inputs!.save(seen.numbers, writer);
      arrays[`inputs.${index}`] = writer.finish();
    });
    return { manifest: { format: FORMAT, series: [...this.#series.keys()] }, arrays };
  }

  /**
   * Goes on from a snapshot.
   * @throws {SyntaxError} when it is of another model or damaged.
   */
  restore({ manifest, arrays }: Snapshot): void {
    if (manifest?.format !== FORMAT || !Array.isArray(manifest.series)) {
      throw new SyntaxError("Cannot restore ONNX expert: the snapshot is of something else");
    }
    const restored = new Map<string, SeriesState>();
    for (const [index, name] of (manifest.series as string[]).entries()) {
      const state = arrays[`state.${index}`];
      const known = arrays[`known.${index}`];
      if (
        !(state instanceof Float32Array) || state.length !== this.#network.stateLength ||
        !(known instanceof Float64Array) || known.length !== this.featureCount
      ) {
        throw new SyntaxError(`Cannot restore ONNX expert: series ${name} is damaged`);
      }
      const seen = this.#makeSeen();
      const saved = arrays[`inputs.${index}`];
      if (seen !== undefined) {
        if (!(saved instanceof Float64Array)) {
          throw new SyntaxError(`Cannot restore ONNX expert: the inputs of ${name} are missing`);
        }
        this.#inputs!.load(seen.numbers, new StateReader(saved));
      }
      restored.set(name, { state: state.slice(), known: known.slice(), seen });
    }
    this.#series.clear();
    for (const [name, state] of restored) this.#series.set(name, state);
  }

  /** Gives back what it opened. */
  dispose(): void {
    this.#series.clear();
    if (this.#owned) void this.#network.dispose();
  }

  /** Takes a frame in; a feature that is missing keeps its last known value. */
  #take({ series, time, values }: Frame, view: SeriesView | undefined): SeriesState {
    const { stateLength } = this.#network;
    const features = this.featureCount;
    if (values.length < features) {
      throw new TypeError(
        `The ONNX model takes ${features} features, a frame has ${values.length}`,
      );
    }
    let state = this.#series.get(series);
    if (!state) {
      const known = Float64Array.from({ length: features }, (_, k) => this.#scaling(k).offset);
      state = { state: new Float32Array(stateLength), known, seen: this.#makeSeen() };
      this.#series.set(series, state);
    }
    for (let k = 0; k < features; k++) if (Number.isFinite(values[k])) state.known[k] = values[k];
    if (state.seen !== undefined) {
      if (view === undefined) throw new TypeError(`The ONNX model needs the view of ${series}`);
      this.#inputs!.observe(state.seen.numbers, view, time, values, state.seen.x);
    }
    return state;
  }

  #makeSeen(): SeriesState["seen"] {
    if (this.#inputs === undefined) return undefined;
    return { numbers: this.#layout.makeMemory(), x: new Float32Array(this.#network.features) };
  }

  /** One step of some series. @returns The points the model itself says of each. */
  async #run(series: readonly SeriesState[]): Promise<Float64Array[]> {
    const { horizon, width, middle } = this.#meaning;
    const inputs = series.map(({ known, seen }) =>
      seen?.x ?? Float32Array.from(known, (value, k) => {
        const { offset, scale } = this.#scaling(k);
        return (value - offset) / scale;
      })
    );
    const said = await this.#network.step(inputs, series.map(({ state }) => state));
    return said.map((outputs, index) => {
      const { state, known, seen } = series[index];
      // A value beyond 32-bit floats must not spoil the state for good.
      if (!state.every(Number.isFinite)) state.fill(0);
      const { offset, scale } = this.#scaling(0);
      const base = this.#options.scaling?.outputs === "change" ? known[0] : offset;
      return Float64Array.from({ length: horizon }, (_, k) => {
        const sum = middle.reduce((total, column) => total + outputs[k * width + column], 0);
        const point = sum / middle.length;
        if (seen === undefined) return base + scale * point;
        const { numbers } = seen;
        return this.#inputs!.anchor(numbers, k + 1) + this.#inputs!.scale(numbers, k + 1) * point;
      });
    });
  }

  #scaling(feature: number): { offset: number; scale: number } {
    const { scaling } = this.#options;
    return scaling
      ? { offset: scaling.offset[feature], scale: scaling.scale[feature] }
      : { offset: 0, scale: 1 };
  }

  #report(working: boolean, detail: string): void {
    if (working === this.#working) return;
    this.#working = working;
    this.#options.onStatus?.(
      working ? { kind: "recovered", part: "onnx" } : { kind: "degraded", part: "onnx", detail },
    );
  }
}
