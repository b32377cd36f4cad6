// The library as a bundler makes it for browsers: small enough, and the same forecasts in a tab.
import { deepEqual, ok } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";
import { type BundleTrial, bundleTrial } from "./bundle_trial.ts";
import { skipWithoutChromium, withPage } from "./chromium.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

/**
 * What each entry point may weigh in a page, in KiB after minification and gzip, without the packages
 * that it leaves to the page and what it loads only when it is needed. More needs a reason.
 */
const BUDGET_KIB: Readonly<Record<string, number>> = {
  // A quarter of it are the kernels in WebAssembly, with and without relaxed SIMD.
  "mod.ts": 82,
  // Beside WebSockets also exchanges, MQTT, server-sent events and SenML.
  "streams/mod.ts": 26,
  "onnx.ts": 12,
};

/** Packages that a page brings itself, loaded only when they are used. */
const LEFT_TO_THE_PAGE = ["onnxruntime-web/*", "ws", "mqtt", "@nats-io/*"];

/** Leaves out what is imported in the course of things: bundlers make scripts of their own of it. */
const WITHOUT_LATER: esbuild.Plugin = {
  name: "without what is loaded later",
  setup: (build) =>
    build.onResolve(
      { filter: /^/ },
      ({ kind, path }) => kind === "dynamic-import" ? { path, external: true } : undefined,
    ),
};

async function bundle(
  entry: string,
  external: string[],
  csvParse = "csv-parse",
  plugins: esbuild.Plugin[] = [],
): Promise<string> {
  const { outputFiles } = await esbuild.build({
    entryPoints: [entry],
    absWorkingDir: root,
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    platform: "browser",
    external,
    alias: { "csv-parse": csvParse },
    plugins,
  });
  return outputFiles[0].text;
}

async function gzippedKib(text: string): Promise<number> {
  const gzip = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  return (await new Response(gzip).bytes()).length / 1024;
}

Deno.test({
  name: "entry points stay within their size budget",
  // esbuild runs as a process of its own, which ends some time after it is told to.
  sanitizeOps: false,
  sanitizeResources: false,
  async fn(): Promise<void> {
    try {
      for (const [entry, budget] of Object.entries(BUDGET_KIB)) {
        const external = ["@std/csv/parse-stream", ...LEFT_TO_THE_PAGE];
        const text = await bundle(entry, external, undefined, [WITHOUT_LATER]);
        const size = await gzippedKib(text);
        console.log(`${entry}: ${size.toFixed(1)} KiB of ${budget} KiB`);
        ok(size <= budget, `${entry} weighs ${size.toFixed(1)} KiB, its budget is ${budget} KiB`);
      }
    } finally {
      await esbuild.stop();
    }
  },
});

const skip = skipWithoutChromium();
if (skip) console.warn(`the bundle in a browser: skipped, ${skip}`);

Deno.test({
  name: "the bundle forecasts in a tab as in Deno: CSV, pipeline, ONNX, safetensors",
  ignore: skip !== undefined,
  // The same for esbuild; and ONNX Runtime keeps a message port.
  sanitizeOps: false,
  sanitizeResources: false,
  async fn(): Promise<void> {
    const runtime = new URL(import.meta.resolve("onnxruntime-web/wasm"));
    const imports = {
      "@std/csv/parse-stream": "/csv.js",
      "onnxruntime-web/wasm": "/ort/ort.wasm.bundle.min.mjs",
    };
    const map = JSON.stringify({ imports });
    const page = await bundle(
      "test/browser/bundle_page.ts",
      Object.keys(imports).concat(LEFT_TO_THE_PAGE),
    );
    const csv = await bundle(
      "compat/std-csv/parse_stream.ts",
      [],
      fileURLToPath(import.meta.resolve("csv-parse/browser/esm")),
    );
    await esbuild.stop();
    const script = "text/javascript";
    await withPage({
      "/": [
        "text/html",
        `<!doctype html><script type="importmap">${map}</script>` +
        '<script type="module" src="/page.js"></script>',
      ],
      "/page.js": [script, page],
      "/csv.js": [script, csv],
    }, async (tab, origin) => {
      const problems: string[] = [];
      tab.on("pageerror", (error) => problems.push(String(error)));
      await tab.route("**/ort/*", async (route) => {
        const name = new URL(route.request().url()).pathname.split("/").at(-1)!;
        await route.fulfill({ path: fileURLToPath(new URL(name, runtime)) });
      });
      await tab.goto(origin);
      await tab.waitForFunction("globalThis.trial").catch(() => ok(false, problems.join("\n")));
      const said = await tab.evaluate(() =>
        (globalThis as unknown as { trial(): Promise<BundleTrial> }).trial()
      );
      const expected = await bundleTrial();
      deepEqual(said, expected);
    });
  },
});
