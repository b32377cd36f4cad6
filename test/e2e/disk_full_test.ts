// A disk that is really full, under the real server.
import { equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import type { IngestAnswer, Tick } from "../../streams/mod.ts";
import { ClientError } from "../../src/serve/client_error.ts";
import { TickcastClient } from "../../src/serve/client.ts";
import { type ServeProcess, startServe } from "./serve_process.ts";

const DISK_BYTES = 1 << 20;

function run(command: string, ...args: string[]): boolean {
  return new Deno.Command(command, { args, stdout: "null", stderr: "null" }).outputSync().success;
}

/** A small disk of its own, where this user may mount one. */
function mountDisk(): string | undefined {
  const folder = Deno.makeTempDirSync();
  if (run("mount", "-t", "tmpfs", "-o", `size=${DISK_BYTES}`, "tmpfs", folder)) return folder;
  Deno.removeSync(folder);
  console.log("disk_full_test: skipped, this user may not mount a disk");
  return undefined;
}

const disk = Deno.build.os === "linux" ? mountDisk() : undefined;

function ticks(from: number): Tick[] {
  return Array.from({ length: 500 }, (_, i) => ({
    series: "room",
    time: 1000 * (from + i),
    values: { value: Math.sin(from + i) },
    id: `${from + i}`,
  }));
}

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 100));

async function status({ url }: ServeProcess, path: string): Promise<number> {
  const answer = await fetch(url + path);
  await answer.body?.cancel();
  return answer.status;
}

Deno.test({
  name: "a full disk: ticks are refused and said so, nothing acknowledged is lost, and it recovers",
  ignore: disk === undefined,
  async fn(): Promise<void> {
    const folder = disk as string;
    const filler = join(folder, "filler");
    const state = join(folder, "state");
    let server: ServeProcess | undefined;
    const start = async (): Promise<ServeProcess> => {
      server = await startServe(["--state", state, "--horizon", "2", "--experts", "light"]);
      ok(server, "the server starts");
      return server;
    };
    try {
      let running = await start();
      let client = new TickcastClient({ url: running.url });
      let acknowledged = 0;
      const send = async (): Promise<IngestAnswer | ClientError> => {
        try {
          const answer = await client.post(ticks(acknowledged));
          if (answer.type === "ack") acknowledged += answer.count;
          return answer;
        } catch (error) {
          if (error instanceof ClientError) return error;
          throw error;
        }
      };
      ok(!(await send() instanceof ClientError));
      while (await client.latest("room") === undefined) await pause();
      // Something else fills the disk but for a few pages, the journal the rest.
      const free = DISK_BYTES - 300_000;
      await Deno.writeFile(filler, new Uint8Array(free));
      let refusal: IngestAnswer | ClientError;
      do refusal = await send(); while (!(refusal instanceof ClientError));
      equal(refusal.status, 503);
      ok(refusal.temporary);
      match(refusal.message, /full|disk I\/O/);
      equal(await status(running, "/healthz"), 503);
      equal(await status(running, "/readyz"), 503);
      equal(await status(running, "/v1/series/room/forecast"), 200, "forecasts are still served");
      equal(await status(running, "/v1/series"), 200);
      match(running.said(), /journal: cannot write/);

      await Deno.remove(filler);
      while (await status(running, "/readyz") !== 200) await pause();
      match(running.said(), /journal is well again/, "without a tick being risked");
      for (let round = 0; round < 3; round++) ok(!(await send() instanceof ClientError));

      running.kill("SIGKILL");
      await running.ended;
      running = await start();
      client = new TickcastClient({ url: running.url });
      const health = await (await fetch(`${running.url}/healthz`)).json();
      equal(health.store.sequence, acknowledged);
      equal((await client.latest("room"))?.step, acknowledged - 1);
      running.kill("SIGTERM");
      equal(await running.ended, 0);
    } finally {
      server?.kill("SIGKILL");
      await server?.ended;
      run("umount", folder);
      await Deno.remove(folder);
    }
  },
});

Deno.test("a second process on the same state is refused, and the first goes on", async () => {
  const folder = await Deno.makeTempDir();
  const server = await startServe(["--state", folder, "--experts", "light"]);
  try {
    ok(server);
    const second = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--quiet",
        "--no-check",
        "--allow-net",
        "--allow-read",
        "--allow-write",
        "--allow-env",
        new URL("../../src/cli/main.ts", import.meta.url).pathname,
        ...["serve", "--no-feed", "--port", "0", "--state", folder, "--experts", "light"],
      ],
    });
    const { code, stderr } = await second.output();
    equal(code, 1);
    match(new TextDecoder().decode(stderr), /another process uses/);
    equal(await status(server, "/readyz"), 200);
  } finally {
    server?.kill("SIGTERM");
    await server?.ended;
    await Deno.remove(folder, { recursive: true });
  }
});
