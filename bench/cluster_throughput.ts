// How many ticks a second does a worker take through JetStream, beside a server over WebSockets, and
// what does a second worker add?
//
//   deno run -A bench/cluster_throughput.ts [--experts light] [--series 200] [--steps 200]
//     [--rounds 3] [--share 0.2] [--tiny]
//
// Every way is a process of its own with durable state, fed one tick a message, and timed from the first
// tick until the last forecast has arrived. Rounds are interleaved; the median of each way counts. With
// --share each worker runs for that share of the time only, one after the other: where cores are too few
// for two workers and a server, it tells what two would do that had a core each. The processor's time is
// the kernel's count, so it does not depend on what else runs on the machine (Linux only).
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
  /** The share of the time that each worker runs. */
  readonly share: number;
}

/** Medians over the rounds, in ticks a second; NaN where it was not measured. */
export interface ThroughputResult {
  /** Over a loopback WebSocket, one tick a frame. */
  readonly webSocket: number;
  /** Over a loopback WebSocket, a hundred ticks a frame. */
  readonly webSocketBatched: number;
  readonly oneWorker: number;
  readonly twoWorkers: number;
  /** The processor's time for a tick, in microseconds: of a worker, */
  readonly workerCpu: number;
  /** of two workers together, */
  readonly twoWorkersCpu: number;
  /** of the NATS server behind one worker, storing ticks and forecasts, */
  readonly natsCpu: number;
  /** and of the WebSocket server with one tick a frame. */
  readonly webSocketCpu: number;
  readonly cores: number;
}

const PARTITIONS = 8;
/** How long a worker runs at a time, where it shares. */
const SLOT_MS = 25;
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
  // A worker held to a share is no match for a server that is not.
  const names = (Object.keys(ways) as (keyof typeof ways)[])
    .filter((name) => options.share >= 1 || !name.startsWith("webSocket"));
  const timings = new Map(names.map((name) => [name, [] as Timing[]]));
  for (let round = 0; round < rounds; round++) {
    for (const name of names) timings.get(name)?.push(await ways[name]());
  }
  const of = (name: keyof typeof ways, what: (timing: Timing) => number): number =>
    median((timings.get(name) ?? []).map(what));
  const rate = ({ seconds }: Timing): number => load.timed.length / seconds;
  const cpu = ({ cpuSeconds }: Timing): number => cpuSeconds * 1e6 / load.timed.length;
  return {
    webSocket: of("webSocket", rate),
    webSocketBatched: of("webSocketBatched", rate),
    oneWorker: of("oneWorker", rate),
    twoWorkers: of("twoWorkers", rate),
    workerCpu: of("oneWorker", cpu),
    twoWorkersCpu: of("twoWorkers", cpu),
    // Its time covers storing the ticks, and storing and delivering what comes of them.
    natsCpu: of("oneWorker", ({ natsSeconds }) => natsSeconds * 1e6 / load.timed.length),
    webSocketCpu: of("webSocket", cpu),
    cores: navigator.hardwareConcurrency,
  };
}

/** How long one way took. */
interface Timing {
  readonly seconds: number;
  /** The processor's time of what forecasts. */
  readonly cpuSeconds: number;
  /** And of the NATS server, where there is one. */
  readonly natsSeconds: number;
}

/** The processor's time that a process has had, as Linux counts it. */
function cpuSecondsOf(pid: number): number {
  const fields = Deno.readTextFileSync(`/proc/${pid}/stat`).split(") ")[1].split(" ");
  // Ticks of a hundredth of a second, in user and in kernel mode.
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

interface Load {
  readonly warmUp: readonly Tick[];
  readonly timed: readonly Tick[];
}

/** Times a server that is fed over one socket, and whose forecasts are read over another. */
async function overWebSocket(
  options: ThroughputOptions,
  load: Load,
  ticksAFrame: number,
): Promise<Timing> {
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
    const cpuBefore = cpuSecondsOf(server.pid);
    const seconds = await drive(ingest, forecasts, load.timed, ticksAFrame);
    const cpuSeconds = cpuSecondsOf(server.pid) - cpuBefore;
    ingest.terminate();
    forecasts.terminate();
    return { seconds, cpuSeconds, natsSeconds: 0 };
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

/** Times workers to whom a stream is given that was filled while they stood still. */
async function throughJetStream(
  options: ThroughputOptions,
  { warmUp, timed }: Load,
  count: number,
): Promise<Timing> {
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
    const cpu = (): number => workers.reduce((sum, { pid }) => sum + cpuSecondsOf(pid), 0);
    const natsBefore = cpuSecondsOf(server.pid as number);
    for (const worker of workers) worker.pause();
    await send(connection, batches(timed), PARTITIONS);
    const startedMs = performance.now();
    const cpuBefore = cpu();
    const done = new AbortController();
    const running = runInTurn(workers, options.share, done.signal);
    while (await storedForecasts(connection) < warmUp.length + timed.length) {
      await systemClock.sleep(5);
    }
    const seconds = (performance.now() - startedMs) / 1000;
    done.abort();
    await running;
    return {
      seconds,
      cpuSeconds: cpu() - cpuBefore,
      natsSeconds: cpuSecondsOf(server.pid as number) - natsBefore,
    };
  } finally {
    await Promise.all(workers.map((worker) => worker.kill()));
    await connection.close();
    await server.stop();
  }
}

/** Lets each worker run for its share of the time; those that share do so one after the other. */
async function runInTurn(
  workers: readonly WorkerProcess[],
  share: number,
  signal: AbortSignal,
): Promise<void> {
  if (share >= 1) return workers.forEach((worker) => worker.resume());
  const restMs = SLOT_MS / share - SLOT_MS * workers.length;
  while (!signal.aborted) {
    for (const worker of workers) {
      worker.resume();
      await systemClock.sleep(SLOT_MS);
      worker.pause();
    }
    await systemClock.sleep(restMs, signal);
  }
}

function forecasterArguments({ experts }: ThroughputOptions): string[] {
  return ["--horizon=2", "--season=0", `--experts=${experts}`];
}

/** The address that a server prints; the rest of what it prints is thrown away. */
async function addressOf(stdout: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<string> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of stdout.values({ preventCancel: true })) {
    text += decoder.decode(chunk, { stream: true });
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
  const { experts, series, steps, rounds, share, tiny } = parseArgs(Deno.args, {
    string: ["experts", "series", "steps", "rounds", "share"],
    boolean: ["tiny"],
    default: { experts: "light", series: "200", steps: "200", rounds: "3", share: "1" },
  });
  const natsServer = natsServerPath();
  if (natsServer === undefined) Deno.exit(1);
  const result = await throughput({
    natsServer,
    experts,
    series: tiny ? 10 : Number(series),
    steps: tiny ? 20 : Number(steps),
    rounds: tiny ? 1 : Number(rounds),
    share: Number(share),
  });
  console.log(JSON.stringify({ experts, share, ...result }));
  const { webSocket, webSocketBatched, oneWorker, twoWorkers } = result;
  if (Number(share) >= 1) {
    console.log(
      `one worker / WebSocket: ${(oneWorker / webSocket).toFixed(2)} (one tick a frame), ` +
        `${(oneWorker / webSocketBatched).toFixed(2)} (100 ticks a frame)`,
    );
  }
  console.log(`two workers / one: ${(twoWorkers / oneWorker).toFixed(2)} on ${result.cores} cores`);
}
