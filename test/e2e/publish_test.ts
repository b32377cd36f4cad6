// What a registry would receive, sent to a registry of our own on this machine.
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** The files of a tar archive: 512-byte headers with name and octal size, contents padded to 512. */
function untar(archive: Uint8Array): Map<string, string> {
  const files = new Map<string, string>();
  const text = new TextDecoder();
  const field = (at: number, length: number): string =>
    text.decode(archive.subarray(at, at + length)).split("\0")[0];
  for (let at = 0; at + 512 <= archive.length && archive[at] !== 0;) {
    const size = parseInt(field(at + 124, 12), 8);
    files.set(
      field(at, 100).replace(/^\.\//, ""),
      text.decode(archive.subarray(at + 512, at + 512 + size)),
    );
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return files;
}

async function published(): Promise<Map<string, string>> {
  let archive: Uint8Array | undefined;
  const registry = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    async (request) => {
      const { pathname } = new URL(request.url);
      if (request.method === "POST") {
        archive = await request.bytes();
        return Response.json({ id: "1", status: "success", error: null });
      }
      const known = /\/packages\/[^/]+$/.test(pathname);
      return known
        ? Response.json({ scope: "tickcast", name: "tickcast", githubRepository: null })
        : Response.json({ code: "notFound", message: "Not found" }, { status: 404 });
    },
  );
  try {
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      cwd: root,
      args: ["publish", "--token", "none", "--allow-dirty", "--no-provenance", "--quiet"],
      env: { JSR_URL: `http://127.0.0.1:${registry.addr.port}/` },
    }).output();
    ok(success, new TextDecoder().decode(stderr));
  } finally {
    await registry.shutdown();
  }
  ok(archive, "nothing was published");
  const packed = new Blob([archive.slice()]).stream();
  return untar(await new Response(packed.pipeThrough(new DecompressionStream("gzip"))).bytes());
}

Deno.test("a published package holds the library and nothing else, on the real @std packages", async () => {
  const files = await published();
  const rooms = new Set([...files.keys()].map((path) => path.split("/")[0]));
  const expected = [
    "CHANGELOG.md",
    "LICENSE",
    "README.md",
    "deno.json",
    "kernels",
    "mod.ts",
    "onnx.ts",
    "cluster.ts",
    "server.ts",
    "src",
    "streams",
    "tickcast.schema.json",
  ];
  deepEqual([...rooms].sort(), expected.sort());
  const config = JSON.parse(files.get("deno.json")!);
  for (const path of Object.values<string>(config.exports)) ok(files.has(path.slice(2)), path);

  match(files.get("streams/sources/csv.ts")!, /from "jsr:@std\/csv@\^[\d.]+\/parse-stream"/);
  match(files.get("src/cli/options.ts")!, /from "jsr:@std\/cli@\^[\d.]+\/parse-args"/);
  for (const [path, text] of files) {
    if (!path.endsWith(".ts")) continue;
    const code = text.replace(/\/\*[\s\S]*?\*\//g, "");
    for (const [, specifier] of code.matchAll(/(?:\bfrom +|\bimport\()"([^"]+)"/g)) {
      ok(/^(\.\.?\/|jsr:|npm:|node:)/.test(specifier), `${path} imports ${specifier}`);
    }
  }
  equal(
    [...files.keys()].some((path) => /compat|_test\.ts$|\.lock$|\/build\.ts$/.test(path)),
    false,
  );
});
