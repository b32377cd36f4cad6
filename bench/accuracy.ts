// How good are the forecasts, with defaults, on every public protocol?
// deno run -A bench/accuracy.ts DATA_FOLDER [--only NAME] [--horizon H] [--experts NAMES] [--development] [--no-singles] [--json OUT.json]
import { parseArgs } from "node:util";
import { main } from "../src/cli/main.ts";
import { ALL_EXPERTS } from "../mod.ts";
import { DEVELOPMENT, type Protocol, PROTOCOLS } from "./accuracy_protocols.ts";

/** Scores by name, as the command prints them. */
type Scores = Readonly<Record<string, number>>;

/** How one protocol came out. */
export interface Outcome {
  readonly data: string;
  readonly horizon: number;
  readonly command: string;
  readonly tickcast: Scores;
  readonly baselines: Readonly<Record<string, Scores>>;
  /** The single expert, with the same calibration, whose forecasts were best, and their CRPS. */
  readonly best?: { readonly expert: string; readonly crps: number };
  readonly misses: readonly string[];
}

/** Runs `tickcast evaluate` within this process and returns its JSON object. */
async function evaluate(args: readonly string[]): Promise<Record<string, unknown>> {
  let last = "{}";
  const notes: string[] = [];
  const status = await main(["evaluate", ...args], {
    out: (line) => {
      last = line;
      return Promise.resolve();
    },
    note: (line) => void notes.push(line),
    interactive: false,
    signal: new AbortController().signal,
  });
  if (status !== 0) throw new Error(`evaluate ${args.join(" ")}: ${notes.join("; ")}`);
  return JSON.parse(last);
}

/** Tickcast's scores and those of the baselines; both commands of `evaluate` end up here. */
function scoresOf(result: Record<string, unknown>): Record<string, Scores> {
  if ("models" in result) return result.models as Record<string, Scores>;
  const { naiveMse, naiveMae, ...tickcast } = result as Record<string, number>;
  return { tickcast, naive: { mse: naiveMse, mae: naiveMae } };
}

/**
 * Runs one protocol.
 * @param folder Where the data lie.
 * @param protocol The protocol.
 * @param singles Whether every expert is run alone, too.
 * @param experts What is mixed; the default where left out.
 */
export async function runProtocol(
  folder: string,
  protocol: Protocol,
  singles: boolean,
  experts?: string,
): Promise<Outcome> {
  const [file, ...rest] = protocol.args;
  const args = [`${folder}/${file}`, ...rest];
  const chosen = experts === undefined ? [] : ["--experts", experts];
  const { tickcast, ...baselines } = scoresOf(await evaluate([...args, ...chosen]));
  let best: Outcome["best"];
  for (const expert of singles ? [...ALL_EXPERTS, "network"] : []) {
    const alone = scoresOf(await evaluate([...args, "--experts", expert, "--baselines", "none"]));
    const { crps } = alone.tickcast;
    if (best === undefined || crps < best.crps) best = { expert, crps };
  }
  const quoted = [...protocol.args, ...chosen].map((word) =>
    /[ (]/.test(word) ? `"${word}"` : word
  );
  return {
    data: protocol.data,
    horizon: protocol.horizon,
    command: `deno task evaluate ${quoted.join(" ")}`,
    tickcast,
    baselines,
    best,
    misses: misses(protocol, tickcast, baselines, best),
  };
}

/** The demands that a result does not meet, in words. */
function misses(
  protocol: Protocol,
  tickcast: Scores,
  baselines: Readonly<Record<string, Scores>>,
  best: Outcome["best"],
): string[] {
  const found: string[] = [];
  const demand = (name: string, value: number, low: number, high: number): void => {
    if (!(value >= low && value <= high)) found.push(`${name} ${figure(value)}`);
  };
  for (const [score, bound] of Object.entries(protocol.bounds)) {
    demand(score, tickcast[score], -Infinity, bound);
  }
  demand("coverage80", tickcast.coverage80, 0.77, 0.83);
  demand("coverage90", tickcast.coverage90, 0.88, 0.92);
  if (protocol.price) {
    demand("RMSE skill", 1 - tickcast.rmse / baselines.naive.rmse, -0.002, Infinity);
    demand("CRPS skill over EWMA", 1 - tickcast.crps / baselines.ewma_gaussian.crps, 0, Infinity);
  }
  if (best !== undefined) demand("CRPS ratio", tickcast.crps / best.crps, 0, 1.02);
  return found;
}

function figure(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return "";
  return Math.abs(value) >= 1000 ? value.toFixed(0) : value.toPrecision(4);
}

/** The head of the Markdown table, and the line below it. */
export function tableHead(): string {
  const head = [
    ...["data", "h", "MSE", "MAE", "RMSE", "MAPE", "NRMSE", "MASE", "CRPS", "in 80 %", "in 90 %"],
    ...["naive", "EWMA Gaussian", "best single expert", "ratio", "seconds", "falls short in"],
  ];
  return `${line(head)}\n${line(head.map(() => "---"))}`;
}

/** One outcome as a line of the table. */
export function tableRow(outcome: Outcome): string {
  const { tickcast: own, baselines, best, misses } = outcome;
  const { naive, ewma_gaussian: gaussian } = baselines;
  return line([
    outcome.data,
    `${outcome.horizon}`,
    ...[own.mse, own.mae, own.rmse, own.mape, own.nrmse, own.mase, own.crps].map(figure),
    ...[own.coverage80, own.coverage90].map((share) => share?.toFixed(3)),
    figure(naive?.crps ?? naive?.mse),
    figure(gaussian?.crps),
    best === undefined ? "" : `${best.expert} ${figure(best.crps)}`,
    best === undefined ? "" : (own.crps / best.crps).toFixed(3),
    own.seconds.toFixed(1),
    misses.join(", "),
  ]);
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      only: { type: "string", multiple: true },
      horizon: { type: "string", multiple: true },
      experts: { type: "string" },
      development: { type: "boolean", default: false },
      singles: { type: "boolean", default: true },
      json: { type: "string" },
    },
    allowNegative: true,
  });
  const [folder] = positionals;
  if (folder === undefined) {
    console.error(
      "Usage: deno run -A bench/accuracy.ts DATA_FOLDER [--only NAME] [--json OUT.json]",
    );
    Deno.exit(2);
  }
  const chosen = (values.development ? DEVELOPMENT : PROTOCOLS).filter(({ data, horizon }) =>
    (values.only?.some((name) => data.startsWith(name)) ?? true) &&
    (values.horizon?.includes(`${horizon}`) ?? true)
  );
  const outcomes: Outcome[] = [];
  const startedMs = performance.now();
  console.log(tableHead());
  for (const protocol of chosen) {
    const outcome = await runProtocol(folder, protocol, values.singles, values.experts);
    console.log(tableRow(outcome));
    outcomes.push(outcome);
  }
  console.log(`\n${((performance.now() - startedMs) / 1000).toFixed(0)} seconds in all.`);
  if (values.json !== undefined) {
    await Deno.writeTextFile(values.json, JSON.stringify(outcomes, undefined, 2));
  }
}
