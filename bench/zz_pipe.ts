import { Pipeline } from "../src/pipeline.ts";
import { OnlineForecaster } from "../src/forecast/online_forecaster.ts";
import { LIGHT_EXPERTS } from "../src/forecast/experts/registry.ts";
import { encodeForecast } from "../src/serve/wire.ts";
import { TickDecoder } from "../streams/mod.ts";
import { processorMs } from "./harness.ts";
const N = Number(Deno.args[0] ?? 1000), H = Number(Deno.args[1] ?? 1), experts = Deno.args[2]?.split(",") as any ?? LIGHT_EXPERTS;
const p = new Pipeline({ forecaster: new OnlineForecaster({ horizon: H, experts, season: 0, levels: Deno.args[3] ? [.05,.5,.95] : undefined }) });
let t = 0; const dec = new TickDecoder();
const total = Number(Deno.args[4] ?? 300000); let n = 0; const parts = { decode: 0, process: 0, encode: 0 };
let mark = processorMs();
while (n < total) {
  t += 1000;
  const frame = JSON.stringify(Array.from({ length: N }, (_, k) => ({ series: "s" + k, time: t, value: Math.round(1e4*(Math.sin(t/1e5 + k)+ Math.random()*.1))/1e4 })));
  const bytes = new TextEncoder().encode(frame);
  let a = processorMs(); const { ticks } = dec.decode(bytes); let b = processorMs(); parts.decode += b - a;
  const f = await p.process(ticks); a = processorMs(); parts.process += a - b;
  let len = 0; for (const x of f) len += encodeForecast(x).length; b = processorMs(); parts.encode += b - a;
  n += N;
  if (n % (total/5) < N && n >= total/5) { console.log(n, Object.entries(parts).map(([k, v]) => `${k} ${(1000*v/(total/5)).toFixed(2)}`).join("  "), "us/tick"); parts.decode=parts.process=parts.encode=0; }
}
