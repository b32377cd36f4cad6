import { CONTEXT_STEPS } from "../learn/learning_material.ts";
import type { Network } from "../model/network.ts";
import type { NetworkMemory } from "./network_memory.ts";

/** Steps after which a state is copied to the host again: no more to repeat than after a swap. */
const KEEP_EVERY_STEPS = CONTEXT_STEPS;

/** The state of one series on a network, and what it can be made from again. */
export interface NetworkState {
  /** Its row on the network. */
  readonly row: number;
  /** What the network saw of the series. */
  readonly memory: NetworkMemory;
  /** The parameters that made it. */
  version: number;
  /** Its copy on the host, as it was after `keptAt` steps; the memory holds what came since. */
  kept: Float32Array;
  /** See `kept`. */
  keptAt: number;
}

/**
 * Keeps the states of many series on a network true to its parameters, and copies of them on the host,
 * from which a snapshot can be taken without waiting for the device.
 */
export class NetworkStates {
  readonly #network: Network;
  readonly #x: Float32Array;
  readonly #rows: Uint32Array;
  /** The copy of a state that the host sees. */
  readonly #copy: Float32Array;

  /** @param network Where the states are. */
  constructor(network: Network) {
    this.#network = network;
    this.#x = new Float32Array(network.batch * network.architecture.inputSize);
    this.#rows = new Uint32Array(network.batch);
    this.#copy = new Float32Array(network.states.rowLength);
  }

  /** Takes a row for a series without a past. */
  start(memory: NetworkMemory, version: number): NetworkState {
    const kept = new Float32Array(this.#network.states.rowLength);
    return { row: this.#network.states.allocateRow(), memory, version, kept, keptAt: 0 };
  }

  /** Copies states to the host whose copy has grown old. @returns What is to be waited for. */
  keepOld(states: readonly NetworkState[]): Promise<void>[] {
    const waits: Promise<void>[] = [];
    // What the host sees anyway is copied when it is asked for.
    if (this.#network.onHost) return waits;
    for (const state of states) {
      const { memory, keptAt } = state;
      if (memory.pushed - keptAt < Math.min(KEEP_EVERY_STEPS, memory.limit)) continue;
      const wait = this.#keep(state);
      if (wait !== undefined) waits.push(wait);
    }
    return waits;
  }

  /**
   * The copy of a state for a snapshot, good until the next: of now where the host sees the memory. A
   * device that makes the host wait has no say: from what was kept the steps since are taken again, which
   * gives the same bits.
   */
  copyOf(state: NetworkState): Pick<NetworkState, "kept" | "keptAt"> {
    if (!this.#network.onHost) return state;
    void this.#network.states.readRow(state.row, this.#copy);
    return { kept: this.#copy, keptAt: state.memory.pushed };
  }

  /**
   * Recomputes states from the memory through the parameters in use.
   *
   * @param version The version of those.
   * @param skip How many of the latest steps are left out.
   */
  refresh(states: readonly NetworkState[], version: number, skip: number): void {
    if (states.length === 0) return;
    const zero = new Float32Array(this.#network.states.rowLength);
    for (const state of states) {
      const { length, pushed } = state.memory;
      state.version = version;
      state.kept = zero;
      state.keptAt = pushed - skip - Math.min(CONTEXT_STEPS, length - skip);
    }
    this.catchUp(states, skip);
  }

  /**
   * Takes states from what is kept of them through the steps since: all series side by side, those with
   * more to repeat first.
   *
   * @param skip How many of the latest steps are left out.
   */
  catchUp(states: readonly NetworkState[], skip: number): void {
    const lengthOf = ({ memory, keptAt }: NetworkState): number => memory.pushed - skip - keptAt;
    const sorted = states.toSorted((a, b) => lengthOf(b) - lengthOf(a));
    const { inputSize } = this.#network.architecture;
    for (let start = 0; start < sorted.length; start += this.#network.batch) {
      const part = sorted.slice(start, start + this.#network.batch);
      part.forEach(({ row, kept }, index) => {
        this.#network.states.writeRow(row, kept);
        this.#rows[index] = row;
      });
      for (let back = lengthOf(part[0]); back > 0; back--) {
        let count = 0;
        while (count < part.length && lengthOf(part[count]) >= back) {
          part[count].memory.readInputs(back - 1 + skip, this.#x, count * inputSize);
          count++;
        }
        this.#network.step(this.#x, this.#rows, count);
      }
    }
  }

  #keep(state: NetworkState): void | Promise<void> {
    state.kept = new Float32Array(state.kept.length);
    state.keptAt = state.memory.pushed;
    return this.#network.states.readRow(state.row, state.kept);
  }
}
