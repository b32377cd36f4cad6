// Are forecasts lost, doubled or different when workers and the server are killed again and again?
// deno run -A bench/cluster_faults.ts [--series 1000] [--steps 80] [--kills 20] [--restarts 3]
import { parseArgs } from "node:util";
import { OnlineForecaster } from "../src/forecast/online_forecaster.ts";
import { connectCluster } from "../src/serve/cluster.ts";
import { setUpCluster } from "../src/serve/cluster_setup.ts";
import { systemClock } from "../streams/mod.ts";
import {
  compare,
  type Comparison,
  expectedForecasts,
  feed,
  send,
  storedForecasts,
} from "../test/e2e/cluster_feed.ts";
import { NatsServer } from "../test/e2e/nats_server.ts";
import { WorkerProcess } from "../test/e2e/worker_process.ts";
import { Random } from "../test/simulation/random.ts";

/** How hard a cluster is tried. */
export interface ClusterFaults {
  readonly natsServer: string;
  readonly workers: number;
  readonly partitions: number;
  readonly series: number;
  /** Ticks of each series. */
  readonly steps: number;
  readonly paceMs: number;
  /** Workers killed with -9 while ticks flow. */
  readonly workerKills: number;
  /** Times the server is killed with -9 and started again while ticks flow. */
  readonly serverRestarts: number;
  readonly seed: number;
  readonly leaseMs: number;
}

/** What came of it. */
export interface ClusterFaultsResult extends Comparison {
  readonly ticks: number;
  readonly workerKills: number;
  readonly serverRestarts: number;
  readonly seconds: number;
}

/** Runs real worker processes on a real server, kills both at random moments, compares what comes out. */
export async function clusterFaults(options: ClusterFaults): Promise<ClusterFaultsResult> {
  const { partitions, series, steps, paceMs, seed, leaseMs } = options;
  const random = new Random(seed, "faults");
  const startedMs = performance.now();
  const server = await NatsServer.start(options.natsServer);
  const connection = await connectCluster(server.url, "feed");
  await setUpCluster(connection, partitions);
  const start = (ordinal: number): WorkerProcess =>
    new WorkerProcess(server.url, `worker-${ordinal}`, [
      `--ordinal=${ordinal}`,
      `--partitions=${partitions}`,
      `--lease-ms=${leaseMs}`,
      `--checkpoint-every=${series}`,
      "--horizon=2",
      "--season=0",
      "--experts=all",
    ]);
  const workers = Array.from({ length: options.workers }, (_, ordinal) => start(ordinal));
  let workerKills = 0;
  let serverRestarts = 0;
  try {
    await Promise.all(workers.map((worker) => worker.ready));
    const killWorkers = async (): Promise<void> => {
      while (workerKills < options.workerKills) {
        const ordinal = random.integer(workers.length);
        await workers[ordinal].kill();
        workerKills++;
        // Sometimes back before its lease has run out, sometimes after others have taken over.
        await systemClock.sleep(random.next() * 2 * leaseMs);
        workers[ordinal] = start(ordinal);
        await workers[ordinal].ready;
      }
    };
    const restartServer = async (): Promise<void> => {
      const spanMs = steps * paceMs / (options.serverRestarts + 1);
      while (serverRestarts < options.serverRestarts) {
        await systemClock.sleep(spanMs * (0.5 + random.next()));
        await server.kill();
        await systemClock.sleep(random.next() * 1000);
        await server.restart();
        serverRestarts++;
      }
    };
    const ticks = series * steps;
    const sending = send(
      connection,
      feed(series, steps, seed),
      partitions,
      () => systemClock.sleep(paceMs),
    );
    await Promise.all([sending, killWorkers(), restartServer()]);
    while (await storedForecasts(connection).catch(() => 0) < ticks) await systemClock.sleep(200);
    await Promise.all(workers.map((worker) => worker.end()));
    const forecaster = new OnlineForecaster({ horizon: 2, season: 0 });
    const expected = await expectedForecasts(forecaster, feed(series, steps, seed));
    const comparison = await compare(connection, expected);
    const seconds = (performance.now() - startedMs) / 1000;
    return { ...comparison, ticks, workerKills, serverRestarts, seconds };
  } finally {
    await Promise.all(workers.map((worker) => worker.kill()));
    await connection.close();
    await server.stop();
  }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      series: { type: "string", default: "1000" },
      steps: { type: "string", default: "80" },
      kills: { type: "string", default: "20" },
      restarts: { type: "string", default: "3" },
      seed: { type: "string", default: "1" },
    },
  });
  const { natsServerPath } = await import("../test/e2e/nats_server.ts");
  const natsServer = natsServerPath();
  if (natsServer === undefined) Deno.exit(1);
  const result = await clusterFaults({
    natsServer,
    workers: 4,
    partitions: 16,
    series: Number(values.series),
    steps: Number(values.steps),
    paceMs: 1000,
    workerKills: Number(values.kills),
    serverRestarts: Number(values.restarts),
    seed: Number(values.seed),
    leaseMs: 2000,
  });
  console.log(JSON.stringify(result));
  const { lost, doubled, different } = result;
  Deno.exit(lost + doubled + different === 0 ? 0 : 1);
}
