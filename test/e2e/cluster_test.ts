import { deepStrictEqual, equal, ok } from "node:assert/strict";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import {
  forecastSubject,
  type LogEntry,
  modelSubject,
  NatsLog,
  NatsPublisher,
  partitionOf,
  type Status,
  type StatusListener,
  systemClock,
  type Tick,
  tickSubject,
} from "../../streams/mod.ts";
import type { Forecaster } from "../../src/forecast/forecaster.ts";
import { openNetwork } from "../../src/forecast/open_network.ts";
import { OnlineForecaster } from "../../src/forecast/online_forecaster.ts";
import { connectCluster, runWorker, TRAINER_PARTITION } from "../../src/serve/cluster.ts";
import {
  announceModel,
  fetchModel,
  publishModel,
  readAnnouncement,
  sweepModels,
} from "../../src/serve/cluster_models.ts";
import { PartitionWorker } from "../../src/serve/cluster_partition.ts";
import {
  type ClusterStores,
  FORECAST_STREAM,
  setUpCluster,
  tickStream,
} from "../../src/serve/cluster_setup.ts";
import { encodeForecast } from "../../src/serve/wire.ts";
import { Pipeline } from "../../src/pipeline.ts";
import { compare, expectedForecasts, feed, send, storedForecasts } from "./cluster_feed.ts";
import { NatsServer, natsServerPath } from "./nats_server.ts";
import { TinyForecaster } from "../simulation/tiny_forecaster.ts";

const path = natsServerPath();
const PARTITIONS = 4;
/** Far longer than anything here takes. */
const GIVE_UP_MS = 30_000;
const CLEAN = { lost: 0, doubled: 0, different: 0 };

function forecaster(): OnlineForecaster {
  return new OnlineForecaster({ horizon: 2, season: 0 });
}

function tiny(): Forecaster {
  return new TinyForecaster();
}

/** A server of its own for one test. */
function clusterTest(
  name: string,
  test: (server: NatsServer, connection: NatsConnection) => Promise<void>,
): void {
  Deno.test({
    name,
    ignore: path === undefined,
    async fn(): Promise<void> {
      const server = await NatsServer.start(path as string);
      const connection = await connectCluster(server.url, "test");
      await setUpCluster(connection, PARTITIONS);
      try {
        await test(server, connection);
      } finally {
        await connection.close();
        await server.stop();
      }
    },
  });
}

interface Running {
  owned: readonly number[];
  end(): Promise<void>;
}

function start(server: NatsServer, worker: string): Running {
  const stop = new AbortController();
  const running: Running = {
    owned: [],
    end: async () => {
      stop.abort();
      await ended;
    },
  };
  const ended = runWorker({
    servers: server.url,
    worker,
    createForecaster: forecaster,
    partitions: PARTITIONS,
    leaseMs: 400,
    checkpointEveryTicks: 25,
    onOwned: (partitions) => running.owned = partitions,
  }, stop.signal);
  return running;
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const giveUpMs = systemClock.now() + GIVE_UP_MS;
  while (!await condition()) {
    if (systemClock.now() > giveUpMs) throw new Error("It never came to pass");
    await systemClock.sleep(20);
  }
}

clusterTest(
  "a worker forecasts what one process does, also when restarted",
  async (server, nats) => {
    const ticks = [...feed(12, 40)];
    const first = start(server, "a");
    await send(nats, ticks.slice(0, 20), PARTITIONS);
    await until(async () => await storedForecasts(nats) >= 240);
    await first.end();
    const second = start(server, "b");
    await send(nats, ticks.slice(20), PARTITIONS);
    await until(async () => await storedForecasts(nats) >= 480);
    await second.end();
    const outcome = await compare(nats, await expectedForecasts(forecaster(), ticks));
    deepStrictEqual(outcome, { stored: 480, ...CLEAN });
  },
);

clusterTest(
  "partitions follow workers that join and leave, in mid-stream",
  async (server, nats) => {
    const ticks = [...feed(12, 60)];
    const first = start(server, "a");
    await until(() => first.owned.length === PARTITIONS);
    let second: Running | undefined;
    const change = async (): Promise<void> => {
      second = start(server, "b");
      await until(() => first.owned.length === 2 && second?.owned.length === 2);
      await second.end();
      await until(() => first.owned.length === PARTITIONS);
    };
    await Promise.all([send(nats, ticks, PARTITIONS, () => systemClock.sleep(20)), change()]);
    await until(async () => await storedForecasts(nats) >= 720);
    await first.end();
    const outcome = await compare(nats, await expectedForecasts(forecaster(), ticks));
    deepStrictEqual(outcome, { stored: 720, ...CLEAN });
  },
);

/** Works until enough forecasts stand, then dies without a checkpoint. */
async function workUntil(
  connection: NatsConnection,
  stores: ClusterStores,
  count: number,
  createForecaster: (partition: number) => Forecaster | Promise<Forecaster>,
  onStatus: StatusListener = () => {},
  checkpointEveryTicks = 50,
): Promise<void> {
  const abort = new AbortController();
  const workers = Array.from(
    { length: PARTITIONS },
    async (_, partition) =>
      await PartitionWorker.run({
        connection,
        stores,
        partition,
        worker: `w${count}`,
        forecaster: await createForecaster(partition),
        followers: partition === TRAINER_PARTITION ? [1, 2, 3] : [],
        clock: systemClock,
        onStatus,
        held: () => Promise.resolve(true),
        checkpointEveryTicks,
        stop: new AbortController().signal,
        abort: abort.signal,
      }).catch(() => {}),
  );
  await until(async () => await storedForecasts(connection) >= count);
  abort.abort();
  await Promise.all(workers);
}

/** Copies every entry of the partitions' streams aside, before checkpoints cut them off. */
async function keepEntries(connection: NatsConnection): Promise<void> {
  const { streams } = await jetstreamManager(connection);
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const name = tickStream(partition);
    await streams.add({ name: `KEPT_${name}`, mirror: { name } });
  }
}

/** All entries that a partition's stream ever had. */
async function keptEntries(connection: NatsConnection, partition: number): Promise<LogEntry[]> {
  const { streams } = await jetstreamManager(connection);
  const last = (await streams.info(tickStream(partition))).state.last_seq;
  const stream = `KEPT_${tickStream(partition)}`;
  const log = await NatsLog.open({ connection, stream, consumer: "auditor", after: 0 });
  const entries: LogEntry[] = [];
  while (entries.length < last) entries.push(...await log.read());
  await log.close();
  return entries;
}

/** The same stores, but no model is ever deleted. */
function keepingModels({ objects, keyValues }: ClusterStores): ClusterStores {
  const keeping = Object.create(objects) as ClusterStores["objects"];
  keeping.delete = (name) =>
    name.startsWith("model.")
      ? Promise.resolve({ purged: 0, success: false })
      : objects.delete(name);
  return { objects: keeping, keyValues };
}

/** A forecaster with a small network, which learns only in the partition that trains for all. */
async function networkForecaster(partition: number): Promise<OnlineForecaster> {
  const network = await openNetwork({
    horizon: 1,
    hiddenSize: 4,
    trainInline: true,
    plan: partition === TRAINER_PARTITION &&
      { firstSteps: 160, everySteps: 40, delaySteps: 8, onDrift: false },
    trainer: { window: 16, burnIn: 4, epochs: 4, batchesPerEpoch: 8 },
  });
  return new OnlineForecaster({
    horizon: 1,
    experts: ["last_value"],
    season: 0,
    guests: [network],
  });
}

clusterTest(
  "what the network of one learns is taken over by all, at the same tick, also after crashes",
  async (server, nats) => {
    const stores = keepingModels(await setUpCluster(nats, PARTITIONS));
    const ticks = [...feed(8, 260)];
    await keepEntries(nats);
    const work = (count: number): Promise<void> =>
      workUntil(nats, stores, count, networkForecaster);
    await send(nats, ticks.slice(0, 200), PARTITIONS);
    await work(300);
    await work(8 * 200);
    // Trained aside, by an operator: it comes between two ticks like every other.
    const given = await networkForecaster(1);
    const { learner } = given;
    const shared = { source: "operator", version: 1, model: learner!.exportModel() };
    await publishModel(server.url, shared, PARTITIONS);
    given.dispose();
    await send(nats, ticks.slice(200), PARTITIONS);
    await work(8 * 230);
    await work(8 * 260);

    const expected = new Map<string, string>();
    const taken = new Map<string, number>();
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const forecaster = await networkForecaster(partition);
      const oracle = new Pipeline({ forecaster });
      for (const { subject, data } of await keptEntries(nats, partition)) {
        if (subject === modelSubject(partition)) {
          const { object, source } = readAnnouncement(data);
          forecaster.learner!.adopt(await fetchModel(stores.objects, object));
          taken.set(source, (taken.get(source) ?? 0) + 1);
        } else {
          const [forecast] = await oracle.process([JSON.parse(new TextDecoder().decode(data))]);
          expected.set(`${forecast.step} ${forecast.series}`, encodeForecast(forecast));
        }
      }
      forecaster.dispose();
    }
    equal(expected.size, 8 * 260);
    deepStrictEqual(await compare(nats, expected), { stored: 8 * 260, ...CLEAN });
    equal(taken.get("operator"), PARTITIONS);
    const trained = taken.get(tickStream(TRAINER_PARTITION)) ?? 0;
    ok(trained > 0 && trained % (PARTITIONS - 1) === 0, `${trained} networks were taken over`);
  },
);

clusterTest(
  "what one process takes for new or repeated, a worker does too",
  async (_server, nats) => {
    const stores = await setUpCluster(nats, PARTITIONS);
    const tick = (step: number, time: number, id?: string): Tick => ({
      series: "a",
      time,
      values: { value: step },
      ...(id === undefined ? {} : { id }),
    });
    // Two trades of one millisecond, a late tick, a repeated one, and one sent again after a crash.
    const ticks = [
      tick(0, 1000, "x"),
      tick(1, 1000, "y"),
      tick(2, 500, "z"),
      tick(3, 2000),
      tick(4, 2000),
    ];
    const expected = await expectedForecasts(new TinyForecaster(), [ticks]);
    equal(expected.size, 3);
    const client = jetstream(nats);
    const subject = tickSubject("a", PARTITIONS);
    const statuses: Status[] = [];
    for (const one of ticks) await client.publish(subject, JSON.stringify(one));
    await workUntil(nats, stores, 3, tiny, (status) => statuses.push(status));
    await client.publish(subject, JSON.stringify([ticks[1], tick(5, 3000, "w")]));
    await workUntil(nats, stores, 4, tiny, (status) => statuses.push(status));
    const all = await expectedForecasts(new TinyForecaster(), [ticks, [tick(5, 3000, "w")]]);
    deepStrictEqual(await compare(nats, all), { stored: 4, ...CLEAN });
    ok(statuses.some(({ kind }) => kind === "late"));
    ok(statuses.some(({ kind }) => kind === "duplicate"));
  },
);

clusterTest(
  "a forecast that a dying owner did not get stored is made up for, though a later one was",
  async (_server, nats) => {
    const stores = await setUpCluster(nats, PARTITIONS);
    const ticks = [...feed(1, 20)];
    const expected = await expectedForecasts(new TinyForecaster(), ticks);
    await send(nats, ticks, PARTITIONS);
    // As the former owner left it: a server was restarted in the middle of its last batch.
    const publisher = await NatsPublisher.open({ connection: nats });
    for (const [id, data] of [...expected].filter((_, step) => step !== 3 && step < 7)) {
      const { series } = JSON.parse(data);
      await publisher.publish([{ subject: forecastSubject(series), id, data }]);
    }
    publisher.close();
    await workUntil(nats, stores, 20, tiny);
    deepStrictEqual(await compare(nats, expected), { stored: 20, ...CLEAN });
  },
);

clusterTest(
  "what a former owner published long ago is not published again, through two deaths",
  async (_server, nats) => {
    const stores = await setUpCluster(nats, PARTITIONS);
    const { streams } = await jetstreamManager(nats);
    // So that nothing but the workers' own care keeps forecasts from being stored twice.
    await streams.update(FORECAST_STREAM, { duplicate_window: 100 * 1e6 });
    const forget = (): Promise<void> => systemClock.sleep(200);
    const ticks = [...feed(1, 81)];
    await send(nats, ticks.slice(0, 80), PARTITIONS);
    // It dies without a checkpoint.
    await workUntil(nats, stores, 80, tiny, () => {}, 1000);
    await forget();
    // It takes over, saves twice on the way, and ends before it has caught up.
    const partition = partitionOf("sensor.0", PARTITIONS);
    const saved = async (): Promise<{ sequence: number }[]> => {
      const value = await stores.keyValues.get(`checkpoint.${partition}`);
      return value === undefined ? [] : JSON.parse(value.value).saved;
    };
    await PartitionWorker.run({
      connection: nats,
      stores,
      partition,
      worker: "brief",
      forecaster: tiny(),
      clock: systemClock,
      onStatus: () => {},
      held: async () => (await saved()).length < 2,
      checkpointEveryTicks: 20,
      stop: new AbortController().signal,
      abort: new AbortController().signal,
    });
    const sequences = (await saved()).map(({ sequence }) => sequence);
    ok(sequences.length === 2 && sequences.every((sequence) => sequence >= 20 && sequence < 80));
    await forget();
    await send(nats, ticks.slice(80), PARTITIONS);
    await workUntil(nats, stores, 81, tiny);
    const expected = await expectedForecasts(tiny(), ticks);
    deepStrictEqual(await compare(nats, expected), { stored: 81, ...CLEAN });
  },
);

clusterTest("models go when no stream asks for them any more", async (_server, nats) => {
  const { objects } = await setUpCluster(nats, PARTITIONS);
  const { streams } = await jetstreamManager(nats);
  const publisher = await NatsPublisher.open({ connection: nats });
  const given = await networkForecaster(1);
  const model = given.learner!.exportModel();
  given.dispose();
  const announce = (source: string, version: number): Promise<void> =>
    announceModel(publisher, objects, { source, version, model }, [1, 2]);
  const left = async (): Promise<string[]> => {
    await sweepModels(nats, objects, { source: "a", version: 10 }, [1, 2]);
    return (await objects.list()).map(({ name }) => name).sort();
  };
  await announce("a", 8);
  await announce("b", 1);
  await announce("a", 9);
  await announce("a", 10);
  await jetstream(nats).publish(modelSubject(1), "not JSON");
  deepStrictEqual(await left(), ["model.a.10", "model.a.8", "model.a.9", "model.b.1"]);
  await streams.purge(tickStream(1));
  // Up to the one before: partition 2 has not taken its third entry, version 9.
  await streams.purge(tickStream(2), { seq: 3 });
  deepStrictEqual(await left(), ["model.a.10", "model.a.9", "model.b.1"]);
  await streams.purge(tickStream(2));
  deepStrictEqual(await left(), ["model.a.10", "model.b.1"]);
  publisher.close();
});

clusterTest("a model that cannot be taken is told and left out", async (_server, nats) => {
  const stores = await setUpCluster(nats, PARTITIONS);
  const ticks = [...feed(1, 10)];
  const expected = await expectedForecasts(new TinyForecaster(), ticks);
  const client = jetstream(nats);
  const announced = modelSubject(partitionOf("sensor.0", PARTITIONS));
  const statuses: Status[] = [];
  await send(nats, ticks.slice(0, 5), PARTITIONS);
  await client.publish(announced, "not JSON");
  await client.publish(announced, JSON.stringify({ version: 3 }));
  await stores.objects.putBlob({ name: "model.9" }, new Uint8Array([1, 2, 3]));
  await client.publish(announced, JSON.stringify({ object: "model.9" }));
  await send(nats, ticks.slice(5), PARTITIONS);
  await workUntil(nats, stores, 10, tiny, (status) => statuses.push(status));
  deepStrictEqual(await compare(nats, expected), { stored: 10, ...CLEAN });
  equal(statuses.filter(({ kind }) => kind === "degraded").length, 3);
});

Deno.test("a worker without a server to reach says so, and ends when told to", async () => {
  const ending = new AbortController();
  const statuses: Status[] = [];
  await runWorker({
    // Nobody listens there.
    servers: "nats://127.0.0.1:1",
    worker: "lonely",
    createForecaster: forecaster,
    onStatus: (status) => {
      statuses.push(status);
      ending.abort();
    },
  }, ending.signal);
  equal(statuses[0].kind, "degraded");
});

clusterTest("a consumer that delivers nothing more is made again", async (_server, nats) => {
  await setUpCluster(nats, PARTITIONS);
  const statuses: Status[] = [];
  const log = await NatsLog.open({
    connection: nats,
    stream: tickStream(0),
    consumer: "worker",
    after: 0,
    stuckMs: 100,
    onStatus: (status) => statuses.push(status),
  });
  const client = jetstream(nats);
  const read: number[] = [];
  await client.publish("ticks.0.a", "1");
  read.push(...(await log.read()).map(({ sequence }) => sequence));
  const manager = await jetstreamManager(nats);
  await manager.consumers.delete(tickStream(0), "worker");
  await client.publish("ticks.0.a", "2");
  read.push(...(await log.read()).map(({ sequence }) => sequence));
  deepStrictEqual(read, [1, 2]);
  ok(statuses.some(({ kind }) => kind === "reconnecting"));
  await log.close();
});
