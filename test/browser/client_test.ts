// The client in a page of another origin, with a token, against a real server.
import { deepEqual, ok } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";
import { parseTokens } from "../../src/serve/access/tokens.ts";
import { withServer } from "../e2e/served.ts";
import { skipWithoutChromium, withPage } from "./chromium.ts";
import type { ClientTrial } from "./client_page.ts";

const TOKEN = "a secret of ~30 characters".replaceAll(" ", "-");
/** Packages of other sources of ticks, which the client never loads; and one with a static import. */
const LEFT_TO_THE_PAGE = ["ws", "mqtt", "@nats-io/*", "@std/csv/parse-stream"];
const CSV = JSON.stringify({
  imports: { "@std/csv/parse-stream": "data:text/javascript,export class CsvParseStream {}" },
});
const skip = skipWithoutChromium();
if (skip) console.warn(`the client in a browser: skipped, ${skip}`);

Deno.test({
  name: "the client posts ticks and follows forecasts from a page that the server lists",
  ignore: skip !== undefined,
  // The browser ends some time after it is told to.
  sanitizeOps: false,
  sanitizeResources: false,
  async fn(): Promise<void> {
    const { outputFiles } = await esbuild.build({
      entryPoints: [fileURLToPath(new URL("client_page.ts", import.meta.url))],
      bundle: true,
      write: false,
      format: "esm",
      platform: "browser",
      external: LEFT_TO_THE_PAGE,
    });
    await esbuild.stop();
    const script = outputFiles[0].text;
    await withPage({
      "/": [
        "text/html",
        `<!doctype html><script type="importmap">${CSV}</script>` +
        '<script type="module" src="/page.js"></script>',
      ],
      "/page.js": ["text/javascript", script],
    }, async (tab, origin) => {
      const problems: string[] = [];
      tab.on("pageerror", (error) => problems.push(String(error)));
      tab.on("console", (message) => problems.push(message.text()));
      const tokens = parseTokens(`page ingest,read ${TOKEN}`);
      await withServer(async ({ server }) => {
        await tab.goto(origin);
        await tab.waitForFunction("globalThis.trial").catch(() => ok(false, problems.join("\n")));
        const said = await tab.evaluate(
          ([url, token]) => {
            const { trial } = globalThis as unknown as {
              trial(url: string, token: string): Promise<ClientTrial>;
            };
            return trial(url, token);
          },
          [server.url, TOKEN],
        );
        deepEqual(said, {
          accepted: 3,
          steps: [0, 1, 2],
          latest: 2,
          socketProtocol: "tickcast.v1",
          socketSeries: "room",
          refused: "unknown-token",
        });
        await tab.close();
      }, { access: { tokens, origins: [origin] } });
    });
  },
});
