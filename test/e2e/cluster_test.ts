import { deepStrictEqual, ok } from "node:assert/strict";
import { OnlineForecaster } from "../../src/forecast/online_forecaster.ts";
import { connectCluster, runWorker } from "../../src/serve/cluster.ts";
import { setUpCluster } from "../../src/serve/cluster_setup.ts";
import { systemClock } from "../../streams/mod.ts";
import { compare, expectedForecasts, feed, send, storedForecasts } from "./cluster_feed.ts";
import { NatsServer, natsServerPath } from "./nats_server.ts";

const path = natsServerPath();
const PARTITIONS = 4;

function forecaster(): OnlineForecaster {
  return new OnlineForecaster({ horizon: 2, season: 0 });
}

Deno.test({
  name: "a worker forecasts what one process does, also when restarted, and once each",
  ignore: path === undefined,
  async fn(): Promise<void> {
    const server = await NatsServer.start(path as string);
    const connection = await connectCluster(server.url, "test");
    const ticks = [...feed(12, 40)];
    const total = 12 * 40;
    await setUpCluster(connection, PARTITIONS);
    const start = (worker: string): { end: () => Promise<void> } => {
      const stop = new AbortController();
      const ended = runWorker({
        servers: server.url,
        worker,
        createForecaster: forecaster,
        partitions: PARTITIONS,
        leaseMs: 400,
        checkpointEveryTicks: 25,
        onStatus: (status) => console.log(status),
      }, stop.signal);
      return {
        end: async () => {
          stop.abort();
          await ended;
        },
      };
    };
    const until = async (count: number): Promise<void> => {
      while (await storedForecasts(connection) < count) await systemClock.sleep(20);
    };
    const first = start("a");
    await send(connection, ticks.slice(0, 20), PARTITIONS);
    await until(total / 2);
    await first.end();
    const second = start("b");
    await send(connection, ticks.slice(20), PARTITIONS);
    await until(total);
    await second.end();
    const outcome = await compare(connection, await expectedForecasts(forecaster(), ticks));
    deepStrictEqual(outcome, { stored: total, lost: 0, doubled: 0, different: 0 });
    ok(outcome.stored > 0);
    await connection.close();
    await server.stop();
  },
});
