import { type Tick, TickOrder } from "../../streams/mod.ts";
import type { Forecast } from "../../src/forecast/forecast.ts";
import type { Forecaster } from "../../src/forecast/forecaster.ts";
import { Pipeline } from "../../src/pipeline.ts";
import { DurableEngine } from "../../src/serve/durable_engine.ts";
import type { Mutation } from "./mutations.ts";
import type { Random } from "./random.ts";
import type { SimDisk } from "./sim_disk.ts";
import type { SimNetwork } from "./sim_network.ts";
import { SimProcess } from "./sim_process.ts";
import { SimStore } from "./sim_store.ts";
import { InvariantError, type Sink } from "./sink.ts";
import type { Tally } from "./tally.ts";
import type { VirtualClock } from "./virtual_clock.ts";

/** Between clients and server: ticks one way, the ids of durable ones the other. */
export type Message =
  | { readonly kind: "ticks"; readonly from: string; readonly ticks: readonly Tick[] }
  | { readonly kind: "durable"; readonly ids: readonly string[] };

/** What stays when a server process dies. */
export interface ServerWorld {
  readonly clock: VirtualClock;
  readonly disk: SimDisk;
  readonly network: SimNetwork<Message>;
  readonly sink: Sink;
  readonly random: Random;
  readonly mutation: Mutation;
  /** How long the sink takes for a batch now. */
  readonly sinkMs: () => number;
  readonly createForecaster: () => Forecaster;
  /** How long a tick is held back for earlier ones of its series. */
  readonly latenessMs: number;
  readonly sinkFails: () => boolean;
  /** Ids that a client knows to be durable. */
  readonly acknowledged: ReadonlySet<string>;
  readonly tally: Tally;
  /** Told of what breaks an invariant. */
  readonly fail: (error: unknown) => void;
}

/** Ticks that may wait in the simulated server: few, so that back-pressure is seen. */
export const WAITING_TICKS_MAX = 24;
/** Requests that may wait for room; beyond, they are not answered and come again. */
const REQUESTS_MAX = 8;
const CHECKPOINT_EVERY_TICKS = 15;
const CHECKPOINT_EVERY_MS = 2_000;
/** How long a sync of the disk takes on average. */
const SYNC_MS = 5;

/** One life of the server: the real engine between a simulated network, disk and sink. */
export class SimServer {
  readonly #process: SimProcess;
  #engine: DurableEngine | undefined;
  #requests = 0;
  #bootFailed = false;

  constructor(readonly world: ServerWorld) {
    this.#process = new SimProcess(world.clock);
    this.#boot().catch((error) => {
      if (error instanceof InvariantError) world.fail(error);
      this.#bootFailed = true;
    });
  }

  /** Everything the process holds is gone. */
  kill(): void {
    this.#process.kill();
    this.world.network.listen("server", undefined);
  }

  /** Asks for a checkpoint, as an operator may at any moment. */
  async checkpoint(): Promise<void> {
    if (await this.#engine?.checkpoint()) this.world.tally.add("checkpoint asked for");
  }

  /** Ends as a process that was asked to: takes nothing more, finishes and saves. */
  async stop(): Promise<void> {
    this.world.network.listen("server", undefined);
    await this.#engine?.close();
    await this.#process.gate();
    if (this.#engine !== undefined) this.world.tally.add("stopped");
    this.#process.kill();
  }

  /** True when the engine gave up: a supervisor then starts the process anew. */
  get failed(): boolean {
    return this.#bootFailed || this.#engine?.failure !== undefined;
  }

  /** True when nothing is on its way through. */
  get idle(): boolean {
    return this.#engine !== undefined && this.#engine.waiting === 0;
  }

  /** Checks what must hold at any moment. @throws {InvariantError} */
  check(): void {
    const waiting = this.#engine?.waiting ?? 0;
    if (waiting < 0 || waiting > WAITING_TICKS_MAX) {
      throw new InvariantError(
        `${waiting} ticks wait in the engine, the limit is ${WAITING_TICKS_MAX}`,
      );
    }
  }

  async #boot(): Promise<void> {
    const { world } = this;
    const { mutation } = world;
    const syncMs = (): number => world.random.exponential(SYNC_MS);
    const store = new (mutation.store ?? SimStore)(world.disk, this.#process, syncMs);
    this.#checkAcknowledged(store);
    const order = new TickOrder({
      latenessMs: world.latenessMs,
      onStatus: (status) => {
        try {
          world.sink.leaveOut(status);
        } catch (error) {
          world.fail(error);
        }
      },
    });
    this.#engine = await DurableEngine.open({
      store,
      pipeline: new Pipeline({ forecaster: world.createForecaster(), stages: [order] }),
      clock: this.#process.clock,
      emit: (forecasts) => this.#emit(forecasts),
      waitingTicksMax: WAITING_TICKS_MAX,
      checkpointEveryTicks: CHECKPOINT_EVERY_TICKS,
      checkpointEveryMs: CHECKPOINT_EVERY_MS,
    });
    await this.#process.gate();
    world.network.listen("server", (message) => {
      if (message.kind === "ticks") this.#receive(message.from, message.ticks);
    });
  }

  /** What a client knows to be durable must be in the journal, after any crash. */
  #checkAcknowledged(store: { replay: SimStore["replay"] }): void {
    const durable = new Set<string | undefined>();
    for (const record of store.replay(0)) {
      for (const { id } of record.ticks) durable.add(id);
    }
    if (this.world.mutation.renamesTicks) return;
    for (const id of this.world.acknowledged) {
      if (!durable.has(id)) throw new InvariantError(`Tick ${id} was acknowledged and is lost`);
    }
  }

  async #receive(from: string, ticks: readonly Tick[]): Promise<void> {
    const { mutation, network } = this.world;
    const engine = this.#engine as DurableEngine;
    if (this.#requests === REQUESTS_MAX) return this.world.tally.add("request turned away");
    this.#requests++;
    const acknowledge = (): void =>
      network.send(from, { kind: "durable", ids: ticks.map(({ id }) => id as string) });
    try {
      if (mutation.acknowledgesEarly) acknowledge();
      await engine.accept(ticks);
      await this.#process.gate();
      if (!mutation.acknowledgesEarly) acknowledge();
    } catch {
      if (mutation.acknowledgesRefused) acknowledge();
    } finally {
      this.#requests--;
    }
  }

  /** Hands forecasts to the sink, which takes them also when this process dies before its answer. */
  #emit(forecasts: readonly Forecast[]): Promise<void> | void {
    const { world } = this;
    const process = this.#process;
    const taken = (async () => {
      await process.clock.sleep(world.sinkMs());
      if (world.sinkFails()) throw new Error("The sink did not answer");
      await world.sink.take(forecasts).catch((error) => {
        world.fail(error);
        throw error;
      });
      await process.clock.sleep(world.sinkMs());
      if (world.sinkFails()) throw new Error("The sink's answer was lost");
    })();
    if (!world.mutation.forgetsEmit) return taken;
    taken.catch(() => {});
  }
}
