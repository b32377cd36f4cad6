// The page of an evaluation, as a reader sees it.
import assert from "node:assert/strict";
import { evaluate, evaluationReport, OnlineForecaster, openNetwork, Random } from "../../mod.ts";
import { skipWithoutChromium, withPage } from "./chromium.ts";

const skip = skipWithoutChromium();
if (skip) console.log(`The report is not tested in a browser: ${skip}`);

const HORIZON = 4;
const RETRAIN_STEPS = 256;

async function report(): Promise<string> {
  const random = new Random(5);
  const rows = Array.from({ length: 600 }, (_, step) => ({
    time: step * 3_600_000,
    values: Float64Array.of(20 + 5 * Math.sin(2 * Math.PI * step / 24) + random.normal()),
  }));
  const network = await openNetwork({
    horizon: HORIZON,
    hiddenSize: 8,
    plan: { everySteps: RETRAIN_STEPS },
  });
  const result = await evaluate(rows, {
    horizon: HORIZON,
    makeForecaster: (all) => new OnlineForecaster({ ...all, guests: [network] }),
  });
  return evaluationReport(result, "A <room>");
}

Deno.test({
  name: "the report fits a phone and a desk, in light and dark, and shows every part",
  ignore: skip !== undefined,
  fn: async () => {
    const html = await report();
    await withPage({ "/": ["text/html; charset=utf-8", html] }, async (page, origin) => {
      const errors: string[] = [];
      page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
      page.on("pageerror", (error) => errors.push(String(error)));
      const papers: string[] = [];
      for (const colorScheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme });
        for (const width of [375, 1200]) {
          await page.setViewportSize({ width, height: 800 });
          await page.goto(origin);
          const scroll = await page.evaluate("document.documentElement.scrollWidth") as number;
          assert.ok(scroll <= width, `${scroll} wide on ${width}`);
        }
        papers.push(
          await page.evaluate("getComputedStyle(document.body).backgroundColor") as string,
        );
      }
      assert.notEqual(papers[0], papers[1]);
      assert.equal(await page.locator("h1").textContent(), "A <room>");
      assert.deepEqual(await page.locator("figcaption").allTextContents(), [
        "CRPS skill of tickcast over each, with its 95 % interval",
        "CRPS by steps ahead",
        `Whole forecasts of ${HORIZON} steps, one after the other`,
        `The last forecasts, each made ${HORIZON} steps before`,
        "Share of the last 50 truths within their bands",
        `How the experts were weighed, ${HORIZON} steps ahead`,
        "Loss of the latest retrainings, round by round",
      ]);
      // Nothing is drawn outside its picture, legends included.
      const outside = await page.evaluate(`[...document.querySelectorAll("svg")].flatMap((svg) => {
        const frame = svg.getBoundingClientRect();
        return [...svg.querySelectorAll("text, path, rect, polygon, circle")].filter((part) => {
          const { left, right, top, bottom } = part.getBoundingClientRect();
          return left < frame.left - 1 || right > frame.right + 1 || top < frame.top - 1 ||
            bottom > frame.bottom + 1;
        }).map((part) => svg.ariaLabel + ": " + part.outerHTML.slice(0, 200));
      })`);
      assert.deepEqual(outside, []);
      const weighed = page.getByLabel(/How the experts were weighed/);
      assert.ok(await weighed.getByText("network", { exact: true }).isVisible());
      assert.match((await page.locator("table").last().textContent())!, /promoted|rejected/);
      assert.deepEqual(errors, []);
    });
  },
});
