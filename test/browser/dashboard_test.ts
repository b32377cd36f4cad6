// The dashboard in a real browser: drawn, live, found by keyboard, read by a screen reader.
import assert from "node:assert/strict";
import type { Browser, Page } from "playwright-core";
import { dashboardBench, TINY } from "../../bench/dashboard.ts";
import { LIGHT_EXPERTS } from "../../src/forecast/experts/registry.ts";
import { OnlineForecaster } from "../../src/forecast/online_forecaster.ts";
import { parseTokens, type Token } from "../../src/serve/access/tokens.ts";
import { Engine } from "../../src/serve/engine.ts";
import { type Server, startServer } from "../../src/serve/server.ts";
import { MemoryStore } from "../../src/state/memory_store.ts";
import { launchChromium, skipWithoutChromium } from "./chromium.ts";

const skip = skipWithoutChromium();
if (skip) console.warn(`the dashboard in a browser: skipped, ${skip}`);

const HORIZON = 6;
const FIRST = "aa-wave";
/** A name that would run if it were ever taken for HTML. */
const HOSTILE = `zz<img src=x onerror="document.title='taken'">`;
/** With what base64 and base64url write differently. */
const SECRET = "board~secret?>ÿ-5OJQmVJvuj9q";
const CANVAS = "#forecast-chart .canvas";

interface Place {
  readonly browser: Browser;
  readonly server: Server;
  readonly engine: Engine;
  /** Gives a series so many more ticks. */
  readonly feed: (series: string, count: number) => Promise<void>;
}

async function withPlace(
  run: (place: Place) => Promise<void>,
  tokens: readonly Token[] = [],
): Promise<void> {
  const engine = await Engine.open({
    forecaster: new OnlineForecaster({ horizon: HORIZON, experts: LIGHT_EXPERTS }),
    store: new MemoryStore(),
  });
  const server = await startServer({ engine, port: 0, access: { tokens } });
  const browser = await launchChromium();
  const steps = new Map<string, number>();
  const feed = async (series: string, count: number): Promise<void> => {
    const first = steps.get(series) ?? 0;
    steps.set(series, first + count);
    await engine.accept(Array.from({ length: count }, (_, index) => ({
      series,
      time: (first + index) * 60_000,
      values: { value: 10 + 3 * Math.sin((first + index) / 5) },
    })));
  };
  try {
    await run({ browser, server, engine, feed });
  } finally {
    await browser.close();
    await server.close();
    await engine.close();
  }
}

/** Opens the dashboard; whatever goes wrong on it, or goes elsewhere, is gathered in `problems`. */
async function open(
  { browser, server }: Place,
  hash = "",
  options: Parameters<Browser["newPage"]>[0] = {},
): Promise<{ page: Page; problems: string[] }> {
  const page = await browser.newPage(options);
  page.setDefaultTimeout(60_000);
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") problems.push(message.text());
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(server.url)) problems.push(`went to ${request.url()}`);
  });
  await page.goto(`${server.url}/${hash}`);
  return { page, problems };
}

const drawnStep = (page: Page, step: number): Promise<unknown> =>
  page.waitForFunction(
    ([selector, step]) =>
      Number(document.querySelector<HTMLElement>(selector as string)?.dataset.step) >= Number(step),
    [CANVAS, step] as const,
  );

/** Shares of the canvas that are painted in roughly a colour of the page. */
function painted(page: Page, property: string): Promise<number> {
  return page.evaluate(([selector, property]) => {
    const canvas = document.querySelector<HTMLCanvasElement>(`${selector} canvas`)!;
    const probe = document.createElement("canvas").getContext("2d")!;
    probe.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(property);
    probe.fillRect(0, 0, 1, 1);
    const [red, green, blue] = probe.getImageData(0, 0, 1, 1).data;
    const { data } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);
    let count = 0;
    for (let i = 0; i < data.length; i += 4) {
      const far = Math.abs(data[i] - red) + Math.abs(data[i + 1] - green) +
        Math.abs(data[i + 2] - blue);
      if (data[i + 3] > 200 && far < 24) count++;
    }
    return count;
  }, [CANVAS, property] as const);
}

Deno.test({
  name: "the dashboard: waits, draws, follows, is found by keyboard, in light, dark and on a phone",
  ignore: skip !== undefined,
  fn: (test) =>
    withPlace(async (place) => {
      const { feed } = place;
      const { page, problems } = await open(place);

      await test.step("without ticks it says so, and goes on with the first", async () => {
        await page.getByText("No ticks have come yet").waitFor();
        await feed(FIRST, 120);
        await drawnStep(page, 119);
        assert.equal(await page.locator("#series-title").textContent(), FIRST);
        assert.ok(await painted(page, "--truth") > 200, "the values are drawn");
        assert.ok(await painted(page, "--fan") > 40, "the median is drawn");
      });

      await test.step("a tick is shown when it comes, by the socket", async () => {
        await page.getByText("Live", { exact: true }).waitFor();
        await feed(FIRST, 1);
        await drawnStep(page, 120);
        const shown = await page.locator("#now-value").textContent();
        const value = 10 + 3 * Math.sin(120 / 5);
        assert.equal(Number(shown), Number(value.toPrecision(5)));
        assert.match(await page.locator("#skill-first").textContent() ?? "", /^−?[\d.]+ %$/);
      });

      await test.step("scores, weights, feeds and the server have their places", async () => {
        for (let step = 0; step < 20; step++) await feed(FIRST, 1);
        await page.locator("#weights-chart:not(.empty) canvas").waitFor();
        await page.locator("#skill-chart:not(.empty) canvas").waitFor();
        await page.getByText("No feed is followed").waitFor();
        await page.getByText("No network here").waitFor();
        await page.getByText("CPU, no network").waitFor();
        place.engine.report({ kind: "connected", source: "feed" });
        place.engine.report({ kind: "drift", series: FIRST, step: 100 });
        await page.locator("#events li", { hasText: `${FIRST}: drift found at step 100` })
          .waitFor();
        await page.locator("#feeds td", { hasText: "connected" }).waitFor();
      });

      await test.step("everything that can be reached has a name, in a sensible order", async () => {
        await page.locator("body").focus();
        const reached: string[] = [];
        for (let press = 0; press < 40; press++) {
          await page.keyboard.press("Tab");
          const name = await page.evaluate(() => {
            const element = document.activeElement as HTMLElement;
            if (element === document.body) return "";
            const label = element.getAttribute("aria-label") ??
              (element as HTMLInputElement).labels?.[0]?.textContent ?? element.textContent;
            return `${element.id || element.className || element.tagName}: ${label?.trim()}`;
          });
          if (name === "") break;
          reached.push(name);
        }
        assert.deepEqual(reached.filter((name) => /: (undefined|null)?$/.test(name)), []);
        const at = (start: string): number => {
          const index = reached.findIndex((name) => name.startsWith(start));
          assert.ok(index >= 0, `${start} is not reached: ${reached.join(" | ")}`);
          return index;
        };
        const order = [
          "skip: Skip to the forecast",
          "picker: Series",
          `canvas: Chart of ${FIRST}: 141 past values and 6 steps ahead.`,
          "SUMMARY: The forecast as a table",
          "canvas: Skill against naive, latest: 1 step ahead",
          "canvas: Coverage of the bands, latest: 90 % band",
          "canvas: Weights of the experts, latest:",
          "events: Events, the newest first",
        ].map(at);
        assert.deepEqual([...order].sort((a, b) => a - b), order, reached.join(" | "));
        await page.getByRole("heading", { level: 1, name: "Tickcast" }).waitFor();
        await page.getByRole("combobox", { name: "Series" }).waitFor();
        await page.getByRole("radio", { name: "160" }).waitFor({ state: "attached" });
        for (const name of ["Skill against naive", "Events", "Feeds", "Server", "Retrainings"]) {
          await page.getByRole("region", { name, exact: true }).waitFor();
        }
      });

      await test.step("a chart is read out point by point", async () => {
        await page.locator(CANVAS).focus();
        await page.keyboard.press("Home");
        const readout = page.locator("#forecast-readout");
        assert.equal(await readout.getAttribute("aria-live"), "polite");
        assert.match(await readout.textContent() ?? "", /^1 Jan 1970, 00:00 UTC · value 10 /);
        await page.keyboard.press("ArrowRight");
        assert.match(await readout.textContent() ?? "", /^1 Jan 1970, 00:01 UTC · value 10\.596 /);
        await page.keyboard.press("End");
        assert.match(await readout.textContent() ?? "", /^1 Jan 1970, 02:26 UTC · forecast /);
      });

      await test.step("one series among many is found and chosen by keyboard", async () => {
        for (let index = 0; index < 300; index++) await feed(`sensor-${index}`, 1);
        await feed(HOSTILE, 3);
        await page.locator("#picker").fill("sensor-2");
        await page.getByText("50 of 111 matches; type to narrow").waitFor();
        await page.locator("#picker").fill("SENSOR-123");
        await page.getByText("1 of 302 series").waitFor();
        const option = page.getByRole("option");
        assert.equal(await option.getAttribute("aria-selected"), "true");
        const active = await page.locator("#picker").getAttribute("aria-activedescendant");
        assert.equal(active, await option.getAttribute("id"));
        await page.keyboard.press("Enter");
        await page.locator("#series-title", { hasText: "sensor-123" }).waitFor();
        assert.equal(new URL(page.url()).hash, "#sensor-123");
        await page.locator("#picker").fill("zz<");
        // At once: what was searched for is chosen, not what the list showed before.
        await page.keyboard.press("Enter");
        await page.locator("#series-title", { hasText: HOSTILE }).waitFor();
        assert.equal(await page.locator("main img").count(), 0);
        assert.match(await page.title(), /^zz</);
      });
      assert.deepEqual(problems, []);
      await page.close();

      await test.step("dark, still where motion is unwanted, and no wider than a phone", async () => {
        const { page, problems } = await open(place, `#${FIRST}`, {
          viewport: { width: 360, height: 740 },
          colorScheme: "dark",
          reducedMotion: "reduce",
        });
        await drawnStep(page, 140);
        await page.getByText("Live", { exact: true }).waitFor();
        const looks = (): Promise<{ background: string; animation: string; tooWide: number }> =>
          page.evaluate(() => ({
            background: getComputedStyle(document.body).backgroundColor,
            animation: getComputedStyle(document.querySelector("#live")!, "::before").animationName,
            tooWide: document.documentElement.scrollWidth - innerWidth,
          }));
        const dark = await looks();
        assert.deepEqual([dark.animation, dark.tooWide], ["none", 0]);
        assert.ok(await painted(page, "--truth") > 100);
        await page.emulateMedia({ colorScheme: "light", reducedMotion: "no-preference" });
        const light = await looks();
        assert.notEqual(light.background, dark.background);
        assert.equal(light.animation, "pulse");
        await page.waitForTimeout(50);
        assert.ok(await painted(page, "--truth") > 100, "the chart takes the other colours");
        assert.deepEqual(problems, []);
        await page.close();
      });
    }),
});

Deno.test({
  name: "the dashboard asks for a token where one is needed, and is live with it",
  ignore: skip !== undefined,
  fn: () =>
    withPlace(async (place) => {
      await place.feed(FIRST, 60);
      const { page, problems } = await open(place);
      const field = page.getByLabel("This server asks for a token with the scope read");
      await field.fill("not-the-right-secret");
      await page.keyboard.press("Enter");
      await page.locator("#token-form").waitFor();
      assert.equal(await page.locator("#series-panel").isVisible(), false);
      await field.fill(SECRET);
      await page.getByRole("button", { name: "Open" }).click();
      await drawnStep(page, 59);
      await page.getByText("Live", { exact: true }).waitFor();
      await place.feed(FIRST, 1);
      await drawnStep(page, 60);
      assert.ok(!page.url().includes(SECRET));
      // The browser itself logs each refusal.
      assert.deepEqual(problems.filter((problem) => !problem.includes("401")), []);
      await page.close();
    }, parseTokens(`board read ${SECRET}`)),
});

Deno.test({
  name: "the dashboard's benchmark, tiny, over the demo feed",
  ignore: skip !== undefined,
  async fn(): Promise<void> {
    const { firstForecastMs, heap } = await dashboardBench(TINY);
    assert.equal(firstForecastMs.length, 1);
    assert.ok(firstForecastMs[0] > 0);
    assert.ok(heap.every(({ heapBytes, nodes }) => heapBytes > 1e6 && nodes > 100));
  },
});
