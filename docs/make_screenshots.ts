// Writes docs/images/dashboard_*.png: the dashboard over the demo feed, in light, dark and on a phone.
//
//   deno run -A docs/make_screenshots.ts
import { jsonFeed, type StatusListener, webSocketSource } from "../streams/mod.ts";
import { OnlineForecaster } from "../src/forecast/online_forecaster.ts";
import { openNetwork } from "../src/forecast/open_network.ts";
import { MemoryStore } from "../src/state/memory_store.ts";
import { Engine } from "../src/serve/engine.ts";
import { startServer } from "../src/serve/server.ts";
import { startDemoFeed } from "../src/cli/demo_feed.ts";
import { launchChromium } from "../test/browser/chromium.ts";

const HORIZON = 24;
/** Let the live part go on for a while, so that the pictures show a running server. */
const LIVE_MS = 8000;

const PICTURES = [
  {
    name: "light",
    width: 1360,
    height: 1000,
    colorScheme: "light",
    series: "us-births",
    ahead: "first",
  },
  {
    name: "dark",
    width: 1360,
    height: 1000,
    colorScheme: "dark",
    series: "seattle-temperature",
    ahead: "last",
  },
  {
    name: "phone",
    width: 390,
    height: 1600,
    colorScheme: "light",
    series: "seattle-temperature",
    ahead: "last",
  },
] as const;

const folder = new URL("images/", import.meta.url);
await Deno.mkdir(folder, { recursive: true });
let report: StatusListener = () => {};
const network = await openNetwork({
  horizon: HORIZON,
  hiddenSize: 16,
  plan: { everySteps: 400 },
  onStatus: (status) => report(status),
});
const engine = await Engine.open({
  forecaster: new OnlineForecaster({ horizon: HORIZON, guests: [network] }),
  store: new MemoryStore(),
});
report = engine.report;
const server = await startServer({ engine, port: 0 });
const feed = await startDemoFeed({ historyRows: 1500, ticksPerSecond: 30 });
const ending = new AbortController();
const protocol = jsonFeed({ name: "demo" });
const ticks = webSocketSource({
  url: feed.url,
  protocol,
  signal: ending.signal,
  onStatus: engine.report,
});
const following = (async (): Promise<void> => {
  for await (const batch of ticks) {
    engine.received(protocol.name);
    await engine.accept(batch);
  }
})();
while (engine.health().applied < 4500) await new Promise((resolve) => setTimeout(resolve, 100));

const browser = await launchChromium();
for (const { name, width, height, colorScheme, series, ahead } of PICTURES) {
  const page = await browser.newPage({
    viewport: { width, height },
    colorScheme,
    deviceScaleFactor: name === "phone" ? 2 : 1,
    isMobile: name === "phone",
  });
  page.on("pageerror", (error) => console.error(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") console.error(message.text());
  });
  await page.goto(`${server.url}/#${series}`);
  await page.waitForSelector("#forecast-chart .canvas[data-step]");
  await page.locator(`input[name=ahead][value=${ahead}]`).check({ force: true });
  await page.waitForTimeout(LIVE_MS);
  const path = new URL(`dashboard_${name}.png`, folder).pathname;
  await page.screenshot({ path, fullPage: name !== "phone" });
  await page.close();
}
await browser.close();
ending.abort();
await following;
await feed.close();
await server.close();
await engine.close();
