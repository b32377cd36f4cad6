// How soon does the dashboard draw a forecast, and does a page that stays open grow?
// deno run -A bench/dashboard.ts [--loads 10] [--settle 150] [--seconds 60] [--tiny]
import { parseArgs } from "node:util";
import type { Browser, CDPSession, Page } from "playwright-core";
import { launchChromium } from "../test/browser/chromium.ts";

const SAMPLES = 12;

/** How long is measured. */
export interface DashboardBench {
  /** Loads of the page, each in a fresh browser profile. */
  readonly loads: number;
  /**
   * Seconds of updates before the heap is measured. At the four ticks a second of the demo feed the page's
   * rings, 64 rows of weights at every eighth tick, are full after 128: until then it must grow.
   */
  readonly settleSeconds: number;
  /** Seconds of live updates. */
  readonly seconds: number;
  /** What `tickcast serve` is told further. */
  readonly serveArgs?: readonly string[];
}

/** The same bodies, small: for tests. */
export const TINY: DashboardBench = {
  loads: 1,
  settleSeconds: 0,
  seconds: 1,
  serveArgs: ["--experts", "light"],
};

/** What a page holds after a collection of its garbage. */
export interface HeapSample {
  readonly seconds: number;
  readonly heapBytes: number;
  readonly nodes: number;
  readonly listeners: number;
}

/** What came of it. */
export interface DashboardResult {
  /** From the start of navigation to the first forecast on the canvas, ascending. */
  readonly firstForecastMs: readonly number[];
  /** Updates drawn while the heap was sampled. */
  readonly updates: number;
  readonly heap: readonly HeapSample[];
  /** The least-squares slope of the heap. */
  readonly bytesPerMinute: number;
}

/** Runs `tickcast serve` over its demo feed as a process of its own, and a browser before it. */
export async function dashboardBench(options: DashboardBench): Promise<DashboardResult> {
  const main = new URL("../src/cli/main.ts", import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", main, "serve", "--port", "0", ...options.serveArgs ?? []],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const browser = await launchChromium();
  try {
    const url = await serverUrl(reader);
    await caughtUp(url);
    const firstForecastMs: number[] = [];
    for (let load = 0; load < options.loads; load++) {
      firstForecastMs.push(await loadOnce(browser, url));
    }
    const stay = await stayOpen(browser, url, options);
    return { firstForecastMs: firstForecastMs.sort((a, b) => a - b), ...stay };
  } finally {
    await browser.close();
    child.kill("SIGTERM");
    await child.status;
    await reader.cancel();
  }
}

async function serverUrl(reader: ReadableStreamDefaultReader<string>): Promise<string> {
  let text = "";
  for (;;) {
    const found = /serves forecasts on (http:\S+)/.exec(text);
    if (found) return found[1];
    const { value, done } = await reader.read();
    if (done) throw new Error(`The server ended: ${text}`);
    text += value;
  }
}

/** Waits until the history that the demo feed begins with has been forecast from. */
async function caughtUp(url: string): Promise<void> {
  for (;;) {
    const { applied, waiting } = await (await fetch(`${url}/healthz`)).json();
    if (applied >= 6000 && waiting === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const firstForecast = (page: Page): Promise<unknown> =>
  page.waitForFunction(() => performance.getEntriesByName("tickcast-first-forecast").length > 0);

/** One load with nothing cached. */
async function loadOnce(browser: Browser, url: string): Promise<number> {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(url);
  await firstForecast(page);
  const durationMs = await page.evaluate(() =>
    performance.getEntriesByName("tickcast-first-forecast")[0].startTime
  );
  await context.close();
  return durationMs;
}

async function stayOpen(
  browser: Browser,
  url: string,
  { settleSeconds, seconds }: DashboardBench,
): Promise<Omit<DashboardResult, "firstForecastMs">> {
  const page = await browser.newPage();
  await page.goto(url);
  await firstForecast(page);
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable");
  await page.waitForTimeout(1000 * settleSeconds);
  const step = (): Promise<number> =>
    page.locator("#forecast-chart .canvas").evaluate((element) => Number(element.dataset.step));
  const before = await step();
  const heap: HeapSample[] = [];
  const startedMs = performance.now();
  for (let sample = 0; sample <= SAMPLES; sample++) {
    const dueMs = startedMs + 1000 * seconds * sample / SAMPLES;
    await page.waitForTimeout(Math.max(0, dueMs - performance.now()));
    heap.push(await sampleHeap(session, (performance.now() - startedMs) / 1000));
  }
  const updates = await step() - before;
  await page.close();
  return { updates, heap, bytesPerMinute: 60 * slope(heap) };
}

async function sampleHeap(session: CDPSession, seconds: number): Promise<HeapSample> {
  // What the first collection frees of the document lets the second free what hung on it.
  await session.send("HeapProfiler.collectGarbage");
  await session.send("HeapProfiler.collectGarbage");
  const { metrics } = await session.send("Performance.getMetrics");
  const metric = (name: string): number =>
    metrics.find((one: { name: string; value: number }) => one.name === name)?.value ?? NaN;
  return {
    seconds,
    heapBytes: metric("JSHeapUsedSize"),
    nodes: metric("Nodes"),
    listeners: metric("JSEventListeners"),
  };
}

/** The least-squares slope of the heap, bytes a second. */
function slope(samples: readonly HeapSample[]): number {
  const meanX = samples.reduce((sum, { seconds }) => sum + seconds, 0) / samples.length;
  const meanY = samples.reduce((sum, { heapBytes }) => sum + heapBytes, 0) / samples.length;
  let product = 0;
  let square = 0;
  for (const { seconds, heapBytes } of samples) {
    product += (seconds - meanX) * (heapBytes - meanY);
    square += (seconds - meanX) ** 2;
  }
  return product / square;
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      loads: { type: "string", default: "10" },
      settle: { type: "string", default: "150" },
      seconds: { type: "string", default: "60" },
      tiny: { type: "boolean" },
    },
  });
  const size = values.tiny ? TINY : {
    loads: Number(values.loads),
    settleSeconds: Number(values.settle),
    seconds: Number(values.seconds),
  };
  const { firstForecastMs, updates, heap, bytesPerMinute } = await dashboardBench(size);
  const median = firstForecastMs[firstForecastMs.length >> 1];
  console.log(
    `first forecast drawn: median ${median.toFixed(0)} ms, slowest ${
      firstForecastMs.at(-1)!.toFixed(0)
    } ms of ${firstForecastMs.length} loads`,
  );
  for (const { seconds, heapBytes, nodes, listeners } of heap) {
    console.log(
      `${seconds.toFixed(0).padStart(4)} s  heap ${
        (heapBytes / 1024).toFixed(0)
      } kB  nodes ${nodes}  listeners ${listeners}`,
    );
  }
  console.log(`${updates} updates; slope ${(bytesPerMinute / 1024).toFixed(1)} kB a minute`);
}
