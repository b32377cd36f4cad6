// How many rows a second does a CSV play back, as fast as it goes, and where does the time go?
//
//   deno task bench replay_csv [--tiny] [--json]
import { type ExpertName, LIGHT_EXPERTS } from "../src/forecast/experts/registry.ts";
import type { Forecaster } from "../src/forecast/forecaster.ts";
import { OnlineForecaster } from "../src/forecast/online_forecaster.ts";
import { openNetwork } from "../src/forecast/open_network.ts";
import { Pipeline } from "../src/pipeline.ts";
import { encodeForecast } from "../src/serve/wire.ts";
import { csvSource } from "../streams/mod.ts";
import { processorMs, type Spread, spread } from "./harness.ts";

/** Rows a second through some part of the way. */
export interface Rate {
  readonly name: string;
  readonly rowsPerSecond: Spread;
}

const HORIZON = 1;

/** The rows, in a file as a user has them: how the bytes come changes what they cost. */
function writeCsv(rows: number): string {
  const lines = ["time,value"];
  for (let row = 0; row < rows; row++) {
    const time = new Date(1_700_000_000_000 + 60_000 * row).toISOString();
    lines.push(`${time},${(20 + 5 * Math.sin(row / 20) + (row * 7919 % 100) / 200).toFixed(3)}`);
  }
  const path = Deno.makeTempFileSync({ suffix: ".csv" });
  Deno.writeTextFileSync(path, `${lines.join("\n")}\n`);
  return path;
}

async function network(experts: readonly ExpertName[]): Promise<Forecaster> {
  const guest = await openNetwork({ horizon: HORIZON, hiddenSize: 64, plan: false });
  return new OnlineForecaster({ horizon: HORIZON, experts, guests: [guest] });
}

const forecasters: Readonly<Record<string, (() => Promise<Forecaster>) | undefined>> = {
  "read only": undefined,
  "last value": () =>
    Promise.resolve(new OnlineForecaster({ horizon: HORIZON, experts: ["last_value"] })),
  "light experts": () =>
    Promise.resolve(new OnlineForecaster({ horizon: HORIZON, experts: LIGHT_EXPERTS })),
  "LSTM(64) alone": () => network([]),
  "light experts and LSTM(64)": () => network(LIGHT_EXPERTS),
};

/** As the command does it: forecasts leave as lines, a batch of them at once. */
async function replay(path: string, forecaster: Forecaster | undefined): Promise<number> {
  const pipeline = forecaster && new Pipeline({ forecaster });
  let done = 0;
  for await (const batch of csvSource({ input: path, time: "time", value: "value" })) {
    const forecasts = await pipeline?.process(batch);
    if (forecasts && forecasts.map(encodeForecast).join("\n") === "") throw new Error("no text");
    done += forecasts?.length ?? batch.length;
  }
  return done;
}

/** Replays a CSV some times with each forecaster, in turn. */
export async function replayCsv(rows: number, turns: number): Promise<Rate[]> {
  const path = writeCsv(rows);
  const rates = new Map(Object.keys(forecasters).map((name) => [name, new Array<number>()]));
  try {
    for (let turn = 0; turn < turns; turn++) {
      for (const [name, open] of Object.entries(forecasters)) {
        const forecaster = await open?.();
        const started = processorMs();
        const done = await replay(path, forecaster);
        const took = processorMs() - started;
        forecaster?.dispose();
        if (done !== rows) throw new Error(`${name}: ${done} of ${rows} rows came through`);
        rates.get(name)!.push(1000 * rows / took);
      }
    }
  } finally {
    Deno.removeSync(path);
  }
  return [...rates].map(([name, found]) => ({ name, rowsPerSecond: spread(found) }));
}

if (import.meta.main) {
  const tiny = Deno.args.includes("--tiny");
  const found = await replayCsv(tiny ? 300 : 200_000, tiny ? 1 : 5);
  if (Deno.args.includes("--json")) console.log(JSON.stringify(found));
  else {
    console.table(found.map(({ name, rowsPerSecond: { median, low, high } }) => ({
      name,
      "rows a second": Math.round(median),
      from: Math.round(low),
      to: Math.round(high),
    })));
  }
}
