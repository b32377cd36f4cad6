// What do a series and a tick cost: memory, time, and bytes in a checkpoint?
//
//   deno run -A bench/series_cost.ts [--experts light] [--network] [--series 1000] [--steps 300]
//     [--history 16384] [--tiny]
//
// Through the pipeline, a micro-batch holding one tick of each series; the text of every forecast is made
// too. Time is the processor's, whatever else runs on the machine. Memory is what the process holds after a collection where --v8-flags=--expose-gc is given.
import { cpuUsage } from "node:process";
import { parseArgs } from "@std/cli/parse-args";
import { ALL_EXPERTS, type ExpertName, LIGHT_EXPERTS } from "../src/forecast/experts/registry.ts";
import { OnlineForecaster } from "../src/forecast/online_forecaster.ts";
import { openNetwork } from "../src/forecast/open_network.ts";
import { Pipeline } from "../src/pipeline.ts";
import { encodeForecast } from "../src/serve/wire.ts";
import { encodeSnapshot } from "../src/state/snapshot_codec.ts";
import { feed } from "../test/e2e/cluster_feed.ts";

/** What one series or one tick costs. */
export interface SeriesCost {
  readonly microsecondsATick: number;
  /** Of the process's memory beyond the code's own, for each series. */
  readonly kilobytesASeries: number;
  readonly checkpointKilobytesASeries: number;
  readonly forecastBytes: number;
  readonly checkpointMicrosecondsASeries: number;
}

/** Measures a forecaster of some experts, with or without a network that does not learn. */
export async function seriesCost(
  experts: readonly ExpertName[],
  network: boolean,
  series: number,
  steps: number,
  historyLimit: number,
): Promise<SeriesCost> {
  const before = held();
  const guests = network ? [await openNetwork({ horizon: 2, plan: false })] : [];
  const forecaster = new OnlineForecaster({ horizon: 2, experts, season: 0, guests, historyLimit });
  const pipeline = new Pipeline({ forecaster });
  const warmUp = steps >> 1;
  let step = 0;
  let cpuBefore = cpuUsage();
  let bytes = 0;
  for (const ticks of feed(series, steps)) {
    if (step++ === warmUp) cpuBefore = cpuUsage();
    for (const forecast of await pipeline.process(ticks)) bytes += encodeForecast(forecast).length;
  }
  const forecasting = microseconds(cpuUsage(cpuBefore));
  const kilobytes = (held() - before) / 1000;
  const savingBefore = cpuUsage();
  const file = encodeSnapshot({ sequence: 0, createdMs: 0, snapshot: pipeline.snapshot() });
  const saving = microseconds(cpuUsage(savingBefore));
  forecaster.dispose();
  return {
    microsecondsATick: forecasting / (series * (steps - warmUp)),
    kilobytesASeries: kilobytes / series,
    checkpointKilobytesASeries: file.length / 1000 / series,
    forecastBytes: bytes / (series * steps),
    checkpointMicrosecondsASeries: saving / series,
  };
}

function microseconds({ user, system }: { user: number; system: number }): number {
  return user + system;
}

function held(): number {
  (globalThis as { gc?: () => void }).gc?.();
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}

if (import.meta.main) {
  const { experts, series, steps, history, tiny, network } = parseArgs(Deno.args, {
    string: ["experts", "series", "steps", "history"],
    boolean: ["tiny", "network"],
    default: { experts: "light", series: "1000", steps: "300", history: "16384" },
  });
  const names = experts === "all" ? ALL_EXPERTS : LIGHT_EXPERTS;
  const cost = await seriesCost(
    names,
    network,
    tiny ? 10 : Number(series),
    tiny ? 20 : Number(steps),
    Number(history),
  );
  console.log(JSON.stringify({ experts, network, history, ...cost }));
}
