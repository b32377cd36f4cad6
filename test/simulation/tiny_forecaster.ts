import type { Frame } from "../../streams/mod.ts";
import type { Forecast } from "../../src/forecast/forecast.ts";
import type { Forecaster, Snapshot } from "../../src/forecast/forecaster.ts";

/** Frames kept of each series, to recompute its state after a swap. */
const RING = 6;
/** Frames between two swaps of parameters. */
const LEARN_EVERY = 23;
const LEVELS = [0.1, 0.5, 0.9];
const HORIZON = 2;

interface SeriesState {
  h: number;
  step: number;
  time: number;
  ring: number[];
}

/** The device went away in the middle of a step. */
export class DeviceLostError extends Error {
  override readonly name = "DeviceLostError";
}

/**
 * The smallest forecaster with everything that can go wrong in a large one: a recurrent state a series,
 * parameters shared by all, learning that swaps them at a certain frame, and a state that must be
 * recomputed from the ring after each swap.
 */
export class TinyForecaster implements Forecaster {
  readonly horizon = HORIZON;
  readonly levels = LEVELS;
  /** Shared parameters: recurrent and input weight. */
  #weights = new Float64Array([0.5, 0.5]);
  #version = 0;
  #frames = 0;
  /** Running sum from which the next weights are made. */
  #evidence = 0;
  readonly #series = new Map<string, SeriesState>();

  /** `losesDevice` says whether the device is lost at this step; then half the batch has been applied. */
  constructor(readonly losesDevice: () => boolean = () => false) {}

  step(frames: readonly Frame[]): void {
    const lostAt = this.losesDevice() ? frames.length >> 1 : -1;
    frames.forEach(({ series, time, step, values: [value] }, index) => {
      if (index === lostAt) throw new DeviceLostError("Device lost");
      let state = this.#series.get(series);
      if (state === undefined) {
        this.#series.set(series, state = { h: 0, step: 0, time: 0, ring: [] });
      }
      state.h = this.#advance(state.h, value);
      state.step = step;
      state.time = time;
      state.ring.push(value);
      if (state.ring.length > RING) state.ring.shift();
      this.#evidence = Math.sin(this.#evidence * 3 + value + state.h);
      this.#frames++;
    });
  }

  forecast(series: string): Forecast {
    const state = this.#series.get(series);
    if (state === undefined) throw new RangeError(`Unknown series "${series}"`);
    const { h, step, time, ring } = state;
    return {
      series,
      step,
      value: ring.at(-1) ?? NaN,
      time,
      times: Float64Array.of(time + 1000, time + 2000),
      mean: Float64Array.of(h, this.#advance(h, h)),
      levels: LEVELS,
      quantiles: Float64Array.of(h - 1, h, h + 1, h - 2, h, h + 2),
      parametersVersion: this.#version,
      flags: [],
      pValue: 1,
    };
  }

  framesUntilLearning(): number {
    return LEARN_EVERY - this.#frames % LEARN_EVERY;
  }

  learn(): Promise<void> {
    this.#swap([0.5 + this.#evidence / 4, 0.5 - this.#evidence / 4]);
    return Promise.resolve();
  }

  snapshot(): Snapshot {
    return {
      manifest: {
        version: this.#version,
        frames: this.#frames,
        series: [...this.#series].map(([name, { step, time }]) => [name, step, time]),
      },
      arrays: {
        weights: this.#weights.slice(),
        evidence: Float64Array.of(this.#evidence),
        h: Float64Array.from(this.#series.values(), (state) => state.h),
        rings: Float64Array.from([...this.#series.values()].flatMap(({ ring }) => [
          ring.length,
          ...ring,
        ])),
      },
    };
  }

  restore({ manifest, arrays }: Snapshot): void {
    this.#version = manifest.version as number;
    this.#frames = manifest.frames as number;
    this.#weights = Float64Array.from(arrays.weights);
    this.#evidence = arrays.evidence[0];
    this.#series.clear();
    let offset = 0;
    (manifest.series as [string, number, number][]).forEach(([name, step, time], index) => {
      const length = arrays.rings[offset++];
      const ring = [...arrays.rings.subarray(offset, offset += length)];
      this.#series.set(name, { h: arrays.h[index], step, time, ring });
    });
  }

  dispose(): void {}

  #swap(weights: ArrayLike<number>): void {
    this.#weights = Float64Array.from(weights);
    this.#version++;
    for (const state of this.#series.values()) {
      state.h = state.ring.reduce((h, value) => this.#advance(h, value), 0);
    }
  }

  #advance(h: number, value: number): number {
    return Math.tanh(this.#weights[0] * h + this.#weights[1] * value) * 10;
  }
}
