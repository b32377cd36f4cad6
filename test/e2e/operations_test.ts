// What an operator does to the process: reload, drain, end.
import { equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
// @ts-types="npm:@types/ws@8"
import { WebSocket } from "ws";
import { ClientError } from "../../src/serve/client_error.ts";
import { TickcastClient } from "../../src/serve/client.ts";
import { type ServeProcess, startServe } from "./serve_process.ts";

const SECRET = { old: "old-old-old-old-old-", new: "new-new-new-new-new-" };
const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));

async function statusOf(url: string): Promise<number> {
  const answer = await fetch(url);
  await answer.body?.cancel();
  return answer.status;
}

/** Waits until the server has said something. */
async function said({ said }: ServeProcess, expected: RegExp): Promise<void> {
  while (!expected.test(said())) await pause();
}

Deno.test("SIGHUP changes tokens; SIGTERM drains, answers what came, and saves", async () => {
  const folder = await Deno.makeTempDir();
  const tokens = join(folder, "tokens");
  const args = [
    ...["--state", join(folder, "state"), "--token-file", tokens, "--experts", "light"],
    ...["--horizon", "2", "--drain-seconds", "0.5"],
  ];
  await Deno.writeTextFile(tokens, `board read,ingest ${SECRET.old}\n`);
  let server: ServeProcess | undefined;
  try {
    server = await startServe(args);
    ok(server);
    const { url } = server;
    const old = new TickcastClient({ url, token: SECRET.old });
    equal((await old.post([{ series: "a", time: 1, values: { value: 1 } }])).count, 1);
    const headers = { authorization: `Bearer ${SECRET.old}` };
    const socket = new WebSocket(`${url.replace("http", "ws")}/v1/forecasts`, { headers });
    const code = new Promise<number>((resolve) => socket.once("close", resolve));
    await new Promise((resolve) => socket.once("open", resolve));

    await Deno.writeTextFile(tokens, "board read short\n");
    server.kill("SIGHUP");
    await said(server, /tokens stay as they are: Tokens, line 1: a secret has at least 16/);
    equal((await old.series()).total, 1);

    await Deno.writeTextFile(tokens, `board read,ingest ${SECRET.new}\n`);
    server.kill("SIGHUP");
    equal(await code, 1008, "the connection of the old token ends");
    const refused = await old.series().catch((error) => error);
    ok(refused instanceof ClientError && refused.status === 401);
    const client = new TickcastClient({ url, token: SECRET.new });
    const ticks = [2, 3, 4].map((time) => ({ series: "a", time, values: { value: time } }));
    equal((await client.post(ticks)).count, 3);

    const follower = new WebSocket(`${url.replace("http", "ws")}/v1/forecasts`, {
      headers: { authorization: `Bearer ${SECRET.new}` },
    });
    const away = new Promise<number>((resolve) => follower.once("close", resolve));
    await new Promise((resolve) => follower.once("open", resolve));
    server.kill("SIGTERM");
    while (await statusOf(`${url}/readyz`) === 200) await pause();
    equal((await client.latest("a"))?.series, "a", "requests are still answered while it drains");
    equal(await away, 1001);
    equal(await server.ended, 0);
    const checkpoints = [...Deno.readDirSync(join(folder, "state", "checkpoints"))];
    ok(checkpoints.some(({ name }) => /^checkpoint-0*4\.json$/.test(name)), "saved at the end");
  } finally {
    server?.kill("SIGKILL");
    await server?.ended;
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a server that others could reach does not start without tokens", async () => {
  const command = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--no-check", "--allow-net", "--allow-read", "--allow-env"],
      new URL("../../src/cli/main.ts", import.meta.url).pathname,
      ...["serve", "--no-feed", "--port", "0", "--host", "0.0.0.0", "--experts", "light"],
    ],
  });
  const { code, stderr } = await command.output();
  equal(code, 2);
  match(new TextDecoder().decode(stderr), /name tokens with --token-file or TICKCAST_TOKENS/);
});
