import { jetstreamManager } from "@nats-io/jetstream";
import type { ObjectStore } from "@nats-io/obj";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { modelSubject, NatsPublisher } from "../../streams/mod.ts";
import type { NetworkModel } from "../forecast/learner.ts";
import { readModel, writeModel } from "../interop/model_file.ts";
import { PARTITIONS, setUpCluster, tickStream } from "./cluster_setup.ts";

/** What a partition reads in its stream of a network trained elsewhere. */
export interface ModelAnnouncement {
  /** The object that holds it. */
  readonly object: string;
  /** Who trained it. */
  readonly source: string;
  /** Ascending for each source: an older one is not taken after a newer one. */
  readonly version: number;
}

/** A network, and what it is announced as. */
export interface SharedModel {
  /** Who trained it: letters, digits, `-` and `_`. */
  readonly source: string;
  /** Ascending for each source. The same version always is the same network. */
  readonly version: number;
  /** The network. */
  readonly model: NetworkModel;
}

/**
 * Stores a network and announces it in the streams of partitions. Each takes it between two ticks, at a
 * place in its stream that stays the same however often it is replayed.
 */
export async function announceModel(
  publisher: NatsPublisher,
  objects: ObjectStore,
  { source, version, model }: SharedModel,
  partitions: readonly number[],
): Promise<void> {
  const object = `model.${source}.${version}`;
  // What was put before is the same, and somebody may be reading it.
  if (await objects.info(object) === null) {
    await objects.putBlob({ name: object }, writeModel(model));
  }
  const announcement: ModelAnnouncement = { object, source, version };
  await publisher.publish(partitions.map((partition) => ({
    subject: modelSubject(partition),
    id: object,
    data: JSON.stringify(announcement),
  })));
}

/**
 * Deletes networks of a source that no partition can ask for any more: each has cut their
 * announcements off, behind its checkpoints.
 *
 * @param connection To the cluster.
 * @param objects Where the networks are.
 * @param newest The one announced last: it and all older ones of its source are looked at.
 * @param partitions Whom it was announced to.
 */
export async function sweepModels(
  connection: NatsConnection,
  objects: ObjectStore,
  { source, version }: Pick<SharedModel, "source" | "version">,
  partitions: readonly number[],
): Promise<void> {
  const asked = await Promise.all(
    partitions.map((partition) => oldestAnnounced(connection, source, partition)),
  );
  const oldest = Math.min(version, ...asked);
  const prefix = `model.${source}.`;
  for (const { name } of await objects.list()) {
    if (name.startsWith(prefix) && Number(name.slice(prefix.length)) < oldest) {
      await objects.delete(name);
    }
  }
}

/** The oldest version from a source that stands announced in a partition's stream; ∞ without any. */
async function oldestAnnounced(
  connection: NatsConnection,
  source: string,
  partition: number,
): Promise<number> {
  const { streams } = await jetstreamManager(connection);
  let oldest = Infinity;
  for (let after = 0;;) {
    const query = { seq: after + 1, next_by_subj: modelSubject(partition) };
    const entry = await streams.getMessage(tickStream(partition), query);
    if (entry === null) return oldest;
    after = entry.seq;
    try {
      const announced = readAnnouncement(entry.data);
      if (announced.source === source) oldest = Math.min(oldest, announced.version);
    } catch (error) {
      // It announces nothing, so it asks for nothing.
      if (!(error instanceof SyntaxError)) throw error;
    }
  }
}

/**
 * What an entry announces.
 *
 * @throws {SyntaxError} when it announces nothing.
 */
export function readAnnouncement(data: Uint8Array): ModelAnnouncement {
  const { object, source, version } = JSON.parse(new TextDecoder().decode(data)) ?? {};
  if (typeof object !== "string" || typeof source !== "string" || !Number.isInteger(version)) {
    throw new SyntaxError("Cannot take model: its announcement lacks object, source or version");
  }
  return { object, source, version };
}

/**
 * The network that was announced.
 *
 * @throws {SyntaxError} when it is damaged.
 * @throws {Error} when the store lacks it: it was stored before it was announced, so that may pass.
 */
export async function fetchModel(objects: ObjectStore, object: string): Promise<NetworkModel> {
  const file = await objects.getBlob(object);
  if (file === null) throw new Error(`Cannot find model ${object}`);
  return readModel(file);
}

/**
 * Gives every partition of a cluster a network, such as one trained aside on everything recorded. It
 * resolves when all have it in their streams.
 *
 * @param servers `nats://host:port`, several separated by commas.
 * @param shared The network.
 * @param partitions Partitions of the cluster.
 * @throws {Error} when no server can be reached.
 *
 * @example A network fresh from training; here no server runs to take it
 * ```ts
 * import { openNetwork } from "@tickcast/tickcast";
 * import { publishModel } from "@tickcast/tickcast/cluster";
 * import { rejects } from "node:assert/strict";
 *
 * const network = await openNetwork({ horizon: 2 });
 * const shared = { source: "nightly", version: 1, model: network.learner.exportModel() };
 * await rejects(publishModel("nats://127.0.0.1:1", shared));
 * network.dispose();
 * ```
 */
export async function publishModel(
  servers: string,
  shared: SharedModel,
  partitions: number = PARTITIONS,
): Promise<void> {
  const connection = await connect({ servers: servers.split(",") });
  const publisher = await NatsPublisher.open({ connection });
  try {
    const { objects } = await setUpCluster(connection, partitions);
    const all = Array.from({ length: partitions }, (_, partition) => partition);
    await announceModel(publisher, objects, shared, all);
    await sweepModels(connection, objects, shared, all);
  } finally {
    publisher.close();
    await connection.close();
  }
}
