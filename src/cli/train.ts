import { systemClock, TARGET_FEATURE } from "../../streams/mod.ts";
import { evaluate, type EvaluationResult } from "../evaluate/evaluate.ts";
import type { EvaluationRow } from "../evaluate/prequential.ts";
import { evaluationReport, forecastPlot, learningCurves } from "../evaluate/report.ts";
import { svgFile, svgPlot } from "../evaluate/svg_plot.ts";
import { NetworkRecorder } from "../forecast/network_recorder.ts";
import { OnlineForecaster } from "../forecast/online_forecaster.ts";
import { openNetwork } from "../forecast/open_network.ts";
import {
  type TrainedNetwork,
  TRAINING_DEFAULTS,
  trainNetwork,
  type TrainNetworkOptions,
} from "../forecast/train_network.ts";
import { writeModel } from "../interop/model_file.ts";
import { exportModelOnnx } from "../interop/onnx_export.ts";
import type { Epoch } from "../learn/trainer.ts";
import { Pipeline } from "../pipeline.ts";
import type { Command, CommandContext } from "./command.ts";
import { CSV_OPTIONS, openCsv } from "./csv_options.ts";
import { addRow, type RowsBySeries, titleOf } from "./evaluation_rows.ts";
import { describeOptions, type OptionValues, parseOptions, UsageError } from "./options.ts";
import { makeFoldersOf } from "./output_file.ts";
import { FORECASTER_OPTIONS, NETWORK_OPTIONS } from "./forecaster_options.ts";
import { drawOnTerminal, Progress } from "./progress.ts";
import { RowNotes } from "./row_notes.ts";
import { scoresAsJson, scoresAsText, scoreSeries, type SeriesScores } from "./series_scores.ts";
import { TensorBoardLog } from "./tensorboard_log.ts";

const OPTIONS = {
  output: {
    kind: "string",
    short: "o",
    default: "model.safetensors",
    placeholder: "FILE",
    description: "Where the network is written, .safetensors or .onnx; its pictures go beside it",
  },
  ...CSV_OPTIONS,
  horizon: FORECASTER_OPTIONS.horizon,
  season: FORECASTER_OPTIONS.season,
  cell: { ...NETWORK_OPTIONS.cell, description: "The cell" },
  hidden: { ...NETWORK_OPTIONS.hidden, description: "Hidden units of each layer" },
  layers: { ...NETWORK_OPTIONS.layers, description: "Recurrent layers" },
  loss: {
    kind: "string",
    default: "pinball",
    choices: ["pinball", "mse", "huber", "gaussian"],
    description: "What teaches it",
  },
  epochs: {
    kind: "integer",
    default: TRAINING_DEFAULTS.epochs,
    min: 1,
    max: 100_000,
    description: "Rounds over the training rows at most",
  },
  batch: {
    kind: "integer",
    default: TRAINING_DEFAULTS.batch,
    min: 1,
    max: 4096,
    description: "Windows side by side",
  },
  window: {
    kind: "integer",
    default: TRAINING_DEFAULTS.window,
    min: 2,
    max: 8192,
    description: "Steps that gradients flow back; a quarter of it only warms the state up",
  },
  lr: {
    kind: "number",
    default: TRAINING_DEFAULTS.schedule.rate,
    min: 0,
    max: 10,
    description: "The learning rate at its highest",
  },
  optimiser: {
    kind: "string",
    default: TRAINING_DEFAULTS.optimiser.kind,
    choices: ["adam", "adamw", "sgd"],
    description: "How gradients become steps",
  },
  schedule: {
    kind: "string",
    default: TRAINING_DEFAULTS.schedule.kind,
    choices: ["constant", "cosine", "step"],
    description: "How the learning rate falls",
  },
  "warm-up": {
    kind: "number",
    default: 0.05,
    min: 0,
    max: 0.9,
    placeholder: "SHARE",
    description: "The share of the run over which the rate rises",
  },
  dropout: { kind: "number", default: 0, min: 0, max: 0.9, description: "Share that is dropped" },
  "weight-decay": {
    kind: "number",
    default: TRAINING_DEFAULTS.optimiser.weightDecay ?? 0,
    min: 0,
    max: 10,
    description: "Pull of the weights towards 0",
  },
  clip: {
    kind: "number",
    default: TRAINING_DEFAULTS.maxNorm ?? 1,
    min: 1e-6,
    max: 1e6,
    placeholder: "NORM",
    description: "What the gradient's norm is cut to",
  },
  patience: {
    kind: "integer",
    default: TRAINING_DEFAULTS.patience ?? 10,
    min: 1,
    max: 100_000,
    description: "Rounds without a better validation loss before it stops",
  },
  split: {
    kind: "list",
    placeholder: "SHARES",
    description: "Training, validation and test, in the order of time [0.7,0.15,0.15]",
  },
  seed: { kind: "integer", default: 1, min: 0, max: 2 ** 31, description: "Of everything random" },
  logdir: {
    kind: "string",
    placeholder: "FOLDER",
    description: "Write learning curves there for tensorboard --logdir",
  },
  report: {
    kind: "string",
    placeholder: "OUT.html",
    description: "Write a page with curves, scores and forecasts",
  },
  json: { kind: "boolean", description: "Print nothing but the JSON object" },
} as const;

type TrainOptions = OptionValues<typeof OPTIONS>;

/** Steps ahead that are shown as lines of the table at most. */
const STEPS_SHOWN = 12;

/** Trains a network on a CSV. */
export const train: Command = {
  help: [
    "Usage: tickcast train FILE.csv[.gz] --time COLUMN --value COLUMN [OPTIONS] -o model.safetensors",
    "",
    "Cuts the rows by time into training, validation and test, trains a recurrent network until it no",
    "longer gets better on the validation rows, and writes the best one: safetensors with PyTorch's names,",
    "for --model of serve, replay and evaluate. The test rows are forecast with the network alone, beside",
    "simple methods; its learning curves and last forecasts are drawn beside the model. The last line is",
    "one JSON object.",
    "",
    describeOptions(OPTIONS, { "The file": CSV_OPTIONS }),
    "",
    "Example: tickcast train weather.csv --time date --value temp_max --horizon 7 -o weather.safetensors",
  ].join("\n"),
  run: runTrain,
};

async function runTrain(args: readonly string[], context: CommandContext): Promise<number> {
  const { options, operands } = parseOptions(args, OPTIONS);
  const [validation, test] = shares(options.split);
  await makeFoldersOf(options.output, options.report);
  const { recorder, rows } = await record(operands, options, context);
  const startedMs = performance.now();
  const trained = await trainOn(recorder, options, validation, test, context);
  const seconds = (performance.now() - startedMs) / 1000;
  const isOnnx = options.output.endsWith(".onnx");
  const write = isOnnx ? exportModelOnnx : writeModel;
  await Deno.writeFile(options.output, write(trained.model));

  const stem = options.output.replace(/\.(safetensors|onnx)$/, "");
  const curves = learningCurves(trained.epochs);
  await Deno.writeTextFile(`${stem}-curves.svg`, svgFile(curves));
  // None is long enough where nothing is held back for the test.
  const isLong = (own: readonly EvaluationRow[]): boolean =>
    own.length > Math.ceil(options.horizon / test);
  const scored = [...rows.values()].some(isLong)
    ? await scoreTest(trained, rows, test, options, context)
    : undefined;
  if (scored !== undefined) {
    const { first, name } = scored;
    await Deno.writeTextFile(`${stem}-forecasts.svg`, svgFile(forecastPlot(first)));
    if (options.report !== undefined) {
      const title = titleOf(operands[0], rows, name);
      const page = evaluationReport(first, title, [svgPlot(curves)]);
      await Deno.writeTextFile(options.report, page);
    }
  }
  if (!options.json) {
    const { epochs, bestEpoch, ended } = trained;
    await context.out(`${epochs.length} rounds in ${seconds.toFixed(1)} s, ended by ${ended}`);
    await context.out(`the best is round ${bestEpoch}; written to ${options.output}`);
    if (scored !== undefined) {
      await context.out(scoresAsText(scored));
      if (rows.size === 1) await context.out(perHorizon(scored.first));
    }
  }
  await context.out(JSON.stringify({
    rows: [...rows.values()].reduce((sum, each) => sum + each.length, 0),
    series: rows.size,
    parameters: trained.model.parameters.values.length,
    rounds: trained.epochs.length,
    best: trained.bestEpoch,
    ended: trained.ended,
    seconds,
    loss: {
      validation: trained.validationLoss,
      test: trained.testLoss,
      testUntrained: trained.testLossBefore,
    },
    model: options.output,
    test: scored && scoresAsJson(scored),
  }));
  return 0;
}

/** What a network in the stream would have seen of every row. */
async function record(
  operands: readonly string[],
  options: TrainOptions,
  context: CommandContext,
): Promise<{ recorder: NetworkRecorder; rows: RowsBySeries }> {
  const { horizon, season } = options;
  const refused = new RowNotes(context.note);
  const { onStatus } = refused;
  const features = [TARGET_FEATURE, ...options.value.slice(1)];
  const recorder = new NetworkRecorder({ horizon, covariates: features.length - 1 });
  const forecaster = new OnlineForecaster({
    horizon,
    season,
    experts: ["last_value"],
    guests: [recorder],
  });
  const pipeline = new Pipeline({ forecaster, features, onStatus });
  const rows: RowsBySeries = new Map();
  const progress = new Progress("read", context.interactive ? drawOnTerminal : undefined);
  try {
    for await (const ticks of openCsv(operands, options, { signal: context.signal, onStatus })) {
      for (const tick of ticks) addRow(rows, tick, features);
      await pipeline.process(ticks);
      progress.update(pipeline.sequence);
    }
  } finally {
    progress.end();
    refused.end();
  }
  context.signal.throwIfAborted();
  if (rows.size === 0) throw new Error("The file has no row to learn from");
  return { recorder, rows };
}

async function trainOn(
  recorder: NetworkRecorder,
  options: TrainOptions,
  validation: number,
  test: number,
  context: CommandContext,
): Promise<TrainedNetwork> {
  const log = options.logdir === undefined
    ? undefined
    : await TensorBoardLog.open(options.logdir, systemClock);
  const progress = new Progress("train", context.interactive ? drawOnTerminal : undefined);
  let best = Infinity;
  const onEpoch = async (epoch: Epoch): Promise<void> => {
    const { trainingLoss, validationLoss, learningRate: rate } = epoch;
    const mark = validationLoss < best ? " *" : "";
    best = Math.min(best, validationLoss);
    progress.end();
    context.note(
      `round ${String(epoch.epoch).padStart(3)}  training ${trainingLoss.toFixed(5)}  ` +
        `validation ${validationLoss.toFixed(5)}  rate ${rate.toExponential(1)}${mark}`,
    );
    progress.update(epoch.epoch, options.epochs);
    log?.write(epoch.epoch, {
      "loss/training": trainingLoss,
      "loss/validation": validationLoss,
      "learning rate": rate,
    });
    // On the CPU a round is one long computation: only here is a signal heard.
    await systemClock.sleep(0);
  };
  try {
    const trained = await trainNetwork(recorder.series.map((name) => recorder.sequence(name)), {
      horizon: options.horizon,
      covariates: recorder.covariates,
      cell: options.cell as TrainNetworkOptions["cell"],
      hiddenSize: options.hidden,
      layers: options.layers,
      loss: options.loss as TrainNetworkOptions["loss"],
      seed: options.seed,
      trainer: {
        window: options.window,
        burnIn: Math.floor(options.window / 4),
        batch: options.batch,
        epochs: options.epochs,
        schedule: {
          kind: options.schedule as "constant" | "cosine" | "step",
          rate: options.lr,
          warmUp: options["warm-up"],
        },
        optimiser: {
          kind: options.optimiser as "adam" | "adamw" | "sgd",
          weightDecay: options["weight-decay"],
        },
        maxNorm: options.clip,
        dropout: options.dropout > 0 ? options.dropout : undefined,
        patience: options.patience,
      },
      validation,
      test,
      onEpoch,
      signal: context.signal,
    });
    const { parameters } = trained.model;
    log?.write(
      trained.bestEpoch,
      Number.isFinite(trained.testLoss) ? { "loss/test": trained.testLoss } : {},
      Object.fromEntries(parameters.layout.map(({ name }) => [name, parameters.get(name)])),
    );
    return trained;
  } finally {
    progress.end();
    await log?.close();
  }
}

/** Forecasts the test rows of each series with the network alone, as it was trained, and with simple methods. */
async function scoreTest(
  { model }: TrainedNetwork,
  rows: RowsBySeries,
  test: number,
  options: TrainOptions,
  context: CommandContext,
): Promise<SeriesScores> {
  const { horizon, season } = options;
  const { covariates } = model;
  const progress = new Progress("test", context.interactive ? drawOnTerminal : undefined);
  const score = async (own: readonly EvaluationRow[]): Promise<EvaluationResult> => {
    const { models, ...result } = await evaluate(own, {
      horizon,
      scoreFrom: own.length - Math.round(test * own.length),
      forecaster: { season },
      makeForecaster: async (all) => {
        const network = await openNetwork({ horizon, covariates, model, plan: false });
        return new OnlineForecaster({ ...all, experts: [], guests: [network] });
      },
      onProgress: (name, done) => {
        context.signal.throwIfAborted();
        progress.update(Math.round(done * own.length), own.length, name);
      },
    });
    const { tickcast, ...baselines } = models;
    return { ...result, models: { network: tickcast, ...baselines } };
  };
  try {
    return await scoreSeries(rows, score, context.note);
  } finally {
    progress.end();
  }
}

/** The mean absolute error at some of the steps ahead: a line a step. */
function perHorizon({ models, horizon }: EvaluationResult): string {
  const names = Object.keys(models);
  const count = Math.min(horizon, STEPS_SHOWN);
  const steps = Array.from({ length: count }, (_, k) => Math.round((k + 1) * horizon / count));
  const line = (cells: readonly string[]): string =>
    cells.map((cell, k) => k === 0 ? cell.padEnd(12) : cell.padStart(16)).join("");
  return [
    line(["MAE, steps", ...names]),
    ...steps.map((step) =>
      line([
        String(step),
        ...names.map((name) => models[name].perHorizon[step - 1].mae.toPrecision(5)),
      ])
    ),
  ].join("\n");
}

function shares(given: readonly string[]): readonly [validation: number, test: number] {
  const parts = given.length === 0 ? [0.7, 0.15, 0.15] : given.map(Number);
  const sum = parts.reduce((total, part) => total + part, 0);
  if (parts.length !== 3 || !parts.every((part) => part >= 0) || Math.abs(sum - 1) > 1e-6) {
    throw new UsageError(`--split: expected three shares that sum to 1, got ${given.join(",")}`);
  }
  return [parts[1], parts[2]];
}
