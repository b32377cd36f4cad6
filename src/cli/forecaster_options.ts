import type { StatusListener } from "../../streams/mod.ts";
import { defaultExperts, type ExpertName, LIGHT_EXPERTS } from "../forecast/experts/registry.ts";
import type { Guest } from "../forecast/guest.ts";
import type { NetworkModel } from "../forecast/learner.ts";
import { OnlineForecaster, type OnlineForecasterOptions } from "../forecast/online_forecaster.ts";
import { openNetwork, type OpenNetworkOptions } from "../forecast/open_network.ts";
import { readModel } from "../interop/model_file.ts";
import { OnnxExpert } from "../interop/onnx_expert.ts";
import { type OptionValues, UsageError } from "./options.ts";

/** The options of every command that forecasts. */
export const FORECASTER_OPTIONS = {
  horizon: {
    kind: "integer",
    default: 12,
    min: 1,
    max: 1000,
    placeholder: "STEPS",
    description: "Steps ahead to forecast",
  },
  season: {
    kind: "integer",
    min: 0,
    placeholder: "STEPS",
    description: "Seasonal period, 0 for none; found from the data where left out",
  },
  history: {
    kind: "integer",
    default: 16_384,
    min: 256,
    placeholder: "STEPS",
    description: "Values kept of each series, a power of two; most of a checkpoint's bytes",
  },
  experts: {
    kind: "list",
    placeholder: "NAMES",
    description: `What is mixed: all, light, network, or names of ${
      defaultExperts(1).join(", ")
    } [all,network]`,
  },
} as const;

/** The options of the network among the experts. */
export const NETWORK_OPTIONS = {
  cell: {
    kind: "string",
    default: "lstm",
    choices: ["lstm", "gru", "gru_reset_before"],
    description: "The network's cell",
  },
  hidden: {
    kind: "integer",
    default: 64,
    min: 1,
    max: 1024,
    placeholder: "UNITS",
    description: "Hidden units of each of its layers",
  },
  layers: { kind: "integer", default: 1, min: 1, max: 8, description: "Its recurrent layers" },
  seed: { kind: "integer", default: 1, description: "Where its chance starts" },
  "retrain-every": {
    kind: "integer",
    default: 1024,
    min: 0,
    placeholder: "STEPS",
    description: "Steps of each series between two retrainings, 0 for none",
  },
  "retrain-seconds": {
    kind: "number",
    min: 1,
    placeholder: "SECONDS",
    description: "Also retrain after so long, by the ticks' own times",
  },
  backend: {
    kind: "string",
    default: "wasm",
    choices: ["auto", "wasm", "webgpu", "reference"],
    description: "What steps and trains it; auto measures which is faster here",
  },
  "expected-series": {
    kind: "integer",
    default: 1,
    min: 1,
    placeholder: "N",
    description: "Series that tick together, for auto to measure with",
  },
  threads: {
    kind: "integer",
    default: 1,
    min: 1,
    max: 64,
    placeholder: "N",
    description:
      "Threads that share its steps of many series on a CPU; for 128 hidden units and more",
  },
  "software-gpu": { kind: "boolean", description: "Take a software GPU adapter too" },
  model: {
    kind: "string",
    placeholder: "FILE",
    description:
      "A trained network to begin with (.safetensors), or a recurrent ONNX model as one more expert (.onnx)",
  },
} as const;

/** All that a command line says of a forecaster. */
export type ForecasterChoice = OptionValues<typeof FORECASTER_OPTIONS & typeof NETWORK_OPTIONS>;

/**
 * What a forecaster without networks is made with, from the command line.
 *
 * @param covariates Features beside the target.
 */
export function forecasterOptions(
  options: OptionValues<typeof FORECASTER_OPTIONS>,
  covariates: number,
): Omit<OnlineForecasterOptions, "levels" | "guests"> {
  const { horizon, season, history } = options;
  if (!Number.isInteger(Math.log2(history))) {
    throw new UsageError(`--history: expected a power of two, got ${history}`);
  }
  const experts = expertNames(options.experts, covariates);
  return { horizon, season, historyLimit: history, covariates, experts };
}

/**
 * Opens the networks that a command line asks for.
 *
 * @param covariates Features beside the target.
 */
export async function openGuests(
  options: ForecasterChoice,
  covariates: number,
  onStatus: StatusListener,
): Promise<Guest[]> {
  const { horizon, model: path } = options;
  const file = path === undefined ? undefined : await Deno.readFile(path);
  const guests: Guest[] = [];
  if (options.experts.length === 0 || options.experts.includes("network")) {
    const model = path?.endsWith(".safetensors") ? readModel(file!) : undefined;
    guests.push(await openNetwork(networkOptions(options, covariates, model, onStatus)));
  }
  if (path?.endsWith(".onnx")) {
    const expert = await OnnxExpert.open(file!, { horizon, onStatus });
    guests.push(expert);
    const { featureCount, features } = expert;
    if (featureCount > covariates + 1) {
      for (const guest of guests) guest.dispose();
      const names = features === undefined ? "" : ` (${features.join(", ")})`;
      throw new UsageError(
        `--model: it takes ${featureCount} features${names}, ${covariates + 1} are given`,
      );
    }
  } else if (path !== undefined && !path.endsWith(".safetensors")) {
    throw new UsageError(`--model: expected a .safetensors or .onnx file, got "${path}"`);
  }
  return guests;
}

/** The forecaster that a command line asks for. */
export async function openForecaster(
  options: ForecasterChoice,
  covariates: number,
  onStatus: StatusListener,
): Promise<OnlineForecaster> {
  const guests = await openGuests(options, covariates, onStatus);
  return new OnlineForecaster({ ...forecasterOptions(options, covariates), guests });
}

function networkOptions(
  options: ForecasterChoice,
  covariates: number,
  model: NetworkModel | undefined,
  onStatus: StatusListener,
): OpenNetworkOptions {
  const everySteps = options["retrain-every"];
  const seconds = options["retrain-seconds"];
  return {
    horizon: options.horizon,
    covariates,
    cell: options.cell as OpenNetworkOptions["cell"],
    hiddenSize: options.hidden,
    layers: options.layers,
    seed: options.seed,
    plan: everySteps === 0
      ? false
      : { everySteps, ...seconds === undefined ? {} : { everyMs: 1000 * seconds } },
    backend: options.backend as OpenNetworkOptions["backend"],
    series: options["expected-series"],
    threads: options.threads,
    allowFallbackAdapter: options["software-gpu"],
    model,
    onStatus,
    onChoice: (detail) => onStatus({ kind: "chosen", part: "backend", detail }),
  };
}

function expertNames(asked: readonly string[], covariates: number): readonly ExpertName[] {
  const all = defaultExperts(covariates);
  if (asked.length === 0) return all;
  const names = asked.flatMap((name): readonly string[] => {
    if (name === "all") return all;
    return name === "light" ? LIGHT_EXPERTS : [name];
  });
  const known: readonly string[] = all;
  const unknown = names.find((name) => name !== "network" && !known.includes(name));
  if (unknown !== undefined) {
    const exists: readonly string[] = defaultExperts(1);
    throw new UsageError(
      exists.includes(unknown)
        ? `--experts: "${unknown}" needs a covariate, which a further --value or --features names`
        : `--experts: there is no "${unknown}"; there are all, light, network, ${all.join(", ")}`,
    );
  }
  return all.filter((name) => names.includes(name));
}
