import type { Tick } from "../../streams/mod.ts";
import type {
  Forecaster,
  GradualSnapshot,
  KeepArray,
  Snapshot,
} from "../../src/forecast/forecaster.ts";
import { PackedArrays } from "../../src/forecast/packed_arrays.ts";
import type { Appended, StateStore } from "../../src/state/store.ts";
import { FragileOnlineForecaster, type LosesDevice } from "./sim_forecaster.ts";
import { SimStore } from "./sim_store.ts";
import { TinyForecaster } from "./tiny_forecaster.ts";

/** A bug planted on purpose: the simulation must find each. None of them exists in the product. */
export interface Mutation {
  readonly store?: new (...args: ConstructorParameters<typeof SimStore>) => StateStore;
  /** The journal knows ticks by other ids than the clients. */
  readonly renamesTicks?: boolean;
  /** In place of the scenario's own. */
  readonly forecaster?: new (losesDevice: LosesDevice) => Forecaster;
  /** What forecasts right where `forecaster` does not. */
  readonly oracle?: new () => Forecaster;
  /** The sink's answer is not awaited. */
  readonly forgetsEmit?: boolean;
  /** Ticks are acknowledged before they are durable. */
  readonly acknowledgesEarly?: boolean;
  /** Ticks are acknowledged also when the journal refused them. */
  readonly acknowledgesRefused?: boolean;
}

/** Remembers no ids: a repeated delivery is applied again. */
class ForgetsIds extends SimStore {
  #nonce = 0;
  override async append(ticks: readonly Tick[]): Promise<Appended> {
    const renamed = ticks.map((tick) => ({ ...tick, id: `${tick.id}/${this.#nonce++}` }));
    return await super.append(renamed);
  }
}

/** Notes a checkpoint under the tick before: after a crash one tick is applied again. */
class ReplaysOneTooMany extends SimStore {
  override saveCheckpoint(snapshot: Snapshot, sequence: number): Promise<boolean> {
    return super.saveCheckpoint(snapshot, Math.max(0, sequence - 1));
  }
}

/** Leaves the states as the old parameters made them. */
class KeepsStaleState extends TinyForecaster {
  override async learn(): Promise<void> {
    const { h } = this.snapshot().arrays;
    await super.learn();
    const { manifest, arrays } = this.snapshot();
    this.restore({ manifest, arrays: { ...arrays, h } });
  }
}

/** Forgets the rings at a checkpoint: only a swap soon after a restart shows it. */
class ForgetsRings extends TinyForecaster {
  override snapshot(): Snapshot {
    const { manifest, arrays } = super.snapshot();
    const count = (manifest.series as unknown[]).length;
    return { manifest, arrays: { ...arrays, rings: new Float64Array(count) } };
  }
}

/** Saves each series as it was at the checkpoint before. */
class SavesOldSeries extends FragileOnlineForecaster {
  #before: Snapshot["arrays"] = {};
  override beginSnapshot(keep: KeepArray): GradualSnapshot {
    const before = this.#before;
    const now: Snapshot["arrays"] = this.#before = {};
    return super.beginSnapshot((name, ...pieces) => {
      const packed = new PackedArrays();
      packed.keep(name, ...pieces);
      packed.settle();
      now[name] = packed.arrays[name];
      keep(name, before[name] ?? now[name]);
    });
  }
}

/** Takes the series of a checkpoint when all are together: by then some have gone on. */
class TakesSeriesLate extends FragileOnlineForecaster {
  override beginSnapshot(keep: KeepArray): GradualSnapshot {
    const { take, finish } = super.beginSnapshot(keep);
    const names: string[] = [];
    return {
      take: (name) => void names.push(name),
      finish: () => {
        names.forEach(take);
        return finish();
      },
    };
  }
}

/** The planted bugs by name. */
export const MUTATIONS: Readonly<Record<string, Mutation>> = {
  "lost-ack": { acknowledgesEarly: true },
  "lost-ack-disk-full": { acknowledgesRefused: true },
  "lost-forecast": { forgetsEmit: true },
  "double-apply-repeat": { store: ForgetsIds, renamesTicks: true },
  "double-apply-replay": { store: ReplaysOneTooMany },
  "stale-state-after-swap": { forecaster: KeepsStaleState, oracle: TinyForecaster },
  "stale-ring-after-restart": { forecaster: ForgetsRings, oracle: TinyForecaster },
  "late-series-after-restart": {
    forecaster: TakesSeriesLate,
    oracle: FragileOnlineForecaster,
  },
  "stale-series-after-restart": { forecaster: SavesOldSeries, oracle: FragileOnlineForecaster },
};
