import { deepStrictEqual } from "node:assert/strict";
import { clusterFaults } from "../../bench/cluster_faults.ts";
import { natsServerPath } from "./nats_server.ts";

const natsServer = natsServerPath();

// The long version, 1,000 series, 20 kills and 3 restarts, is bench/cluster_faults.ts.
Deno.test({
  name: "workers and server killed with -9: nothing lost, doubled or different",
  ignore: natsServer === undefined,
  async fn(): Promise<void> {
    const series = 40;
    const steps = 25;
    const { stored, lost, doubled, different } = await clusterFaults({
      natsServer: natsServer as string,
      workers: 2,
      partitions: 4,
      series,
      steps,
      paceMs: 150,
      workerKills: 2,
      serverRestarts: 1,
      seed: 3,
      leaseMs: 600,
    });
    const outcome = { stored, lost, doubled, different };
    deepStrictEqual(outcome, { stored: series * steps, lost: 0, doubled: 0, different: 0 });
  },
});
