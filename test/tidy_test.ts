// The house rules, so that they hold without anyone remembering.
import { fail } from "node:assert/strict";
import { dirname, extname, join, normalize, relative } from "node:path";

const root = new URL("..", import.meta.url).pathname;
const TRUNK_ORDER = [
  "model",
  "learn",
  "forecast",
  "evaluate",
  "state",
  "interop",
  "pipeline",
  "serve",
  "cli",
];

/** Where `Deno.*` may appear: what talks to the machine. The rest runs in a browser. */
const DENO_ALLOWED = [
  /^src\/(cli|serve|state)\//,
  /^streams\/(sources|sinks)\//,
  /^test\//,
  /^bench\//,
  /^examples\//,
  /^docs\//,
  /^kernels\/wasm\/build\.ts$/,
];

interface Source {
  path: string;
  text: string;
  imports: string[];
}

function* walk(folder: string): Generator<string> {
  for (const entry of Deno.readDirSync(join(root, folder))) {
    if (entry.name.startsWith(".") && entry.name !== ".ci") continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory) {
      if (entry.name !== "node_modules") yield* walk(path);
    } else yield path;
  }
}

function sources(...folders: string[]): Source[] {
  const found: Source[] = [];
  for (const folder of folders) {
    for (const path of walk(folder)) {
      if (extname(path) !== ".ts" || path.startsWith("kernels/wasm/assembly/")) continue;
      const text = Deno.readTextFileSync(join(root, path));
      const imports = [
        ...text.matchAll(/(?:^|\n)\s*(?:import|export)\b[^;"']*?from\s+["']([^"']+)["']/g),
      ]
        .map((match) => match[1])
        .concat([...text.matchAll(/\bimport\(\s*["']([^"']+)["']/g)].map((match) => match[1]));
      found.push({ path, text, imports });
    }
  }
  return found;
}

/** The repository path a relative import names, or undefined for a package. */
function target(source: Source, specifier: string): string | undefined {
  if (!specifier.startsWith(".")) return undefined;
  return relative(root, normalize(join(root, dirname(source.path), specifier)));
}

function floor(path: string): number {
  const name = path.split("/")[1].replace(/\.ts$/, "");
  return TRUNK_ORDER.indexOf(name);
}

function report(problems: string[]): void {
  if (problems.length > 0) fail(`\n${problems.join("\n")}`);
}

Deno.test("leaves import nothing above them, and the trunk takes leaves by their mod.ts", () => {
  const problems: string[] = [];
  for (const source of sources("kernels", "streams", "src")) {
    const room = source.path.split("/")[0];
    for (const specifier of source.imports) {
      const path = target(source, specifier);
      if (path === undefined || path === "deno.json") continue;
      const other = path.split("/")[0];
      if (other === room) continue;
      const byFront = path === "kernels/mod.ts" || path === "streams/mod.ts";
      if (room !== "src" || !byFront) problems.push(`${source.path} imports ${path}`);
    }
  }
  report(problems);
});

Deno.test("inside src imports point down the floors only", () => {
  const problems: string[] = [];
  for (const source of sources("src")) {
    const own = floor(source.path);
    if (own < 0) problems.push(`${source.path} stands on no floor of ${TRUNK_ORDER.join(", ")}`);
    for (const specifier of source.imports) {
      const path = target(source, specifier);
      if (path?.startsWith("src/") && floor(path) > own) {
        problems.push(`${source.path} imports ${path}, which stands above it`);
      }
    }
  }
  report(problems);
});

Deno.test("examples import the library by its name only", () => {
  const problems: string[] = [];
  for (const source of sources("examples")) {
    for (const specifier of source.imports) {
      const path = target(source, specifier);
      if (path !== undefined && !path.startsWith("examples/") && !path.endsWith("mod.ts")) {
        problems.push(`${source.path} imports ${path}`);
      }
    }
  }
  report(problems);
});

Deno.test("Deno's own API appears only where the machine is spoken to", () => {
  const problems: string[] = [];
  for (const source of sources("kernels", "streams", "src")) {
    const code = source.text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/\/\/.*$/gm, "");
    if (/\bDeno\./.test(code) && !DENO_ALLOWED.some((rule) => rule.test(source.path))) {
      problems.push(`${source.path} uses Deno.*`);
    }
  }
  report(problems);
});

Deno.test("files are snake_case and packages are imported through deno.json", () => {
  const problems: string[] = [];
  for (const source of sources("kernels", "streams", "src", "test", "bench", "examples")) {
    if (!/^[a-z0-9_/.]+$/.test(source.path)) problems.push(`${source.path} is not snake_case`);
    for (const specifier of source.imports) {
      if (/^(npm|jsr|https?):/.test(specifier)) {
        problems.push(`${source.path} imports ${specifier}`);
      }
    }
  }
  report(problems);
});

Deno.test("tasks that run the product say what it may touch", () => {
  const { tasks } = JSON.parse(Deno.readTextFileSync(join(root, "deno.json")));
  const problems: string[] = [];
  for (const [name, { command }] of Object.entries<{ command: string }>(tasks)) {
    const runs = command.split("&&").filter((part) => part.includes("src/cli/main.ts"));
    for (const part of runs) {
      if (/\s(-A|--allow-all|--allow-(env|run|ffi|sys))(\s|$)/.test(part)) {
        problems.push(`task ${name}: ${part.trim()}`);
      }
    }
  }
  report(problems);
});

Deno.test("no any, no leftovers", () => {
  const problems: string[] = [];
  for (const source of sources("kernels", "streams", "src", "examples")) {
    source.text.split("\n").forEach((line, index) => {
      if (/:\s*any\b|<any>|as any\b|@ts-ignore|@ts-nocheck|\bTODO\b|\bFIXME\b/.test(line)) {
        problems.push(`${source.path}:${index + 1}: ${line.trim()}`);
      }
    });
  }
  report(problems);
});
