// Does memory stay where it is, however long a stream runs, and what does a series take at rest?
//
//   deno task bench memory [--ticks 10000000] [--series 200] [--tiny] [--json]
import { parseArgs } from "@std/cli/parse-args";
import process from "node:process";
import { Pipeline } from "../src/pipeline.ts";
import { encodeForecast } from "../src/serve/wire.ts";
import type { Tick } from "../streams/mod.ts";
import { liveForecaster } from "./live_forecaster.ts";

/** Memory after some ticks. */
export interface Footprint {
  readonly ticks: number;
  /** Bytes the process holds in memory. */
  readonly residentBytes: number;
  /** Bytes of JavaScript's heap in use, what may be collected included. */
  readonly heapBytes: number;
}

/** Few enough that the histories, of 16,384 steps, are full after a third of ten million ticks. */
const SERIES = 200;
/** Times that memory is looked at. */
const LOOKS = 8;

/** Streams ticks of some series through the whole pipeline and looks at memory on the way. */
export async function soak(
  series: number,
  ticks: number,
): Promise<{ footprints: Footprint[]; bytesPerSeries: number }> {
  const before = process.memoryUsage();
  const forecaster = await liveForecaster(1);
  const pipeline = new Pipeline({ forecaster });
  const footprints: Footprint[] = [];
  const rounds = Math.ceil(ticks / series);
  let characters = 0;
  for (let round = 1; round <= rounds; round++) {
    const batch: Tick[] = Array.from({ length: series }, (_, k) => ({
      series: `series-${k}`,
      time: 1000 * round,
      values: { value: Math.sin(round / 7 + k) + ((round * 7919 + k) % 1000) / 5000 },
    }));
    for (const forecast of await pipeline.process(batch)) {
      characters += encodeForecast(forecast).length;
    }
    if (round * LOOKS >= rounds * (footprints.length + 1)) {
      const { rss, heapUsed } = process.memoryUsage();
      footprints.push({ ticks: round * series, residentBytes: rss, heapBytes: heapUsed });
    }
  }
  if (characters === 0) throw new Error("no forecast was made");
  forecaster.dispose();
  return {
    footprints,
    bytesPerSeries: (footprints[footprints.length - 1].residentBytes - before.rss) / series,
  };
}

if (import.meta.main) {
  const options = parseArgs(Deno.args, { boolean: ["tiny", "json"], string: ["ticks", "series"] });
  const ticks = options.tiny ? 2000 : Number(options.ticks ?? 10_000_000);
  const { footprints, bytesPerSeries } = await soak(
    options.tiny ? 10 : Number(options.series ?? SERIES),
    ticks,
  );
  if (options.json) console.log(JSON.stringify({ footprints, bytesPerSeries }));
  else {
    console.table(footprints.map(({ ticks, residentBytes, heapBytes }) => ({
      ticks,
      "resident MB": (residentBytes / 1e6).toFixed(1),
      "heap MB": (heapBytes / 1e6).toFixed(1),
    })));
    console.log(`${Math.round(bytesPerSeries)} bytes a series, code and buffers included`);
  }
}
