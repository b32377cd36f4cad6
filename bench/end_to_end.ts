// From a tick on one WebSocket to its forecast on another: how many a second, and how long does each take?
//
//   deno task bench end_to_end [--tiny] [--json]
//
// Server and driver are two processes on one machine; its loopback and its clock are shared.
import { digits } from "./harness.ts";
import { LiveService, python, type ServiceKind, tickcast } from "./peers/live_service.ts";

/** What is measured. */
export interface Sizes {
  readonly series: readonly number[];
  /** Milliseconds of each phase: warming up, flooding, and going at half of what flooding reached. */
  readonly warmMs: number;
  readonly floodMs: number;
  readonly pacedMs: number;
}

// The last phase is long enough for a checkpoint or two.
const ALL: Sizes = { series: [1, 1000], warmMs: 15_000, floodMs: 5000, pacedMs: 20_000 };

/** For seeing that it runs. */
export const SMALL: Sizes = { series: [1, 5], warmMs: 50, floodMs: 100, pacedMs: 100 };

/** What was found of one service. */
export interface EndToEnd {
  readonly name: string;
  readonly series: number;
  /** Forecasts a second while flooded, ticks in the same order as they were sent. */
  readonly ticksPerSecond: number;
  /** The same for each second that the processor worked for the service. */
  readonly ticksPerProcessorSecond: number;
  /** Milliseconds from when a tick was due to its forecast, at half that rate. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  /** Ticks of the paced phase without a forecast. */
  readonly lost: number;
}

/** One step ahead: what a forecast costs grows with its horizon. */
const HORIZON = 1;
/** Ticks under way while flooding: two waves of all series, or what keeps a single one busy. */
const UNDER_WAY_MAX = 2000;
/** Ticks of one message at the most. */
const MESSAGE_TICKS_MAX = 100;
const PATIENCE_MS = 10_000;

/** Ticks in turn over the series, times unique, values that wander. */
class Feed {
  readonly #series: number;
  sent = 0;

  constructor(series: number) {
    this.#series = series;
  }

  /** The next message; the time of a tick is its number. */
  message(count: number): string {
    const ticks: string[] = [];
    for (let k = 0; k < count; k++) {
      const number = this.sent++;
      const value = Math.round(1000 * Math.sin(number / this.#series / 9)) / 1000 + number % 13;
      ticks.push(`{"series":"s${number % this.#series}","time":${number + 1},"value":${value}}`);
    }
    return count === 1 ? ticks[0] : `[${ticks.join(",")}]`;
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

interface Throughput {
  readonly ticksPerSecond: number;
  readonly ticksPerProcessorSecond: number;
}

/** Keeps as many ticks under way as are allowed. */
async function flood(
  service: LiveService,
  feed: Feed,
  size: number,
  forMs: number,
): Promise<Throughput> {
  let received = 0;
  let progressed = performance.now();
  service.onForecast = () => {
    received++;
    progressed = performance.now();
  };
  const before = feed.sent;
  const started = performance.now();
  const workedBefore = service.processorSeconds();
  const wait = async (): Promise<void> => {
    await turn();
    if (performance.now() - progressed > PATIENCE_MS) throw new Error("forecasts stopped");
  };
  // On a busy machine nothing may have come back by then.
  while (performance.now() - started < forMs || received === 0) {
    while (feed.sent - before - received <= UNDER_WAY_MAX - size) service.send(feed.message(size));
    await wait();
  }
  const found = {
    ticksPerSecond: 1000 * received / (performance.now() - started),
    ticksPerProcessorSecond: received / (service.processorSeconds() - workedBefore),
  };
  while (received < feed.sent - before) await wait();
  return found;
}

/** Sends what is due every millisecond. @returns Sorted latencies and how many never came. */
async function pace(
  service: LiveService,
  feed: Feed,
  perSecond: number,
  forMs: number,
): Promise<{ latencies: Float64Array; lost: number }> {
  const total = Math.max(1, Math.floor(perSecond * forMs / 1000));
  const latencies = new Float64Array(total);
  let received = 0;
  const first = feed.sent + 1;
  const started = performance.now();
  service.onForecast = (time) => {
    const number = time - first;
    // When it was due, not when it left: a late sender must not make the service look good.
    latencies[received++] = performance.now() - started - 1000 * number / perSecond;
  };
  for (let sent = 0; sent < total;) {
    const due = Math.min(total, Math.floor((performance.now() - started) * perSecond / 1000) + 1);
    while (sent < due) {
      const count = Math.min(MESSAGE_TICKS_MAX, due - sent);
      service.send(feed.message(count));
      sent += count;
    }
    await turn();
  }
  const ended = performance.now();
  while (received < total && performance.now() - ended < PATIENCE_MS) await turn();
  return { latencies: latencies.subarray(0, received).toSorted(), lost: total - received };
}

/** One service with some series. */
export async function endToEnd(
  kind: ServiceKind,
  series: number,
  sizes: Sizes,
): Promise<EndToEnd | string> {
  const service = await LiveService.open(kind);
  if (typeof service === "string") return service;
  try {
    const feed = new Feed(series);
    const size = series === 1 ? 1 : Math.min(series, MESSAGE_TICKS_MAX);
    await flood(service, feed, size, sizes.warmMs);
    const flooded = await flood(service, feed, size, sizes.floodMs);
    const { latencies, lost } = await pace(
      service,
      feed,
      flooded.ticksPerSecond / 2,
      sizes.pacedMs,
    );
    const at = (share: number): number => latencies[Math.floor(share * (latencies.length - 1))];
    return {
      name: service.name,
      series,
      ...flooded,
      p50Ms: at(0.5),
      p99Ms: at(0.99),
      p999Ms: at(0.999),
      lost,
    };
  } finally {
    await service.close();
  }
}

if (import.meta.main) {
  const sizes = Deno.args.includes("--tiny") ? SMALL : ALL;
  const heads = ["", "series", "ticks a second", "a processor's second", "p50 ms", "p99 ms"];
  console.log(`| ${[...heads, "p99.9 ms", "lost"].join(" | ")} |`);
  console.log(`| ${"--- | ".repeat(8).trim()}`);
  for (const series of sizes.series) {
    for (const kind of [tickcast(HORIZON), tickcast(HORIZON, true), python(HORIZON)]) {
      const found = await endToEnd(kind, series, sizes);
      if (typeof found === "string") console.log(`${kind.name}: skipped, ${found}`);
      else if (Deno.args.includes("--json")) console.log(JSON.stringify(found));
      else {
        const { name, ticksPerSecond, ticksPerProcessorSecond, p50Ms, p99Ms, p999Ms, lost } = found;
        const rates = [ticksPerSecond, ticksPerProcessorSecond].map(Math.round);
        const figures = [p50Ms, p99Ms, p999Ms].map(digits);
        console.log(
          `| ${[name, series, ...rates, ...figures, lost].join(" | ")} |`,
        );
      }
    }
  }
}
