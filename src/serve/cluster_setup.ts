import { DiscardPolicy, jetstreamManager, RetentionPolicy, StorageType } from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import { Objm } from "@nats-io/obj";
import type { ObjectStore } from "@nats-io/obj";
import type { NatsConnection } from "@nats-io/transport-node";
import { type KeyValues, natsKeyValues } from "../state/key_values.ts";

/** How long the server recognises a message that comes again: longer than any worker retries blindly. */
export const DUPLICATE_WINDOW_MS = 120_000;
/** Bytes of ticks a partition holds at most; then producers must wait. Hours of a slow worker. */
const PARTITION_BYTES = 1 << 30;
/** Bytes of forecasts kept for those who come later. */
const FORECAST_BYTES = 4 * (1 << 30);

/** Partitions where nothing is said: enough for a dozen workers, few enough to watch by eye. */
export const PARTITIONS = 16;

/** The stream of all forecasts. */
export const FORECAST_STREAM = "FORECASTS";

/** The stream of a partition's ticks: its journal. */
export function tickStream(partition: number): string {
  return `TICKS_${partition}`;
}

/** What the cluster shares besides streams. */
export interface ClusterStores {
  /** Checkpoints and models. */
  readonly objects: ObjectStore;
  /** Owners, heartbeats, pointers. */
  readonly keyValues: KeyValues;
}

/**
 * Makes the streams and stores of a cluster where they are missing. Each partition's ticks are a stream
 * of their own, so that its sequence has no holes, it can be cut off behind a checkpoint, and the server
 * spreads the load.
 *
 * @param connection To the cluster.
 * @param partitions Into how many parts the series are shared out; never changes afterwards.
 * @param replicas Servers that hold each stream.
 */
export async function setUpCluster(
  connection: NatsConnection,
  partitions: number,
  replicas = 1,
): Promise<ClusterStores> {
  const manager = await jetstreamManager(connection);
  const common = {
    storage: StorageType.File,
    retention: RetentionPolicy.Limits,
    num_replicas: replicas,
    duplicate_window: DUPLICATE_WINDOW_MS * 1e6,
  };
  for (let partition = 0; partition < partitions; partition++) {
    await manager.streams.add({
      ...common,
      name: tickStream(partition),
      subjects: [`ticks.${partition}.>`],
      discard: DiscardPolicy.New,
      max_bytes: PARTITION_BYTES,
    });
  }
  await manager.streams.add({
    ...common,
    name: FORECAST_STREAM,
    subjects: ["forecasts.>"],
    discard: DiscardPolicy.Old,
    max_bytes: FORECAST_BYTES,
    allow_direct: true,
  });
  const objects = await new Objm(connection).create("tickcast", { replicas });
  const keyValues = natsKeyValues(await new Kvm(connection).create("tickcast", { replicas }));
  const known = await keyValues.get("partitions");
  if (known === undefined) await keyValues.put("partitions", String(partitions));
  else if (known.value !== String(partitions)) {
    throw new RangeError(
      `The cluster has ${known.value} partitions, not ${partitions}: their number cannot change`,
    );
  }
  return { objects, keyValues };
}
