// A headless Chromium, and a server for the pages that it opens.
import { type Browser, chromium, type Page } from "playwright-core";

const NAMES = ["chromium", "chromium-browser", "google-chrome"];

/** No traffic but ours, and WebGPU on SwiftShader, Chromium's own software adapter. */
const ARGUMENTS = [
  "--no-sandbox",
  "--no-first-run",
  "--disable-quic",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--enable-unsafe-webgpu",
  "--use-webgpu-adapter=swiftshader",
];

function executable(): string | undefined {
  for (const name of NAMES) {
    const { success, stdout } = new Deno.Command("which", { args: [name] }).outputSync();
    if (success) return new TextDecoder().decode(stdout).trim();
  }
}

/**
 * Why tests in a browser must be skipped, or undefined where there is one.
 *
 * @throws {Error} when there is none and `TICKCAST_REQUIRE_ALL` demands every test.
 */
export function skipWithoutChromium(): string | undefined {
  if (executable()) return undefined;
  if (Deno.env.get("TICKCAST_REQUIRE_ALL")) throw new Error("No Chromium");
  return "no Chromium";
}

/** Starts the browser; `more` are further arguments. */
export function launchChromium(...more: string[]): Promise<Browser> {
  return chromium.launch({ executablePath: executable(), args: [...ARGUMENTS, ...more] });
}

/** A module and all it imports as one script for browsers. */
export async function bundle(path: URL): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--platform=browser", path.pathname],
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

/** Files by path, each with its type, or what answers a request for one. */
export type Files =
  | Readonly<Record<string, readonly [type: string, body: string]>>
  | ((request: Request) => Response);

/** Opens a page of our own and runs a test on it. */
export async function withPage(
  files: Files,
  run: (page: Page, origin: string) => Promise<void>,
): Promise<void> {
  const answer = typeof files === "function" ? files : (request: Request): Response => {
    const file = files[new URL(request.url).pathname];
    if (!file) return new Response(null, { status: 204 }); // The icon of the page, say.
    return new Response(file[1], { headers: { "content-type": file[0] } });
  };
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, answer);
  const browser = await launchChromium();
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(60_000);
    await run(page, `http://127.0.0.1:${server.addr.port}`);
  } finally {
    await browser.close();
    await server.shutdown();
  }
}
