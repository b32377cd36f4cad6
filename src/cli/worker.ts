import { runWorker, TRAINER_PARTITION } from "../serve/cluster.ts";
import { PARTITIONS } from "../serve/cluster_setup.ts";
import type { Command, CommandContext } from "./command.ts";
import { OnlineForecaster } from "../forecast/online_forecaster.ts";
import {
  FORECASTER_OPTIONS,
  forecasterOptions,
  NETWORK_OPTIONS,
  openGuests,
} from "./forecaster_options.ts";
import { describeOptions, parseOptions, UsageError } from "./options.ts";

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
  await runWorker({
    servers: options.cluster,
    worker: name,
    createForecaster: async (partition) => {
      const everySteps = partition === TRAINER_PARTITION ? options["retrain-every"] : 0;
      const guests = await openGuests({ ...options, "retrain-every": everySteps }, 0, print);
      return new OnlineForecaster({ ...forecasterOptions(options, 0), guests });
    },
    partitions: options.partitions,
    ordinal: options.ordinal ?? Number(/\d+$/.exec(name)?.[0] ?? 0),
    replicas: options.replicas,
    leaseMs: options["lease-ms"],
    checkpointEveryTicks: options["checkpoint-every"],
    onStatus: print,
    onOwned: (partitions) => print({ kind: "owned", worker: name, partitions }),
  }, context.signal);
  return 0;
}
