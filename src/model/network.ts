import type { Architecture } from "./architecture.ts";

/** The states of the series that run through a network, one row a series. */
export interface SeriesStates {
  /** Rows in use. */
  readonly size: number;
  /** Numbers in the state of one series. */
  readonly rowLength: number;
  /** Takes a row, its state zero. @throws {RangeError} when there is no room. */
  allocateRow(): number;
  /** Gives a row back for another series. @throws {RangeError} when it is not in use. */
  releaseRow(row: number): void;
  /** Copies the state of one series; a promise where the device makes the host wait. */
  readRow(row: number, target: Float32Array): void | Promise<void>;
  /** Sets the state of one series. @throws {RangeError} when the row is not in use. */
  writeRow(row: number, values: Float32Array): void;
}

/**
 * What a forecaster needs of a network, wherever it runs: `RecurrentNetwork` on one device, or
 * `ResilientNetwork` on a device that may be lost. Where a read gives a promise, it is awaited before
 * anything else is called.
 */
export interface Network {
  /** Its shape. */
  readonly architecture: Architecture;
  /** One line for people: where it is now. */
  readonly device: string;
  /** Rows one step takes at most. */
  readonly batch: number;
  /** The states of the series. */
  readonly states: SeriesStates;
  /** Whether the host sees its memory, so that reads are done at once. */
  readonly onHost: boolean;
  /** Whether it does many rows side by side, so that many at once serve it best. */
  readonly parallel: boolean;
  /** Exchanges the parameters between two steps. */
  setParameters(values: Float32Array): void;
  /** One step of the first `count` rows. */
  step(x: Float32Array, rows: Uint32Array, count?: number): void;
  /** Copies what the head said in the last step `[count, outputs]`. */
  readOutputs(target: Float32Array): void | Promise<void>;
  /** Copies the uppermost layer's hidden states after the last step `[count, hidden]`. */
  readHidden(target: Float32Array): void | Promise<void>;
  /** Gives the device memory back. */
  dispose(): void;
}
