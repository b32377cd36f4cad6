import { equal, match, ok } from "node:assert/strict";
import { parseTokens } from "../../src/serve/access/tokens.ts";
import { connectCluster } from "../../src/serve/cluster.ts";
import { WorkerMetrics } from "../../src/serve/worker_metrics.ts";
import { startWorkerServer } from "../../src/serve/worker_server.ts";
import { systemClock } from "../../streams/mod.ts";
import { VirtualClock } from "../simulation/virtual_clock.ts";
import { feed, send, storedForecasts } from "./cluster_feed.ts";
import { NatsServer, natsServerPath } from "./nats_server.ts";
import { WorkerProcess } from "./worker_process.ts";

const path = natsServerPath();
const PARTITIONS = 4;
/** Far longer than anything here takes. */
const GIVE_UP_MS = 30_000;

async function until(condition: () => Promise<boolean>): Promise<void> {
  const giveUpMs = systemClock.now() + GIVE_UP_MS;
  while (!await condition()) {
    if (systemClock.now() > giveUpMs) throw new Error("It never came to pass");
    await systemClock.sleep(20);
  }
}

/** The value of a metric without labels. */
function valueOf(text: string, name: string): number {
  return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1]);
}

Deno.test({
  name: "a worker tells its ticks, its partitions and whether it works",
  ignore: path === undefined,
  async fn(): Promise<void> {
    const nats = await NatsServer.start(path as string);
    const connection = await connectCluster(nats.url, "test");
    const worker = new WorkerProcess(nats.url, "w-0", [
      ...[`--partitions=${PARTITIONS}`, "--lease-ms=600", "--experts=last_value", "--port=0"],
    ]);
    try {
      await worker.ready;
      const { url } = worker.events.find(({ kind }) => kind === "listening") as { url: string };
      const metrics = async (): Promise<string> => await (await fetch(`${url}/metrics`)).text();
      const works = async (): Promise<unknown> => (await (await fetch(`${url}/healthz`)).json()).ok;
      equal(await works(), true);
      await send(connection, [...feed(8, 20)], PARTITIONS);
      await until(async () => await storedForecasts(connection) === 160);
      await until(async () => valueOf(await metrics(), "tickcast_ticks_total") === 160);
      const text = await metrics();
      equal(valueOf(text, "tickcast_partitions"), PARTITIONS);
      equal(valueOf(text, "tickcast_healthy"), 1);
      ok(valueOf(text, "tickcast_tick_to_forecast_seconds_count") > 0);
      ok(valueOf(text, "process_resident_memory_bytes") > 1e6);
      // What is older than what was taken is left out, and that is counted.
      const again = [...feed(8, 20)].map((ticks) =>
        ticks.map((tick) => ({ ...tick, id: "again" }))
      );
      await send(connection, again.slice(0, 1), PARTITIONS);
      await until(async () => valueOf(await metrics(), "tickcast_late_total") === 8);
      await nats.kill();
      await until(async () => await works() === false);
    } finally {
      await worker.kill();
      await connection.close();
      await nats.stop();
    }
  },
});

Deno.test("a worker's metrics are for those who may read, its health is for everyone", async () => {
  const clock = new VirtualClock(0);
  const metrics = new WorkerMetrics(1000, clock);
  const secret = "s".repeat(32);
  const tokens = parseTokens(`prometheus read ${secret}`);
  const server = await startWorkerServer({ metrics, host: "127.0.0.1", port: 0, tokens });
  const get = async (path: string, headers = {}): Promise<[number, string]> => {
    const answer = await fetch(server.url + path, { headers });
    return [answer.status, await answer.text()];
  };
  equal((await get("/healthz"))[0], 503);
  metrics.renewed();
  equal((await get("/healthz"))[0], 200);
  equal((await get("/metrics"))[0], 401);
  const [status, text] = await get("/metrics", { authorization: `Bearer ${secret}` });
  equal(status, 200);
  match(text, /^tickcast_healthy 1$/m);
  await server.close();
});
