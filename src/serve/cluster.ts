import { connect, type NatsConnection, type NodeConnectionOptions } from "@nats-io/transport-node";
import { type Clock, type StatusListener, systemClock } from "../../streams/mod.ts";
import type { Forecaster } from "../forecast/forecaster.ts";
import { Lease } from "../state/lease.ts";
import type { AppliedListener } from "./durable_engine.ts";
import { PartitionWorker } from "./cluster_partition.ts";
import { type ClusterStores, PARTITIONS, setUpCluster } from "./cluster_setup.ts";

/** The partition whose network learns, where one is trained for all: a fair sample of the series. */
export const TRAINER_PARTITION = 0;
/** A worker silent for so long loses its partitions. */
const LEASE_MS = 5_000;
/** Heartbeats a lease: one may be lost without harm. */
const TURNS_A_LEASE = 4;
/** A checkpoint after so many ticks of a partition: a second or so of replay. */
const CHECKPOINT_EVERY_TICKS = 10_000;
/** How often a worker whose lease ran out looks whether it has it again. */
const HELD_CHECK_MS = 50;
/** The longest a worker that was told to end waits for its checkpoints. */
const DRAIN_MS = 10_000;
/** Wait before a partition that failed is opened again. */
const REOPEN_MS = 500;

/** How a worker of a cluster is run. */
export interface WorkerOptions {
  /** `nats://host:port`, several separated by commas. */
  readonly servers: string;
  /** This worker's name, unique: letters, digits, `-` and `_`. */
  readonly worker: string;
  /**
   * Makes the forecaster of one partition; the same on every worker. What the network of partition
   * {@linkcode TRAINER_PARTITION} learns is taken over by those of all others.
   */
  readonly createForecaster: (partition: number) => Forecaster | Promise<Forecaster>;
  /** Features in the forecaster's order, the target first. */
  readonly features?: readonly string[];
  /** Partitions of the cluster. The same on every worker, for ever. */
  readonly partitions?: number;
  /** This worker's number among its peers, as in a StatefulSet; spreads first choices. */
  readonly ordinal?: number;
  /** Servers that hold each stream. */
  readonly replicas?: number;
  /** A worker silent for so long loses its partitions. */
  readonly leaseMs?: number;
  /** A checkpoint after so many ticks of a partition. */
  readonly checkpointEveryTicks?: number;
  /** Silence, with ticks waiting, after which a consumer is made again. */
  readonly stuckMs?: number;
  /** Hears of everything. */
  readonly onStatus?: StatusListener;
  /** Told which partitions are worked on, whenever that changes. */
  readonly onOwned?: (partitions: readonly number[]) => void;
  /** Told whenever the lease on them was renewed. */
  readonly onRenewed?: () => void;
  /** Told of every batch of ticks whose forecasts stand in JetStream. */
  readonly onApplied?: AppliedListener;
  /** Where time comes from. */
  readonly clock?: Clock;
}

/**
 * Runs one worker of a cluster: takes its share of the partitions, works on them, hands them over when
 * workers join or leave, until the signal aborts. Then every partition is saved and given up.
 *
 * @param options The worker.
 * @param signal Ends it.
 * @throws {RangeError} when the cluster has another number of partitions.
 * @throws {Error} when the servers end the connection for good, as when they no longer admit the worker.
 *
 * @example A worker that ends before it has begun, since no server runs here
 * ```ts
 * import { OnlineForecaster } from "@tickcast/tickcast";
 * import { runWorker, type WorkerOptions } from "@tickcast/tickcast/cluster";
 *
 * const ending = new AbortController();
 * const options: WorkerOptions = {
 *   servers: "nats://127.0.0.1:4222",
 *   worker: "tickcast-0",
 *   createForecaster: () => new OnlineForecaster({ horizon: 12 }),
 * };
 * ending.abort();
 * if (await runWorker(options, ending.signal) !== undefined) throw new Error();
 * ```
 */
export async function runWorker(options: WorkerOptions, signal: AbortSignal): Promise<void> {
  const connection = await reach(options, signal);
  if (connection === undefined) return;
  const lost = new AbortController();
  const closed = connection.closed().then((error) => {
    lost.abort();
    return error ?? undefined;
  });
  try {
    await new Worker(options, connection).run(AbortSignal.any([signal, lost.signal]));
    if (!signal.aborted) {
      throw new Error("The connection to NATS has ended", { cause: await closed });
    }
  } finally {
    await connection.close();
  }
}

/** Connects, however long that takes. Undefined when told to end before. */
async function reach(
  { servers, worker, onStatus, clock = systemClock }: WorkerOptions,
  signal: AbortSignal,
): Promise<NatsConnection | undefined> {
  while (!signal.aborted) {
    try {
      return await connect({ ...connectionOptions(servers, worker), waitOnFirstConnect: false });
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      onStatus?.({ kind: "degraded", part: "nats", detail });
      await clock.sleep(REOPEN_MS, signal);
    }
  }
}

/** A connection that never gives up. */
export function connectCluster(servers: string, name: string): Promise<NatsConnection> {
  return connect(connectionOptions(servers, name));
}

function connectionOptions(servers: string, name: string): NodeConnectionOptions {
  return {
    servers: servers.split(","),
    name,
    maxReconnectAttempts: -1,
    waitOnFirstConnect: true,
    reconnectTimeWait: 100,
    reconnectJitter: 200,
  };
}

/** A partition being worked on. */
interface Running {
  /** Ends it after a checkpoint. */
  readonly stop: AbortController;
  /** Ends it at once. */
  readonly abort: AbortController;
  readonly ended: Promise<void>;
}

class Worker {
  readonly #options: WorkerOptions;
  readonly #connection: NatsConnection;
  readonly #clock: Clock;
  readonly #onStatus: StatusListener;
  readonly #running = new Map<number, Running>();
  /** Partitions being handed over. */
  readonly #leaving = new Map<number, Promise<void>>();

  constructor(options: WorkerOptions, connection: NatsConnection) {
    this.#options = options;
    this.#connection = connection;
    this.#clock = options.clock ?? systemClock;
    this.#onStatus = options.onStatus ?? (() => {});
  }

  async run(signal: AbortSignal): Promise<void> {
    const { worker, partitions = PARTITIONS, ordinal = 0, leaseMs = LEASE_MS } = this.#options;
    const stores = await this.#setUp(partitions, signal);
    if (stores === undefined) return;
    const { keyValues } = stores;
    const clock = this.#clock;
    const lease = new Lease({ keyValues, clock, worker, partitions, leaseMs, ordinal });
    while (!signal.aborted) {
      try {
        await this.#turn(lease, stores);
      } catch (error) {
        this.#report("lease", error);
      }
      await clock.sleep(leaseMs / TURNS_A_LEASE, signal);
    }
    await this.#drain();
    try {
      await lease.leave();
    } catch (error) {
      // Nobody there to tell: the lease runs out by itself.
      this.#report("lease", error);
    }
  }

  /** Makes what is missing, as often as it takes. Undefined when told to end. */
  async #setUp(partitions: number, signal: AbortSignal): Promise<ClusterStores | undefined> {
    while (!signal.aborted) {
      try {
        return await setUpCluster(this.#connection, partitions, this.#options.replicas);
      } catch (error) {
        if (error instanceof RangeError) throw error;
        this.#report("nats", error);
        await this.#clock.sleep(REOPEN_MS, signal);
      }
    }
  }

  async #turn(lease: Lease, stores: ClusterStores): Promise<void> {
    const { gained, lost, surplus } = await lease.turn();
    this.#options.onRenewed?.();
    await Promise.all(lost.map((partition) => this.#end(partition, "abort")));
    for (const partition of gained) this.#start(partition, lease, stores);
    for (const partition of surplus) this.#handOver(partition, lease);
    if (gained.length + lost.length > 0) this.#tellOwned(lease);
  }

  #tellOwned(lease: Lease): void {
    this.#options.onOwned?.([...lease.owned].sort((a, b) => a - b));
  }

  /** Saves a partition and gives it up. Heartbeats go on meanwhile: a large state takes its time. */
  #handOver(partition: number, lease: Lease): void {
    if (this.#leaving.has(partition)) return;
    const leave = async (): Promise<void> => {
      await this.#end(partition, "stop");
      try {
        await lease.release(partition);
      } catch (error) {
        // Nobody works on it, so nobody else's is disturbed: the next turn tries again.
        this.#report("lease", error);
      }
      this.#tellOwned(lease);
      this.#leaving.delete(partition);
    };
    this.#leaving.set(partition, leave());
  }

  #start(partition: number, lease: Lease, stores: ClusterStores): void {
    const stop = new AbortController();
    const abort = new AbortController();
    const ending = AbortSignal.any([stop.signal, abort.signal]);
    const held = async (): Promise<boolean> => {
      while (!lease.holds(partition) && !ending.aborted) {
        await this.#clock.sleep(HELD_CHECK_MS, ending);
      }
      return lease.holds(partition);
    };
    const { worker, createForecaster, features, stuckMs, partitions = PARTITIONS } = this.#options;
    const followers = Array.from({ length: partitions }, (_, other) => other)
      .filter((other) => other !== TRAINER_PARTITION);
    const work = async (): Promise<void> => {
      while (!ending.aborted) {
        try {
          await PartitionWorker.run({
            connection: this.#connection,
            stores,
            partition,
            worker,
            forecaster: await createForecaster(partition),
            followers: partition === TRAINER_PARTITION ? followers : [],
            features,
            clock: this.#clock,
            onStatus: this.#onStatus,
            onApplied: this.#options.onApplied,
            held,
            checkpointEveryTicks: this.#options.checkpointEveryTicks ?? CHECKPOINT_EVERY_TICKS,
            stuckMs,
            stop: stop.signal,
            abort: abort.signal,
          });
        } catch (error) {
          // Whatever it was: what is in the stream is safe, so begin again from the checkpoint.
          if (!ending.aborted) this.#report(`partition ${partition}`, error);
          await this.#clock.sleep(REOPEN_MS, ending);
        }
      }
    };
    this.#running.set(partition, { stop, abort, ended: work() });
  }

  async #end(partition: number, how: "stop" | "abort"): Promise<void> {
    const running = this.#running.get(partition);
    running?.[how].abort();
    await running?.ended;
    this.#running.delete(partition);
  }

  /** Saves and ends everything, but does not wait for a server that stays away. */
  async #drain(): Promise<void> {
    const drained = new AbortController();
    const late = this.#clock.sleep(DRAIN_MS, drained.signal).then(() => {
      for (const { abort } of this.#running.values()) abort.abort();
    });
    await Promise.all([...this.#running.keys()].map((partition) => this.#end(partition, "stop")));
    await Promise.all(this.#leaving.values());
    drained.abort();
    await late;
  }

  #report(part: string, error: unknown): void {
    const detail = error instanceof Error ? error.message : String(error);
    this.#onStatus({ kind: "degraded", part, detail });
  }
}
