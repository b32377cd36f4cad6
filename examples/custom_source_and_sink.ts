/**
 * A source and a sink of one's own: a source is a `ReadableStream` of ticks, a sink a `WritableStream`,
 * and back-pressure runs from one to the other through the pipeline. Here the machine's own free memory
 * goes in, and only what surprises comes out.
 *
 *     deno run --allow-sys --allow-env examples/custom_source_and_sink.ts
 */
import { type Forecast, OnlineForecaster, Pipeline } from "@tickcast/tickcast";
import { sourceOf, systemClock, type Tick } from "@tickcast/tickcast/streams";

/** Free memory in MB, every few milliseconds; `signal` aborts when the reader has had enough. */
function freeMemory(everyMs: number, count: number): ReadableStream<readonly Tick[]> {
  return sourceOf(async function* (signal): AsyncGenerator<readonly Tick[]> {
    for (let step = 0; step < count && !signal.aborted; step++) {
      const value = Deno.systemMemoryInfo().available / 1e6;
      yield [{ series: "free memory", time: systemClock.now(), values: { value } }];
      await systemClock.sleep(everyMs, signal);
    }
  });
}

/** Tells the ticks that lay outside their band. Where `write` waits, so does the whole chain. */
function surprises(): WritableStream<readonly Forecast[]> {
  let seen = 0;
  let told = 0;
  return new WritableStream({
    write(forecasts): void {
      for (const { series, time, pValue } of forecasts) {
        seen++;
        if (pValue > 0.01) continue;
        told++;
        console.log(`${new Date(time).toISOString()} ${series}: a surprise, p = ${pValue}`);
      }
    },
    close(): void {
      console.log(`${told} of ${seen} ticks were a surprise`);
    },
  });
}

const forecaster = new OnlineForecaster({ horizon: 1 });
const pipeline = new Pipeline({ forecaster });
await freeMemory(5, 200).pipeThrough(pipeline.stream()).pipeTo(surprises());
forecaster.dispose();
