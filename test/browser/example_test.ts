// The example page, bundled as its users would: it forecasts a feed, and its network learns, in the tab.
import { ok } from "node:assert/strict";
import { answer, buildPage } from "../../examples/browser/build.ts";
import { skipWithoutChromium, withPage } from "./chromium.ts";

const skip = skipWithoutChromium();
if (skip) console.warn(`the example page: skipped, ${skip}`);

Deno.test({
  name: "the example page forecasts a feed and retrains its network in the tab",
  ignore: skip !== undefined,
  // esbuild runs as a process of its own, which ends some time after it is told to.
  sanitizeOps: false,
  sanitizeResources: false,
  async fn(): Promise<void> {
    const files = await buildPage();
    await withPage((request) => answer(files, request), async (page, origin) => {
      const problems: string[] = [];
      page.on("pageerror", (error) => problems.push(String(error)));
      page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
      await page.goto(`${origin}/?backend=wasm`);
      const textOf = async (id: string): Promise<string> =>
        await page.locator(`#${id}`).textContent() ?? "";
      await page.waitForFunction(
        "document.getElementById('version').textContent !== 'not yet'",
      ).catch(() => {});
      const [ticks, version, error, naive, device, status] = await Promise.all(
        ["ticks", "version", "error", "naive", "device", "status"].map(textOf),
      );
      const said = `${ticks} ticks, ${device}: ${status}; ${problems.join("\n")}`;
      ok(problems.length === 0 && /^\d+ ×$/.test(version), said);
      ok(Number(ticks) > 256, said);
      ok(Number(error) < 0.8 * Number(naive), `error ${error}, of the last value ${naive}`);
      ok(/^lstm.*on wasm/.test(device), device);
      const drawn = await page.evaluate(`(() => {
        const canvas = document.querySelector("canvas");
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        return data.some((value) => value > 0);
      })()`);
      ok(drawn, "something is drawn");
      const path = Deno.env.get("TICKCAST_SCREENSHOT");
      if (path) await page.screenshot({ path, fullPage: true });
    });
  },
});
