// The server as a process and in this one, over real sockets on the loopback interface.
import assert from "node:assert/strict";
// @ts-types="npm:@types/ws@8"
import { WebSocket } from "ws";
import { MemoryStore } from "../../src/state/memory_store.ts";
import { OnlineForecaster } from "../../src/forecast/online_forecaster.ts";
import { Engine } from "../../src/serve/engine.ts";
import { type Server, startServer } from "../../src/serve/server.ts";

async function withServer(
  run: (server: Server, engine: Engine) => Promise<void>,
  seriesMax?: number,
): Promise<void> {
  const engine = await Engine.open({
    forecaster: new OnlineForecaster({ horizon: 2 }),
    store: new MemoryStore(),
    seriesMax,
  });
  const server = await startServer({ engine, port: 0 });
  try {
    await run(server, engine);
  } finally {
    await server.close();
    await engine.close();
  }
}

/** A socket and the messages it has received, in order. */
class Client {
  readonly #messages: string[] = [];
  #wake: () => void = () => {};

  private constructor(readonly socket: WebSocket) {
    socket.on("message", (data) => {
      this.#messages.push(String(data));
      this.#wake();
    });
  }

  static async open(url: string): Promise<Client> {
    const socket = new WebSocket(url);
    const client = new Client(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once("open", () => resolve());
      socket.once("error", reject);
    });
    return client;
  }

  async next(): Promise<ReturnType<typeof JSON.parse>> {
    while (this.#messages.length === 0) await new Promise<void>((resolve) => this.#wake = resolve);
    return JSON.parse(this.#messages.shift() as string);
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.socket.once("close", () => resolve());
      this.socket.close();
    });
  }
}

const socketUrl = (server: Server, path: string): string => server.url.replace("http", "ws") + path;

Deno.test("ticks in on one socket, forecasts out on another", () =>
  withServer(async (server) => {
    const all = await Client.open(socketUrl(server, "/v1/forecasts"));
    const some = await Client.open(socketUrl(server, "/v1/forecasts?series=b"));
    const ingest = await Client.open(socketUrl(server, "/v1/ingest"));
    ingest.socket.send('{"series":"a","time":1000,"value":1}');
    ingest.socket.send(
      '[{"series":"b","time":1000,"value":2},{"series":"a","time":2000,"value":3}]',
    );
    assert.deepEqual(await ingest.next(), { type: "ack", sequence: 1, count: 1 });
    assert.deepEqual(await ingest.next(), { type: "ack", sequence: 2, count: 2 });
    const seen = [await all.next(), await all.next(), await all.next()];
    assert.deepEqual(seen.map(({ series, time }) => [series, time]), [
      ["a", 1000],
      ["b", 1000],
      ["a", 2000],
    ]);
    assert.equal(seen[2].mean.length, 2);
    assert.equal((await some.next()).series, "b");
    const late = await Client.open(socketUrl(server, "/v1/forecasts?series=a"));
    assert.equal(
      (await late.next()).time,
      2000,
      "a late subscriber gets the last forecast at once",
    );
    await Promise.all([all, some, ingest, late].map((client) => client.close()));
  }));

Deno.test("HTTP: post ticks, get the forecast, the series and the health", () =>
  withServer(async (server) => {
    const post = (body: string): Promise<Response> =>
      fetch(`${server.url}/v1/ticks`, { method: "POST", body });
    const accepted = await post('{"series":"a/b","time":"2026-01-01T00:00:00Z","value":5}\n');
    assert.deepEqual([accepted.status, await accepted.json()], [200, { type: "ack", count: 1 }]);
    const refused = await post('{"series":"a","time":1,"value":"x"}');
    assert.equal(refused.status, 400);
    const { type, reason, field } = await refused.json();
    assert.deepEqual([type, reason, field], ["error", "bad-type", "value"]);
    const forecast = await fetch(`${server.url}/v1/series/${encodeURIComponent("a/b")}/forecast`);
    assert.equal((await forecast.json()).series, "a/b");
    const unknown = await fetch(`${server.url}/v1/series/nobody/forecast`);
    assert.equal(unknown.status, 404);
    assert.equal((await unknown.json()).field, "series");
    assert.deepEqual(await (await fetch(`${server.url}/v1/series`)).json(), {
      series: ["a/b"],
      total: 1,
    });
    const health = await (await fetch(`${server.url}/healthz`)).json();
    assert.deepEqual([health.ok, health.applied], [true, 1]);
  }));

Deno.test("HTTP: a SenML pack is read as one where its type says so", () =>
  withServer(async (server, engine) => {
    const post = async (pack: unknown): Promise<[number, unknown]> => {
      const answer = await fetch(`${server.url}/v1/ticks`, {
        method: "POST",
        headers: { "content-type": "application/senml+json; charset=utf-8" },
        body: JSON.stringify(pack),
      });
      return [answer.status, await answer.json()];
    };
    const [status] = await post([
      { bn: "plant:", bt: 1.7e9, n: "temperature", v: 21.5 },
      { n: "door", vb: true },
    ]);
    assert.equal(status, 200);
    assert.deepEqual(engine.series().sort(), ["plant:door", "plant:temperature"]);
    assert.equal(engine.latest("plant:temperature")?.value, 21.5);
    const [refused, answer] = await post([{ bn: "plant:", n: "label", vs: "text" }]);
    assert.equal(refused, 400);
    assert.match(JSON.stringify(answer), /"field":"vs"/);
  }));

Deno.test("a series beyond the limit is refused by name, the others go on", () =>
  withServer(async (_server, engine) => {
    const tick = (series: string): { series: string; time: number; values: { value: number } } => ({
      series,
      time: 1,
      values: { value: 1 },
    });
    const refusals = await engine.accept([tick("a"), tick("b"), tick("c"), tick("a")]);
    assert.deepEqual(refusals.map(({ index, error }) => [index, error.reason]), [
      [2, "too-many-series"],
    ]);
    assert.deepEqual(await engine.accept([tick("b")]), []);
  }, 2));

Deno.test("10,000 malformed frames: each answered, and the server goes on", () =>
  withServer(async (server) => {
    const frames = [
      "",
      "{",
      "[]",
      "null",
      '{"series":1}',
      '{"series":"a","time":"x","value":1}',
      "\0ÿ",
    ];
    const client = await Client.open(socketUrl(server, "/v1/ingest"));
    const count = 10_000;
    for (let index = 0; index < count; index++) {
      client.socket.send(frames[index % frames.length] + (index % 3 === 0 ? " " : ""));
    }
    for (let index = 0; index < count; index++) {
      const { type, sequence } = await client.next();
      assert.equal(sequence, index + 1);
      assert.ok(type === "error" || frames[index % frames.length] === "[]" || type === "ack");
    }
    client.socket.send('{"series":"a","time":1,"value":1}');
    assert.equal((await client.next()).type, "ack");
    await client.close();
  }));

Deno.test("`deno task serve` serves forecasts of its demo feed, and drains on Ctrl-C", async () => {
  const main = new URL("../../src/cli/main.ts", import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--allow-net",
      "--allow-read",
      "--allow-env",
      main,
      "serve",
      "--port",
      "0",
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream());
  let text = "";
  const reader = lines.getReader();
  while (!/Forecasts: (ws:\S+)\n/.test(text)) {
    const { value, done } = await reader.read();
    if (done) break;
    text += value;
  }
  const url = /Forecasts: (ws:\S+)\n/.exec(text)?.[1];
  assert.ok(url, text);
  const client = await Client.open(url);
  const series = new Set<string>();
  while (series.size < 3) {
    const forecast = await client.next();
    assert.equal(forecast.type, "forecast");
    series.add(forecast.series);
  }
  await client.close();
  child.kill("SIGINT");
  assert.equal((await child.status).code, 0);
  await reader.cancel();
});
