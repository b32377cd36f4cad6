// The kernels in a browser's tab give what the reference gives.
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { type BackendKind, type CellKind, ReferenceBackend } from "../../kernels/mod.ts";
import { bundle, skipWithoutChromium, withPage } from "./chromium.ts";
import { kernelTrial } from "./kernel_trial.ts";
import type { TabTrial, ThreadsTrial } from "./kernels_page.ts";

const skip = skipWithoutChromium();
if (skip) console.warn(`kernels in a browser: skipped, ${skip}`);

/** Largest error relative to the largest element, after three steps of Adam. */
const TOLERANCE = 1e-4;

/**
 * The cells of each backend. WebGPU has the others under its check on opening, and SwiftShader takes
 * seconds to compile what a cell needs.
 */
const KINDS: Partial<Record<BackendKind, readonly CellKind[]>> = {
  reference: ["lstm", "gru", "gru_reset_before"],
  webgpu: ["lstm"],
};

Deno.test({
  name: "the kernels in a tab: steps, a sequence and training steps",
  ignore: skip !== undefined,
  async fn(test): Promise<void> {
    const script = await bundle(new URL("./kernels_page.ts", import.meta.url));
    await withPage({
      "/": ["text/html", '<!doctype html><script type="module" src="/page.js"></script>'],
      "/page.js": ["text/javascript", script],
    }, async (page, origin) => {
      await page.goto(origin);
      await page.waitForFunction("globalThis.trial");
      for (const [kind, cells] of Object.entries(KINDS)) {
        await test.step(kind, async () => {
          const trial: TabTrial = await page.evaluate(
            ([kind, cells]) => (globalThis as unknown as Tab).trial(kind, cells),
            [kind as BackendKind, cells] as const,
          );
          if (trial.missing) return skipKind(kind, trial.missing);
          for (const cell of cells) await compare(trial, cell);
        });
      }
    });
  },
});

/** What isolates a page from others: it alone may share memory. */
const ISOLATION = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};

Deno.test({
  name: "threads in a tab, where it is isolated, give the bits of one",
  ignore: skip !== undefined,
  async fn(): Promise<void> {
    const [script, worker] = await Promise.all(
      ["./kernels_page.ts", "../../kernels/wasm/row_worker.ts"].map((path) =>
        bundle(new URL(path, import.meta.url))
      ),
    );
    const html = '<!doctype html><script type="module" src="/page.js"></script>';
    // The worker is a script of its own, at the address that the page's script makes of its name.
    const files: Record<string, [type: string, body: string, headers?: Record<string, string>]> = {
      "/": ["text/html", html],
      "/isolated": ["text/html", html, ISOLATION],
      "/page.js": ["text/javascript", script.replaceAll("row_worker.ts", "row_worker.js")],
      "/row_worker.js": ["text/javascript", worker, ISOLATION],
    };
    await withPage((request) => {
      const [type, body, headers] = files[new URL(request.url).pathname] ?? ["text/plain", ""];
      return new Response(body, { headers: { ...headers, "content-type": type } });
    }, async (page, origin) => {
      const pages = {
        "/": /, 1 thread: there is no SharedArrayBuffer/,
        "/isolated": /, 3 threads/,
      };
      for (const [path, expected] of Object.entries(pages)) {
        await page.goto(origin + path);
        await page.waitForFunction("globalThis.threads");
        const { device, alone, together } = await page.evaluate(
          () => (globalThis as unknown as Tab).threads(3),
        );
        match(device, expected);
        ok(alone.some((value) => value !== 0));
        deepStrictEqual(together, alone);
      }
    });
  },
});

interface Tab {
  trial(kind: BackendKind, cells: readonly CellKind[]): Promise<TabTrial>;
  threads(count: number): Promise<ThreadsTrial>;
}

function skipKind(kind: string, why: string): void {
  ok(!Deno.env.get("TICKCAST_REQUIRE_ALL"), why);
  console.warn(`${kind} in a browser: skipped, ${why}`);
}

async function compare({ results, device }: TabTrial, cell: CellKind): Promise<void> {
  const expected = await kernelTrial(new ReferenceBackend(), cell);
  for (const [name, values] of Object.entries(expected)) {
    const actual = results[cell][name];
    strictEqual(actual.length, values.length);
    const scale = Math.max(...values.map(Math.abs));
    values.forEach((value, k) => {
      const near = Math.abs(actual[k] - value) <= TOLERANCE * scale;
      ok(near, `${device}, ${cell}: ${name}[${k}] is ${actual[k]}, expected ${value}`);
    });
  }
}
