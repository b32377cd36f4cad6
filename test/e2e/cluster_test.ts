import { deepStrictEqual, equal, ok } from "node:assert/strict";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import {
  type LogEntry,
  modelSubject,
  NatsLog,
  type Status,
  systemClock,
} from "../../streams/mod.ts";
import { OnlineForecaster } from "../../src/forecast/online_forecaster.ts";
import { connectCluster, publishModel, runWorker } from "../../src/serve/cluster.ts";
import { PartitionWorker } from "../../src/serve/cluster_partition.ts";
import { setUpCluster, tickStream } from "../../src/serve/cluster_setup.ts";
import { encodeForecast } from "../../src/serve/wire.ts";
import { Pipeline } from "../../src/pipeline.ts";
import { compare, expectedForecasts, feed, send, storedForecasts } from "./cluster_feed.ts";
import { NatsServer, natsServerPath } from "./nats_server.ts";
import { TinyForecaster } from "../simulation/tiny_forecaster.ts";

const path = natsServerPath();
const PARTITIONS = 4;
const CLEAN = { lost: 0, doubled: 0, different: 0 };

function forecaster(): OnlineForecaster {
  return new OnlineForecaster({ horizon: 2, season: 0 });
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
  while (!await condition()) await systemClock.sleep(20);
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

/** All entries of a partition's stream. */
async function entriesOf(connection: NatsConnection, partition: number): Promise<LogEntry[]> {
  const { state } = await (await jetstreamManager(connection)).streams.info(tickStream(partition));
  const log = await NatsLog.open({
    connection,
    stream: tickStream(partition),
    consumer: "auditor",
    after: 0,
  });
  const entries: LogEntry[] = [];
  while (entries.length < state.messages) entries.push(...await log.read());
  await log.close();
  return entries;
}

clusterTest(
  "a model trained by one is adopted by all at the same tick of each stream, also after a crash",
  async (_server, nats) => {
    const stores = await setUpCluster(nats, PARTITIONS);
    const ticks = [...feed(8, 60)];
    // One trains on everything it sees; its weights change every 23 frames.
    const trainer = new TinyForecaster();
    const pipeline = new Pipeline({ forecaster: trainer });
    for (const batch of ticks.slice(0, 30)) await pipeline.process(batch);
    await send(nats, ticks.slice(0, 30), PARTITIONS);
    await publishModel(nats, 1, trainer.snapshot(), PARTITIONS);
    await send(nats, ticks.slice(30), PARTITIONS);

    const expected = new Map<string, string>();
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const forecaster = new TinyForecaster();
      const oracle = new Pipeline({ forecaster });
      for (const { subject, data } of await entriesOf(nats, partition)) {
        if (subject === modelSubject(partition)) forecaster.adopt(trainer.snapshot());
        else {
          const [forecast] = await oracle.process([JSON.parse(new TextDecoder().decode(data))]);
          expected.set(`${forecast.step} ${forecast.series}`, encodeForecast(forecast));
        }
      }
    }
    equal(expected.size, 8 * 60);

    /** Works until enough forecasts stand, then dies without a checkpoint. */
    const workUntil = async (count: number): Promise<void> => {
      const abort = new AbortController();
      const workers = Array.from({ length: PARTITIONS }, (_, partition) =>
        PartitionWorker.run({
          connection: nats,
          stores,
          partition,
          worker: `w${count}`,
          forecaster: new TinyForecaster(),
          clock: systemClock,
          onStatus: () => {},
          held: () => Promise.resolve(true),
          checkpointEveryTicks: 50,
          stop: new AbortController().signal,
          abort: abort.signal,
        }).catch(() => {}));
      await until(async () => await storedForecasts(nats) >= count);
      abort.abort();
      await Promise.all(workers);
    };
    await workUntil(100);
    await workUntil(8 * 60);
    deepStrictEqual(await compare(nats, expected), { stored: 8 * 60, ...CLEAN });
  },
);

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
