import type { Status } from "../../streams/mod.ts";
import { runWorker, TRAINER_PARTITION } from "../serve/cluster.ts";
import { PARTITIONS } from "../serve/cluster_setup.ts";
import { WorkerMetrics } from "../serve/worker_metrics.ts";
import { startWorkerServer, type WorkerServer } from "../serve/worker_server.ts";
import type { Command, CommandContext } from "./command.ts";
import { OnlineForecaster } from "../forecast/online_forecaster.ts";
import {
  FORECASTER_OPTIONS,
  forecasterOptions,
  NETWORK_OPTIONS,
  openGuests,
} from "./forecaster_options.ts";
import { describeOptions, type OptionValues, parseOptions, UsageError } from "./options.ts";
import { chosenTokens, rereadTokens, TOKEN_OPTIONS } from "./server_options.ts";

const OPTIONS = {
  cluster: {
    kind: "string",
    placeholder: "nats://HOST:PORT",
    description: "NATS servers with JetStream, separated by commas",
  },
  name: {
    kind: "string",
    placeholder: "NAME",
    description: "This worker's unique name, as tickcast-3; a random one where left out",
  },
  partitions: {
    kind: "integer",
    default: PARTITIONS,
    min: 1,
    max: 4096,
    placeholder: "N",
    description: "Parts into which series are shared out; the same on every worker, for ever",
  },
  ordinal: {
    kind: "integer",
    min: 0,
    placeholder: "N",
    description: "This worker's number among its peers; where left out, the one its name ends in",
  },
  replicas: {
    kind: "integer",
    default: 1,
    min: 1,
    max: 5,
    placeholder: "N",
    description: "Servers that hold each stream",
  },
  "lease-ms": {
    kind: "integer",
    default: 5000,
    min: 200,
    placeholder: "MS",
    description: "A worker silent for so long loses its partitions",
  },
  "checkpoint-every": {
    kind: "integer",
    default: 10_000,
    min: 1,
    placeholder: "TICKS",
    description: "Ticks of a partition between two checkpoints",
  },
  host: {
    kind: "string",
    default: "127.0.0.1",
    placeholder: "ADDRESS",
    description: "Where it can be asked how it does",
  },
  port: {
    kind: "integer",
    min: 0,
    max: 65535,
    placeholder: "N",
    description: "Answer /healthz and /metrics there, 0 takes a free one; nowhere where left out",
  },
  ...TOKEN_OPTIONS,
  ...FORECASTER_OPTIONS,
  ...NETWORK_OPTIONS,
} as const;

/** Letters that may stand in a subject. */
const NAME = /^[A-Za-z0-9_-]+$/;

/** Works on a share of a cluster's partitions until told to end. */
export const worker: Command = {
  help: [
    "Usage: tickcast worker --cluster nats://HOST:PORT [OPTIONS]",
    "",
    "Takes ticks from JetStream, puts forecasts there, and shares the series with all other workers of",
    "the cluster. Events are printed as NDJSON. Workers may come, go and crash at any time. One",
    "partition's network is trained, and all others take over what it has learnt.",
    "",
    describeOptions(OPTIONS, {
      "Access": TOKEN_OPTIONS,
      "Forecasts": FORECASTER_OPTIONS,
      "The network": NETWORK_OPTIONS,
    }),
  ].join("\n"),
  run: work,
};

async function work(args: readonly string[], context: CommandContext): Promise<number> {
  const { options } = parseOptions(args, OPTIONS);
  const name = options.name ?? `w-${crypto.randomUUID().slice(0, 8)}`;
  if (options.cluster === undefined) throw new UsageError("--cluster: expected nats://HOST:PORT");
  if (!NAME.test(name)) throw new UsageError(`--name: expected letters and digits, got "${name}"`);
  const print = (event: unknown): void => void context.out(JSON.stringify(event));
  const leaseMs = options["lease-ms"];
  const metrics = new WorkerMetrics(leaseMs);
  const note = (status: Status): void => {
    metrics.note(status);
    print(status);
  };
  const server = await openWorkerServer(metrics, options, context);
  if (server !== undefined) print({ kind: "listening", worker: name, url: server.url });
  try {
    await runWorker({
      servers: options.cluster,
      worker: name,
      createForecaster: async (partition) => {
        const everySteps = partition === TRAINER_PARTITION ? options["retrain-every"] : 0;
        const guests = await openGuests({ ...options, "retrain-every": everySteps }, 0, note);
        return new OnlineForecaster({ ...forecasterOptions(options, 0), guests });
      },
      partitions: options.partitions,
      ordinal: options.ordinal ?? Number(/\d+$/.exec(name)?.[0] ?? 0),
      replicas: options.replicas,
      leaseMs,
      checkpointEveryTicks: options["checkpoint-every"],
      onStatus: note,
      onOwned: (partitions) => {
        metrics.owned(partitions.length);
        print({ kind: "owned", worker: name, partitions });
      },
      onRenewed: () => metrics.renewed(),
      onApplied: (ticks, durationMs) => metrics.applied(ticks, durationMs),
    }, context.signal);
  } finally {
    await server?.close();
  }
  return 0;
}

/** Where the worker is asked how it does, if the command line says so. */
async function openWorkerServer(
  metrics: WorkerMetrics,
  options: OptionValues<typeof OPTIONS>,
  context: CommandContext,
): Promise<Pick<WorkerServer, "url" | "close"> | undefined> {
  const { host, port } = options;
  if (port === undefined) return undefined;
  const tokens = await chosenTokens(options);
  const server = await startWorkerServer({ metrics, host, port, tokens });
  const file = options["token-file"];
  const unwatch = rereadTokens(file, tokens, server.replaceTokens, context);
  return {
    url: server.url,
    close: async (): Promise<void> => {
      unwatch();
      await server.close();
    },
  };
}
