// Does a server keep its memory and lose no forecast under a thousand subscribers, minute after minute?
// deno run -A bench/soak.ts [--minutes 10] [--subscribers 1000] [--series 1000] [--rate 1000]
//   [--warm-up 2] [--preload 1100] [--history 256] [--plot docs/soak.svg]
//   [--json soak.json]
import { parseArgs } from "node:util";
// @ts-types="npm:@types/ws@8"
import { WebSocket } from "ws";
import { svgPlot } from "../src/evaluate/svg_plot.ts";
import { startServe } from "../test/e2e/serve_process.ts";
import { attachLiveMemory, freePort } from "./live_memory.ts";

/** How long and how hard a server is tried. */
export interface Soak {
  readonly minutes: number;
  /** Minutes before memory counts: rings fill, code is compiled. */
  readonly warmUpMinutes: number;
  readonly subscribers: number;
  readonly series: number;
  /** Ticks a second over all series. */
  readonly rate: number;
  /** Ticks of each series before the trial begins: what is kept of a series grows by doubling at first. */
  readonly preload: number;
  /** Values kept of each series: no more than the preload, or the trial would watch them fill. */
  readonly history: number;
}

/** One look at the server. */
export interface SoakSample {
  readonly seconds: number;
  /** Resident memory, MiB. */
  readonly memoryMib: number;
  /** Forecasts received since the last look, over all subscribers. */
  readonly forecasts: number;
}

/** One look at the server right after a garbage collection. */
export interface LiveSample {
  readonly seconds: number;
  /** In use by JavaScript: its heap, and buffers outside it, MiB. */
  readonly memoryMib: number;
}

/** A least-squares slope and its standard error, MiB a minute. */
export interface Trend {
  readonly slope: number;
  readonly slopeError: number;
}

/** What came of it. */
export interface SoakResult {
  readonly ticks: number;
  readonly forecasts: number;
  /** Forecasts that subscribers should have had and had not. */
  readonly lost: number;
  /** Forecasts received out of order, or twice. */
  readonly disordered: number;
  readonly samples: readonly SoakSample[];
  /** What the server held after a garbage collection. */
  readonly live: readonly LiveSample[];
  /** How resident memory and what was held moved after the warm-up, the latter by the least of each minute. */
  readonly memoryTrend: Trend;
  readonly liveTrend: Trend;
  /** From sending a tick to receiving its forecast, milliseconds. */
  readonly latencyMs: { readonly median: number; readonly p99: number; readonly max: number };
}

/** Messages a second that carry the ticks. */
const MESSAGES_PER_SECOND = 10;
const SAMPLE_EVERY_MS = 2_000;
/** A collection on request costs the server about a tenth of a second. */
const LIVE_EVERY_MS = 20_000;
/** Messages on their way before the trial begins. */
const PRELOAD_OUTSTANDING = 8;
/** Latencies kept: one of every so many forecasts, so that ten minutes fit. */
const LATENCY_EVERY = 17;

const pause = (durationMs: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, durationMs));

function opened(socket: WebSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("open", () => resolve());
    socket.once("error", reject);
  });
}

/** Runs a real server on a disk, with real sockets. */
export async function soak(options: Soak): Promise<SoakResult> {
  const { minutes, warmUpMinutes, subscribers, series, rate, preload, history } = options;
  const folder = await Deno.makeTempDir();
  const inspectorPort = freePort();
  const args = [
    ...["--state", folder, "--horizon", "4", "--season", "0", "--history", `${history}`],
    // All the clients of this trial come from one address.
    ...["--max-requests", "100000", "--max-connections", `${subscribers + 10}`],
  ];
  const server = await startServe(args, () => {}, [`--inspect=127.0.0.1:${inspectorPort}`]);
  if (server === undefined) throw new Error("The server does not start");
  const liveMemory = await attachLiveMemory(inspectorPort);
  const sockets: WebSocket[] = [];
  const sentMs: number[][] = Array.from({ length: series }, () => []);
  // A subscriber gets the latest forecast at once.
  const nextStep = new Int32Array(subscribers).fill(Math.max(0, preload - 1));
  const latencies: number[] = [];
  let forecasts = 0;
  let disordered = 0;
  try {
    const url = server.url.replace("http", "ws");
    const ingest = new WebSocket(`${url}/v1/ingest`);
    sockets.push(ingest);
    await opened(ingest);
    let messages = 0;
    let answered = 0;
    ingest.on("message", (data) => {
      if (JSON.parse(String(data)).type !== "ack") throw new Error(String(data));
      answered++;
    });
    const tick = (name: number, step: number): string => {
      const value = Math.sin(step / 9 + name) + Math.sin((step + name * 7919) * 12.9898) / 10;
      return `{"series":"s${name}","time":${1000 * step},"value":${value.toFixed(4)}}`;
    };
    for (let step = 0; step < preload; step++) {
      ingest.send(`[${Array.from({ length: series }, (_, name) => tick(name, step)).join(",")}]`);
      messages++;
      while (messages - answered > PRELOAD_OUTSTANDING) await pause(1);
    }
    while (answered < messages || await waiting(server.url) > 0) await pause(100);
    for (let index = 0; index < subscribers; index++) {
      const socket = new WebSocket(`${url}/v1/forecasts?series=s${index % series}`);
      sockets.push(socket);
      const times = sentMs[index % series];
      socket.on("message", (data) => {
        const { step } = JSON.parse(String(data));
        if (step !== nextStep[index]) disordered++;
        nextStep[index] = step + 1;
        const sent = times[step - preload];
        if (sent === undefined) return;
        if (++forecasts % LATENCY_EVERY === 0) latencies.push(performance.now() - sent);
      });
      await opened(socket);
    }

    const startedMs = performance.now();
    const samples: SoakSample[] = [];
    const live: LiveSample[] = [];
    let counted = 0;
    const sample = async (): Promise<void> => {
      const seconds = (performance.now() - startedMs) / 1000;
      const memoryMib = await residentMib(server.pid);
      samples.push({ seconds, memoryMib, forecasts: forecasts - counted });
      counted = forecasts;
    };
    const sampleLive = async (): Promise<void> => {
      const memoryMib = await liveMemory.measure();
      live.push({ seconds: (performance.now() - startedMs) / 1000, memoryMib });
    };
    let ticks = 0;
    let sampledMs = startedMs;
    let liveMs = startedMs;
    while (performance.now() - startedMs < 60_000 * minutes) {
      const due = Math.floor((performance.now() - startedMs) * rate / 1000);
      const batch: string[] = [];
      // After a pause of the machine the rate is kept on average, by messages of at most a second.
      for (; ticks < due && batch.length < rate; ticks++) {
        const name = ticks % series;
        const step = Math.floor(ticks / series);
        sentMs[name].push(performance.now());
        batch.push(tick(name, preload + step));
      }
      if (batch.length > 0) {
        ingest.send(`[${batch.join(",")}]`);
        messages++;
      }
      if (performance.now() - sampledMs >= SAMPLE_EVERY_MS) {
        sampledMs = performance.now();
        await sample();
      }
      if (performance.now() - liveMs >= LIVE_EVERY_MS) {
        liveMs = performance.now();
        await sampleLive();
      }
      await pause(1000 / MESSAGES_PER_SECOND);
    }
    const expected = (name: number): number => preload + Math.ceil((ticks - name) / series);
    const missing = (): number =>
      nextStep.reduce((sum, next, index) => sum + expected(index % series) - next, 0);
    // A server that has fallen behind has lost nothing yet.
    while (answered < messages || await waiting(server.url) > 0) await pause(100);
    const patienceMs = performance.now() + 10_000;
    while (missing() > 0 && performance.now() < patienceMs) await pause(100);
    await sample();
    await sampleLive();
    const trendOf = (points: readonly LiveSample[]): Trend =>
      trend(points.filter(({ seconds }) => seconds >= 60 * warmUpMinutes));
    latencies.sort((a, b) => a - b);
    const quantile = (q: number): number =>
      latencies[Math.min(latencies.length - 1, Math.floor(q * latencies.length))] ?? NaN;
    return {
      ticks,
      forecasts,
      lost: missing(),
      disordered,
      samples,
      live,
      memoryTrend: trendOf(samples),
      liveTrend: trendOf(leastOfEachMinute(live)),
      latencyMs: { median: quantile(0.5), p99: quantile(0.99), max: quantile(1) },
    };
  } finally {
    liveMemory.close();
    for (const socket of sockets) socket.terminate();
    server.kill("SIGTERM");
    await server.ended;
    await Deno.remove(folder, { recursive: true });
  }
}

/** Ticks accepted and not yet forecast from. */
async function waiting(url: string): Promise<number> {
  return (await (await fetch(`${url}/healthz`)).json()).waiting;
}

/** Resident memory of a process, as Linux tells it. */
async function residentMib(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
}

/** Without the looks that fell into the writing of a checkpoint, which holds all state twice more. */
function leastOfEachMinute(samples: readonly LiveSample[]): LiveSample[] {
  const least: LiveSample[] = [];
  for (const sample of samples) {
    const minute = Math.floor(sample.seconds / 60);
    if (!(sample.memoryMib >= least[minute]?.memoryMib)) least[minute] = sample;
  }
  return Object.values(least);
}

/** Least squares of memory over time, in MiB a minute. */
function trend(samples: readonly LiveSample[]): Trend {
  const n = samples.length;
  const x = samples.map(({ seconds }) => seconds / 60);
  const y = samples.map(({ memoryMib }) => memoryMib);
  const mean = (values: number[]): number => values.reduce((a, b) => a + b, 0) / n;
  const [mx, my] = [mean(x), mean(y)];
  const sxx = x.reduce((sum, value) => sum + (value - mx) ** 2, 0);
  const slope = x.reduce((sum, value, i) => sum + (value - mx) * (y[i] - my), 0) / sxx;
  const residual = y.reduce((sum, value, i) => sum + (value - my - slope * (x[i] - mx)) ** 2, 0);
  return { slope, slopeError: Math.sqrt(residual / (n - 2) / sxx) };
}

/** Memory over time, as a picture that stands alone. */
export function soakPlot(options: Soak, { samples, live }: SoakResult): string {
  const { series, subscribers, rate } = options;
  const memory = samples.map(({ memoryMib }) => memoryMib);
  // What was held, as of the last collection.
  const held = samples.map(({ seconds }) =>
    live.findLast((sample) => sample.seconds <= seconds)?.memoryMib ?? NaN
  );
  const figure = svgPlot({
    title: `Memory of the server, MiB: ${series} series, ${subscribers} subscribers, ` +
      `${rate} ticks a second`,
    x: samples.map(({ seconds }) => seconds / 60),
    xLabel: (minute) => `${minute.toFixed(1)} min`,
    lines: [
      { name: "resident", colour: "#2563eb", y: memory },
      { name: "in use after a garbage collection", colour: "#d97706", y: held },
    ],
    range: [0, 1.25 * Math.max(...memory)],
  });
  const drawing = figure.slice(figure.indexOf("<svg"), figure.indexOf("</svg>") + "</svg>".length);
  const style = "<style>text{font:11px sans-serif;fill:#777}.y{text-anchor:end}" +
    ".x{text-anchor:middle}.grid{stroke:#8886}</style>";
  const opening = drawing.slice(0, drawing.indexOf(">"));
  return `${opening.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"')}>${style}` +
    `${drawing.slice(opening.length + 1)}\n`;
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      minutes: { type: "string", default: "10" },
      "warm-up": { type: "string", default: "2" },
      subscribers: { type: "string", default: "1000" },
      series: { type: "string", default: "1000" },
      rate: { type: "string", default: "1000" },
      preload: { type: "string", default: "1100" },
      history: { type: "string", default: "256" },
      plot: { type: "string" },
      json: { type: "string" },
    },
  });
  const options: Soak = {
    minutes: Number(values.minutes),
    warmUpMinutes: Number(values["warm-up"]),
    subscribers: Number(values.subscribers),
    series: Number(values.series),
    rate: Number(values.rate),
    preload: Number(values.preload),
    history: Number(values.history),
  };
  const result = await soak(options);
  const { ticks, forecasts, lost, disordered, latencyMs, samples, live } = result;
  const memoryLine = (
    what: string,
    points: readonly LiveSample[],
    { slope, slopeError }: Trend,
  ): string => {
    const memory = points.filter(({ seconds }) => seconds >= 60 * options.warmUpMinutes)
      .map(({ memoryMib }) => memoryMib);
    return `${what} after ${options.warmUpMinutes} min: ${Math.min(...memory).toFixed(0)} to ` +
      `${Math.max(...memory).toFixed(0)} MiB, slope ${slope.toFixed(2)} ± ` +
      `${slopeError.toFixed(2)} MiB/min\n`;
  };
  console.log(
    `${ticks} ticks, ${forecasts} forecasts received, ${lost} lost, ${disordered} out of order\n` +
      memoryLine("resident memory", samples, result.memoryTrend) +
      memoryLine("in use after a garbage collection", live, result.liveTrend) +
      `tick to forecast: median ${latencyMs.median.toFixed(0)} ms, p99 ` +
      `${latencyMs.p99.toFixed(0)} ms, max ${latencyMs.max.toFixed(0)} ms`,
  );
  if (values.plot !== undefined) await Deno.writeTextFile(values.plot, soakPlot(options, result));
  if (values.json !== undefined) await Deno.writeTextFile(values.json, JSON.stringify(result));
  if (lost > 0 || disordered > 0) Deno.exit(1);
}
