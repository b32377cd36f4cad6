// What a server counts, tells and keeps of what it did.
import assert from "node:assert/strict";
import { LIGHT_EXPERTS } from "../../src/forecast/experts/registry.ts";
import { OnlineForecaster } from "../../src/forecast/online_forecaster.ts";
import type { Engine } from "../../src/serve/engine.ts";
import { EventLog } from "../../src/serve/event_log.ts";
import { FeedBoard } from "../../src/serve/feed_board.ts";
import { statusLog } from "../../src/serve/log.ts";
import { SUBSCRIBERS, withApp } from "../e2e/served.ts";

const HORIZON = 3;

const served = (run: Parameters<typeof withApp>[0]): Promise<void> =>
  withApp(run, {
    forecaster: new OnlineForecaster({ horizon: HORIZON, experts: LIGHT_EXPERTS, season: 0 }),
  });

/** Gives a series ticks and waits for their forecasts. */
async function feed(engine: Engine, series: string, first: number, count: number): Promise<void> {
  const done = new Promise<void>((resolve) => {
    const stop = engine.onApplied(() => {
      stop();
      resolve();
    });
  });
  await engine.accept(Array.from({ length: count }, (_, index) => ({
    series,
    time: (first + index) * 1000,
    values: { value: Math.sin((first + index) / 3) },
  })));
  await done;
}

/** Samples by name and labels. */
function samples(text: string): Map<string, number> {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(lines.map((line) => {
    const cut = line.lastIndexOf(" ");
    return [line.slice(0, cut), Number(line.slice(cut + 1))];
  }));
}

Deno.test("metrics count what happened, and no series is a label", () =>
  served(async (app, engine, monitor) => {
    await feed(engine, "secret-name", 0, 200);
    await feed(engine, "secret-name", 100, 5);
    engine.report({ kind: "rejected", source: "http", reason: "bad-type", detail: "", count: 3 });
    engine.report({ kind: "dropped", source: "feed", policy: "drop-oldest", count: 4 });
    engine.report({ kind: "dropped", source: "forecasts", policy: "drop-oldest", count: 9 });
    engine.report({ kind: "gap", series: "secret-name", from: 1, to: 5, missing: 3 });
    engine.report({ kind: "drift", series: "secret-name", step: 9 });
    const verdict = { sequence: 1, championLoss: 1, candidateLoss: 2 };
    engine.report({ kind: "candidate-rejected", why: "no better", ...verdict });
    await app.request("/v1/ticks", { method: "POST", body: "{}" });
    const answer = await app.request("/metrics");
    assert.match(answer.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
    const text = await answer.text();
    assert.ok(!text.includes("secret-name"));
    const told = samples(text);
    const expected: Record<string, number> = {
      tickcast_ticks_total: 205,
      tickcast_late_total: 5,
      'tickcast_dropped_total{reason="bad-type"}': 3,
      'tickcast_dropped_total{reason="drop-oldest"}': 4,
      tickcast_forecasts_dropped_total: 9,
      tickcast_missing_total: 3,
      tickcast_drifts_total: 1,
      'tickcast_promotions_total{result="promoted"}': 0,
      'tickcast_promotions_total{result="rejected"}': 1,
      tickcast_tick_to_forecast_seconds_count: 2,
      tickcast_series: 1,
      tickcast_waiting_ticks: 0,
      tickcast_healthy: 1,
      tickcast_subscribers: SUBSCRIBERS,
      tickcast_parameters_version: 0,
    };
    for (const [name, value] of Object.entries(expected)) assert.equal(told.get(name), value, name);
    const skill = monitor.series("secret-name")!.scores.recent("last").skill;
    assert.ok(Math.abs(told.get('tickcast_skill_ratio{horizon="last"}')! - skill) < 1e-9);
    const coverage = told.get('tickcast_interval_coverage_ratio{level="0.9",horizon="first"}')!;
    assert.equal(coverage, monitor.series("secret-name")!.scores.recent("first").coverage90);
    const came = told.get('tickcast_feed_last_message_timestamp_seconds{feed="http"}')!;
    assert.ok(Math.abs(came - Date.now() / 1000) < 60);
    assert.ok(told.get("process_resident_memory_bytes")! > 1e7);
  }));

Deno.test("docs/metrics.md lists the metrics that are served, with their types and labels", () =>
  served(async (app, engine) => {
    engine.received("feed");
    engine.report({ kind: "reconnecting", source: "feed", attempt: 1, delayMs: 1, why: "closed" });
    engine.report({ kind: "rejected", source: "http", reason: "bad-type", detail: "", count: 1 });
    const text = await (await app.request("/metrics")).text();
    const served = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => {
      const sample = new RegExp(`^${name}\\{(.*)\\}`, "m").exec(text);
      const labels = [...(sample?.[1] ?? "").matchAll(/(\w+)=/g)].map(([, label]) => label)
        .filter((label) => label !== "le");
      return `${name} ${type} ${labels.join(", ")}`.trim();
    });
    const page = await Deno.readTextFile(new URL("../../docs/metrics.md", import.meta.url));
    const documented = [...page.matchAll(/^\| `([a-z_]+)` +\| (\w+) +\| (?:`([^`]*)`)? *\|/gm)]
      .map(([, name, type, labels]) => `${name} ${type} ${labels ?? ""}`.trim());
    assert.deepEqual(documented.toSorted(), served.toSorted());
  }));

Deno.test("events are bounded, a kind cannot push another out, and single ticks are none", () => {
  const log = new EventLog();
  log.note({ kind: "drift", series: "a", step: 4 }, 1);
  for (let time = 2; time < 1000; time++) {
    log.note({ kind: "connected", source: "feed" }, time);
    log.note({ kind: "late", series: "a", time: 0, latenessMs: 1 }, time);
  }
  const events = log.list();
  assert.equal(events.length, 101);
  assert.deepEqual([events[0].time, events[0].text], [999, "feed connected"]);
  assert.deepEqual([events[100].kind, events[100].step], ["drift", 4]);
});

Deno.test("the board of feeds follows each one", () => {
  const board = new FeedBoard();
  board.note({ kind: "connecting", source: "a" }, 1);
  board.note({ kind: "connected", source: "a" }, 2);
  board.note({ kind: "reconnecting", source: "b", attempt: 1, delayMs: 5, why: "closed" }, 3);
  board.note({ kind: "stale", source: "a", series: "x", ageMs: 9000 }, 4);
  assert.deepEqual(board.list(), [
    { name: "a", state: "stale", sinceMs: 4, detail: "x silent for 9 s", reconnects: 0 },
    { name: "b", state: "reconnecting", sinceMs: 3, detail: "closed", reconnects: 1 },
  ]);
  board.note({ kind: "recovered", part: "a/x" }, 5);
  assert.equal(board.list()[0].state, "connected");
  for (let index = 0; index < 1000; index++) {
    board.note({ kind: "connected", source: `feed-${index}` }, 6);
  }
  assert.equal(board.list().length, 64);
});

Deno.test("log lines: one JSON object a status, or the message; single ticks are not logged", () => {
  const lines: string[] = [];
  const json = statusLog("json", (line) => lines.push(line), () => 0);
  json({ kind: "reconnecting", source: "feed", attempt: 2, delayMs: 1500, why: "closed" });
  json({ kind: "late", series: "a", time: 0, latenessMs: 1 });
  statusLog("text", (line) => lines.push(line))({ kind: "drift", series: "a", step: 1 });
  assert.equal(lines.length, 2);
  assert.deepEqual(JSON.parse(lines[0]), {
    time: "1970-01-01T00:00:00.000Z",
    level: "warn",
    kind: "reconnecting",
    message: "feed: closed; attempt 2 in 1.5 s",
    source: "feed",
    attempt: 2,
    delayMs: 1500,
    why: "closed",
  });
  assert.equal(lines[1], "a: drift found");
});

Deno.test("with OTEL_DENO spans of accepting and forecasting are exported", async () => {
  const program = `
    import { MemoryStore, OnlineForecaster } from "${import.meta.resolve("../../mod.ts")}";
    import { Engine } from "${import.meta.resolve("../../server.ts")}";
    const engine = await Engine.open({
      forecaster: new OnlineForecaster({ experts: ["last_value"] }), store: new MemoryStore(),
    });
    await engine.accept([{ series: "a", time: 0, values: { value: 1 } }]);
    await engine.close();
  `;
  const run = async (env: Record<string, string>): Promise<string> => {
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", program],
      cwd: new URL("../..", import.meta.url),
      env: { NO_COLOR: "1", ...env },
    }).output();
    const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    assert.ok(success, text);
    return text;
  };
  const told = await run({ OTEL_DENO: "true", OTEL_EXPORTER_OTLP_PROTOCOL: "console" });
  assert.match(told, /SPAN tickcast\.accept [^]*tickcast\.ticks: 1/);
  assert.match(told, /SPAN tickcast\.forecast [^]*tickcast\.ticks: 1/);
  assert.doesNotMatch(await run({}), /SPAN/);
});
