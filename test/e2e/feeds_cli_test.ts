// Feeds and sinks of the command line as processes, with the permissions their tasks give them.
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { connectAsync } from "mqtt";
import { main as tickcast } from "../../src/cli/main.ts";
import { encodeSse } from "../../streams/mod.ts";
import { dialects, ExchangeServer } from "./servers/exchange_server.ts";
import { FeedServer, until } from "./servers/feed_server.ts";
import { Mosquitto, mosquittoPath } from "./servers/mosquitto.ts";

const main = new URL("../../src/cli/main.ts", import.meta.url).pathname;
const SERVE = [
  ...["--allow-net", "--allow-read", "--allow-write", "--allow-env=TICKCAST_*", "--ignore-env"],
];
const REPLAY = ["--allow-read"];

/** A command that runs until it is told to end. */
class Process {
  stdout = "";
  stderr = "";
  readonly #child: Deno.ChildProcess;
  readonly #read: Promise<unknown>;

  constructor(permissions: readonly string[], args: readonly string[], stdin = "null") {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", ...permissions, main, ...args],
      env: { TICKCAST_TOKEN: "secret" },
      stdin: stdin as "null" | "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const collect = async (from: ReadableStream<Uint8Array>, add: (text: string) => void) => {
      const decoder = new TextDecoder();
      for await (const bytes of from) add(decoder.decode(bytes, { stream: true }));
    };
    this.#read = Promise.all([
      collect(this.#child.stdout, (text) => this.stdout += text),
      collect(this.#child.stderr, (text) => this.stderr += text),
    ]);
  }

  get url(): string {
    return /http:\/\/\S+/.exec(this.stdout)?.[0] ?? "";
  }

  async type(text: string): Promise<void> {
    const writer = this.#child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(text));
    await writer.close();
  }

  async ended(): Promise<number> {
    const { code } = await this.#child.status;
    await this.#read;
    return code;
  }

  end(): Promise<number> {
    this.#child.kill("SIGTERM");
    return this.ended();
  }
}

async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const lines = (text: string): string[] => text.split("\n").filter((line) => line !== "");
const tick = (series: string, n: number, more: object = {}): string =>
  JSON.stringify({ series, time: n * 1000, value: Math.sin(n / 5) + n / 50, ...more });

Deno.test("several feeds, a covariate, a grid and sinks from one file; the recording replays byte for byte", () =>
  withFolder(async (folder) => {
    const power = await FeedServer.start();
    const wind = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, () => {
      const events = Array.from(
        { length: 300 },
        (_, n) => encodeSse({ id: String(n), data: `{"s":"wind","v":"${n % 7}","t":${n}}` }),
      );
      return new Response(events.join(""), { headers: { "content-type": "text/event-stream" } });
    });
    const posted: { series: string }[] = [];
    const hook = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen: () => {} },
      async (request) => {
        equal(request.headers.get("authorization"), "secret");
        posted.push(...await request.json());
        return new Response();
      },
    );
    const at = (server: Deno.HttpServer): string =>
      `http://127.0.0.1:${(server.addr as Deno.NetAddr).port}/`;
    const config = `${folder}/tickcast.json`;
    const forecasts = `${folder}/forecasts.ndjson`;
    await Deno.writeTextFile(
      config,
      JSON.stringify({
        server: { port: 0 },
        forecast: { horizon: 3, retrainEvery: 64, hidden: 8 },
        record: `${folder}/ticks.ndjson`,
        series: ["site/power"],
        order: { lateness: "2s", lateTo: `${folder}/late.ndjson` },
        grid: { every: "2s", how: "mean" },
        covariates: { wind: { series: "wind", maxAge: "1m" } },
        feeds: [
          { kind: "websocket", url: power.url, prefix: "site/" },
          {
            kind: "sse",
            url: at(wind),
            seriesPath: "s",
            valuePath: "v",
            timePath: "t",
            timeUnit: "s",
          },
        ],
        sinks: [
          { kind: "ndjson", path: forecasts },
          { kind: "csv", path: `${folder}/forecasts.csv` },
          {
            kind: "webhook",
            url: at(hook),
            series: ["site/power"],
            headers: { authorization: "${TICKCAST_TOKEN}" },
          },
        ],
      }),
    );
    const serve = new Process(SERVE, ["serve", "--config", config]);
    await until(() => power.open.length === 1);
    for (let n = 0; n < 300; n += 2) {
      // Out of order within the lateness, and one far too late.
      power.send(`[${tick("power", n + 1)},${tick("power", n)}]`);
      if (n === 100) power.send(tick("power", 10, { id: "late" }));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await until(() => posted.length >= 145);
    equal(await serve.end(), 0, serve.stderr);
    await Promise.all([power.stop(), wind.shutdown(), hook.shutdown()]);

    const live = await Deno.readTextFile(forecasts);
    ok(lines(live).length >= 145);
    deepEqual(new Set(posted.map(({ series }) => series)), new Set(["site/power"]));
    deepEqual(posted, lines(live).map((line) => JSON.parse(line)));
    const csv = lines(await Deno.readTextFile(`${folder}/forecasts.csv`));
    match(csv[0], /^series,time,step,ahead,for,mean,q0\.01,q0\.05,/);
    equal(csv.length, 1 + 3 * lines(live).length);
    match(
      await Deno.readTextFile(`${folder}/late.ndjson`),
      /^{"series":"site\/power","time":10000,[^\n]*\n$/,
    );

    const replay = new Process(REPLAY, [
      ...["replay", `${folder}/ticks.ndjson`, "--config", config, "--speed", "0"],
    ]);
    equal(await replay.ended(), 0, replay.stderr);
    // A replay ends and gives the steps begun too; what was live is its beginning, byte for byte.
    equal(replay.stdout.slice(0, live.length), live);
    ok(lines(replay.stdout).length - lines(live).length <= 3);
  }));

Deno.test("record an exchange, then replay: forecasts as they were live, byte for byte", () =>
  withFolder(async (folder) => {
    const exchange = await ExchangeServer.start(dialects.kraken);
    const file = `${folder}/trades.ndjson`;
    const feed = [
      ...["--exchange", "kraken", "--symbols", "BTC/USD", "--feed", exchange.feed.url],
    ];
    const forecaster = ["--horizon", "4", "--features", "volume", "--hidden", "8"];
    const config = `${folder}/sinks.json`;
    await Deno.writeTextFile(
      config,
      JSON.stringify({ sinks: [{ kind: "ndjson", path: `${folder}/live.ndjson` }] }),
    );
    const serve = new Process(SERVE, [
      ...["serve", "--port", "0", "--config", config, "--record", file, ...feed, ...forecaster],
    ]);
    const record = new Process(SERVE, [
      ...["record", `${folder}/alone.ndjson`, ...feed, "--ticks", "50"],
    ]);
    await until(() => exchange.feed.clients.length === 2 && exchange.heard);
    await until(() => exchange.feed.clients.every(({ messages }) => messages.length > 0));
    for (let n = 0; n < 200; n++) {
      exchange.trade();
      // Now and then one comes twice, or is lost.
      if (n % 50 === 49) exchange.trade(true, exchange.last);
      if (n % 70 === 69) exchange.trade(false);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    const written = async (): Promise<string> => await Deno.readTextFile(`${folder}/live.ndjson`);
    while (lines(await written()).length < 200) await new Promise((done) => setTimeout(done, 10));
    equal(await serve.end(), 0, serve.stderr);
    equal(await record.ended(), 0, record.stderr);
    await exchange.feed.stop();
    equal(JSON.parse(record.stdout).ticks, 50);

    const replay = new Process(REPLAY, [
      ...["replay", file, "--speed", "0", ...forecaster],
    ]);
    equal(await replay.ended(), 0, replay.stderr);
    equal(replay.stdout, await written());

    // At a pace of its own, and from what record alone had written.
    const started = performance.now();
    const paced = new Process(REPLAY, [
      ...["replay", `${folder}/alone.ndjson`, "--speed", "2", ...forecaster],
    ]);
    equal(await paced.ended(), 0, paced.stderr);
    equal(lines(paced.stdout).length, 50);
    ok(performance.now() > started);
  }));

const mosquitto = mosquittoPath();

Deno.test({
  name: "ticks come from a broker as SenML, and forecasts go to one",
  ignore: mosquitto === undefined,
  fn: () =>
    withFolder(async (folder) => {
      const broker = await Mosquitto.start(mosquitto ?? "");
      const client = await connectAsync(broker.url);
      const forecasts: { topic: string; step: number }[] = [];
      client.on("message", (topic, payload) => {
        forecasts.push({ topic, step: JSON.parse(String(payload)).step });
      });
      await client.subscribeAsync("forecasts/#", { qos: 1 });
      const config = `${folder}/tickcast.json`;
      await Deno.writeTextFile(
        config,
        JSON.stringify({
          sinks: [{ kind: "mqtt", url: broker.url, topic: "forecasts/{series}" }],
        }),
      );
      const serve = new Process(SERVE, [
        ...["serve", "--port", "0", "--config", config, "--feed", broker.url],
        ...["--topics", "plant/#", "--format", "senml", "--client-id", "tickcast"],
      ]);
      await until(() => serve.stderr.includes("connected"));
      for (let n = 0; n < 30; n++) {
        const pack = [{ bn: "boiler/", bt: 1.7e9 + n, n: "temp", u: "Cel", v: 60 + n % 5 }];
        await client.publishAsync("plant/boiler", JSON.stringify(pack), { qos: 1 });
      }
      await until(() => forecasts.length === 30);
      equal(await serve.end(), 0, serve.stderr);
      await client.endAsync(true);
      await broker.stop();
      deepEqual(forecasts.map(({ step }) => step), Array.from({ length: 30 }, (_, n) => n));
      deepEqual(new Set(forecasts.map(({ topic }) => topic)), new Set(["forecasts/boiler/temp"]));
    }),
});

Deno.test("lines of JSON on standard input: served, and replayed", async () => {
  const input = Array.from({ length: 40 }, (_, n) => tick("a", n)).concat("oops").join("\n");
  const serve = new Process(SERVE, ["serve", "--port", "0", "--feed", "-"], "piped");
  await serve.type(input);
  await until(() => serve.url !== "");
  let step = 0;
  while (step < 39) {
    const answer = await fetch(`${serve.url}/v1/series/a/forecast`);
    const body = await answer.json();
    step = body.step ?? 0;
  }
  equal(await serve.end(), 0, serve.stderr);
  const replay = new Process(REPLAY, ["replay", "-"], "piped");
  await replay.type(input);
  equal(await replay.ended(), 0, replay.stderr);
  equal(lines(replay.stdout).length, 40);
  match(replay.stderr, /Line 41: not JSON: "oops"/);
});

Deno.test("a configuration and options that cannot be used end with a reason", () =>
  withFolder(async (folder) => {
    const path = `${folder}/bad.json`;
    await Deno.writeTextFile(path, '{"feeds":[{"kind":"mqtt","url":"mqtt://x"}]}');
    const expected: [string[], RegExp][] = [
      [["serve", "--config", path], /feeds\[0\]\.topics: is missing/],
      [["serve", "--config", `${folder}/none.json`], /none\.json: .*No such file/],
      [["serve", "--exchange", "kraken"], /--exchange needs --symbols/],
      [
        ["serve", "--exchange", "kraken", "--symbols", "A/B", "--channel", "kline"],
        /feeds\[0\]\.channel: expected one of trade, ticker, ohlc, got "kline"/,
      ],
      [["serve", "--feed", "mqtt://x"], /needs --topics/],
      [["serve", "--feed", "gopher://x"], /expected ws, mqtt or http/],
      [["serve", "--every", "soon"], /--every: expected a duration/],
      [["serve", "--port", "0", "--feed", `${folder}/none.ndjson`], /none\.ndjson: .*No such file/],
      [["replay", new URL("../../LICENSE", import.meta.url).pathname], /--time COLUMN is missing/],
      [["record", "--exchange", "kraken"], /expected one file, got 0/],
    ];
    for (const [args, reason] of expected) {
      let said = "";
      const code = await tickcast(args, {
        out: () => Promise.resolve(),
        note: (line) => void (said += line),
        interactive: false,
        signal: new AbortController().signal,
      });
      ok(code > 0);
      match(said, reason);
    }
  }));
