// How many ticks a second does a worker take through JetStream, beside a server over WebSockets, and
// what does a second worker add?
//
//   deno run -A bench/cluster_throughput.ts [--experts light] [--series 200] [--steps 200]
//     [--rounds 3] [--tiny]
//
// Every way is a process of its own with durable state, fed one tick a message, and timed from the first
// tick until the last forecast has arrived. Rounds are interleaved; the median of each way counts.
import { parseArgs } from "@std/cli/parse-args";
// @ts-types="npm:@types/ws@8"
import { WebSocket } from "ws";
import { connectCluster } from "../src/serve/cluster.ts";
import { setUpCluster } from "../src/serve/cluster_setup.ts";
import { systemClock, type Tick } from "../streams/mod.ts";
import { feed, send, storedForecasts } from "../test/e2e/cluster_feed.ts";
import { NatsServer, natsServerPath } from "../test/e2e/nats_server.ts";
import { WorkerProcess } from "../test/e2e/worker_process.ts";

/** What is measured. */
export interface ThroughputOptions {
  readonly natsServer: string;
  readonly experts: string;
  readonly series: number;
  /** Ticks of each series that are timed; a fifth as many go before, to warm up. */
  readonly steps: number;
  readonly rounds: number;
}

/** Medians over the rounds, in ticks a second. */
export interface ThroughputResult {
  /** Over a loopback WebSocket, one tick a frame. */
  readonly webSocket: number;
  /** Over a loopback WebSocket, a hundred ticks a frame. */
  readonly webSocketBatched: number;
  readonly oneWorker: number;
  readonly twoWorkers: number;
  readonly cores: number;
}

const PARTITIONS = 8;
/** Frames sent and not answered yet; the server pauses a socket behind 256. */
const FRAMES_AHEAD = 200;
const main = new URL("../src/cli/main.ts", import.meta.url).pathname;

/** Times every way, round by round. */
export async function throughput(options: ThroughputOptions): Promise<ThroughputResult> {
  const { series, steps, rounds } = options;
  const warmUp = [...feed(series, Math.ceil(steps / 5))];
  const all = [...feed(series, warmUp.length + steps)];
  const timed = all.slice(warmUp.length);
  const load = { warmUp: warmUp.flat(), timed: timed.flat() };
  const ways = {
    webSocket: () => overWebSocket(options, load, 1),
    webSocketBatched: () => overWebSocket(options, load, 100),
    oneWorker: () => throughJetStream(options, load, 1),
    twoWorkers: () => throughJetStream(options, load, 2),
  };
  const rates: Record<keyof typeof ways, number[]> = {
    webSocket: [],
    webSocketBatched: [],
    oneWorker: [],
    twoWorkers: [],
  };
  for (let round = 0; round < rounds; round++) {
    for (const way of Object.keys(ways) as (keyof typeof ways)[]) {
      rates[way].push(load.timed.length / await ways[way]());
    }
  }
  return {
    webSocket: median(rates.webSocket),
    webSocketBatched: median(rates.webSocketBatched),
    oneWorker: median(rates.oneWorker),
    twoWorkers: median(rates.twoWorkers),
    cores: navigator.hardwareConcurrency,
  };
}

interface Load {
  readonly warmUp: readonly Tick[];
  readonly timed: readonly Tick[];
}

/** Seconds of a server that is fed over one socket, and whose forecasts are read over another. */
async function overWebSocket(
  options: ThroughputOptions,
  load: Load,
  ticksAFrame: number,
): Promise<number> {
  const folder = await Deno.makeTempDir();
  const server = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", "--quiet", main, "serve", "--no-feed", "--port=0", `--state=${folder}`],
      ...forecasterArguments(options),
    ],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  try {
    const url = await addressOf(server.stdout);
    const ingest = await openSocket(`${url}/v1/ingest`);
    const forecasts = await openSocket(`${url}/v1/forecasts`);
    await drive(ingest, forecasts, load.warmUp, ticksAFrame);
    const seconds = await drive(ingest, forecasts, load.timed, ticksAFrame);
    ingest.terminate();
    forecasts.terminate();
    return seconds;
  } finally {
    server.kill("SIGTERM");
    await server.status;
    await Deno.remove(folder, { recursive: true });
  }
}

/** Sends ticks as fast as they are answered; seconds until the last tick of every series is forecast from. */
async function drive(
  ingest: WebSocket,
  forecasts: WebSocket,
  ticks: readonly Tick[],
  ticksAFrame: number,
): Promise<number> {
  const frames: string[] = [];
  for (let start = 0; start < ticks.length; start += ticksAFrame) {
    const part = ticks.slice(start, start + ticksAFrame);
    frames.push(JSON.stringify(ticksAFrame === 1 ? part[0] : part));
  }
  const lastTime = ticks[ticks.length - 1].time;
  const open = new Set(ticks.map(({ series }) => series));
  let next = 0;
  let answered = 0;
  const sendMore = (): void => {
    while (next < frames.length && next - answered < FRAMES_AHEAD) ingest.send(frames[next++]);
  };
  const startedMs = performance.now();
  await new Promise<void>((resolve, reject) => {
    const answer = (data: unknown): void => {
      if (!String(data).includes('"ack"')) reject(new Error(String(data)));
      answered++;
      sendMore();
    };
    const mark = `"time":${lastTime},`;
    const forecast = (data: unknown): void => {
      const text = String(data);
      if (!text.includes(mark)) return;
      open.delete(JSON.parse(text).series);
      if (open.size > 0) return;
      ingest.off("message", answer);
      forecasts.off("message", forecast);
      resolve();
    };
    ingest.on("message", answer);
    forecasts.on("message", forecast);
    sendMore();
  });
  return (performance.now() - startedMs) / 1000;
}

/** Seconds of workers to whom a stream is given that was filled while they stood still. */
async function throughJetStream(
  options: ThroughputOptions,
  { warmUp, timed }: Load,
  count: number,
): Promise<number> {
  const server = await NatsServer.start(options.natsServer);
  const connection = await connectCluster(server.url, "feed");
  await setUpCluster(connection, PARTITIONS);
  const workers = Array.from(
    { length: count },
    (_, ordinal) =>
      new WorkerProcess(server.url, `worker-${ordinal}`, [
        `--partitions=${PARTITIONS}`,
        // They stand still for seconds and must not lose their partitions.
        "--lease-ms=20000",
        ...forecasterArguments(options),
      ]),
  );
  try {
    const batches = function* (ticks: readonly Tick[]): Generator<readonly Tick[]> {
      for (let start = 0; start < ticks.length; start += 1000) {
        yield ticks.slice(start, start + 1000);
      }
    };
    while (workers.reduce((sum, { owned }) => sum + owned.length, 0) < PARTITIONS) {
      await systemClock.sleep(20);
    }
    await send(connection, batches(warmUp), PARTITIONS);
    while (await storedForecasts(connection) < warmUp.length) await systemClock.sleep(20);
    for (const worker of workers) worker.pause();
    await send(connection, batches(timed), PARTITIONS);
    const startedMs = performance.now();
    for (const worker of workers) worker.resume();
    while (await storedForecasts(connection) < warmUp.length + timed.length) {
      await systemClock.sleep(5);
    }
    return (performance.now() - startedMs) / 1000;
  } finally {
    await Promise.all(workers.map((worker) => worker.kill()));
    await connection.close();
    await server.stop();
  }
}

function forecasterArguments({ experts }: ThroughputOptions): string[] {
  return ["--horizon=2", "--season=0", `--experts=${experts}`];
}

/** The address that a server prints; the rest of what it prints is thrown away. */
async function addressOf(stdout: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  for await (
    const chunk of stdout.pipeThrough(new TextDecoderStream()).values({ preventCancel: true })
  ) {
    text += chunk;
    const address = /http:\/\/(\S+)\n/.exec(text);
    if (address !== null) return `ws://${address[1]}`;
  }
  throw new Error(`The server ended: ${text}`);
}

function openSocket(url: string): Promise<WebSocket> {
  const socket = new WebSocket(url, { perMessageDeflate: false });
  return new Promise((resolve, reject) => {
    socket.once("open", () => resolve(socket));
    socket.once("error", reject);
  });
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}

if (import.meta.main) {
  const { experts, series, steps, rounds, tiny } = parseArgs(Deno.args, {
    string: ["experts", "series", "steps", "rounds"],
    boolean: ["tiny"],
    default: { experts: "light", series: "200", steps: "200", rounds: "3" },
  });
  const natsServer = natsServerPath();
  if (natsServer === undefined) Deno.exit(1);
  const result = await throughput({
    natsServer,
    experts,
    series: tiny ? 10 : Number(series),
    steps: tiny ? 20 : Number(steps),
    rounds: tiny ? 1 : Number(rounds),
  });
  console.log(JSON.stringify({ experts, ...result }));
  const { webSocket, webSocketBatched, oneWorker, twoWorkers } = result;
  console.log(
    `one worker / WebSocket: ${(oneWorker / webSocket).toFixed(2)} (one tick a frame), ` +
      `${(oneWorker / webSocketBatched).toFixed(2)} (100 ticks a frame); ` +
      `two workers / one: ${(twoWorkers / oneWorker).toFixed(2)} on ${result.cores} cores`,
  );
}
