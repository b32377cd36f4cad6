// The data behind the dashboard, and its page as it is served.
import assert from "node:assert/strict";
import { LIGHT_EXPERTS } from "../../src/forecast/experts/registry.ts";
import { OnlineForecaster } from "../../src/forecast/online_forecaster.ts";
import type { App } from "../../src/serve/app.ts";
import type {
  HistoryMessage,
  ScoresMessage,
  StatusMessage,
} from "../../src/serve/dashboard/messages.ts";
import type { Engine } from "../../src/serve/engine.ts";
import { settled, withApp } from "../e2e/served.ts";

const HORIZON = 3;

interface Place {
  readonly get: <T>(path: string) => Promise<T>;
  readonly app: App;
  readonly engine: Engine;
  readonly feed: (series: string, values: readonly number[]) => Promise<void>;
}

function placed(run: (place: Place) => Promise<void>): Promise<void> {
  const forecaster = new OnlineForecaster({ horizon: HORIZON, experts: LIGHT_EXPERTS, season: 0 });
  let time = 0;
  return withApp(async (app, engine) => {
    const feed = async (series: string, values: readonly number[]): Promise<void> => {
      await engine.accept(
        values.map((value) => ({ series, time: time += 1000, values: { value } })),
      );
      await settled(engine);
    };
    const get = async <T>(path: string): Promise<T> => {
      const answer = await app.request(path);
      assert.equal(answer.status, 200, path);
      return await answer.json();
    };
    await run({ get, app, engine, feed });
  }, { forecaster });
}

const wave = (from: number, count: number): number[] =>
  Array.from({ length: count }, (_, index) => Math.sin((from + index) / 4));

Deno.test("history: truths beside what had been forecast of them, and only what is new when asked", () =>
  placed(async ({ get, engine, feed }) => {
    const said: number[] = [];
    engine.onForecasts((forecasts) => {
      for (const { mean } of forecasts) said.push(mean[HORIZON - 1]);
    });
    await feed("a", wave(0, 700));
    const all = await get<HistoryMessage>("/v1/series/a/history");
    assert.deepEqual([all.step, all.columns.value.length], [700 - 512, 512]);
    assert.equal(all.forecast.step, 699);
    assert.equal(all.columns.value.at(-1), Number(Math.sin(699 / 4).toPrecision(7)));
    assert.equal(all.columns.lastMean.at(-1), Number(said[699 - HORIZON].toPrecision(7)));
    assert.equal(all.columns.time.at(-1), 700_000);
    assert.equal(all.trend!.time.length, 64);
    // In one batch only the last weights were the mixture's own.
    assert.deepEqual(all.weights!.time, [700_000]);
    const total = all.weights!.first.reduce((sum, [weight]) => sum + weight!, 0);
    assert.ok(Math.abs(total - 1) < 1e-6);
    await feed("a", [1, NaN]);
    const news = await get<HistoryMessage>("/v1/series/a/history?after=699");
    assert.deepEqual([news.step, news.columns.value], [700, [1, null]]);
    assert.equal(news.forecast.value, null);
    assert.equal(news.trend, undefined, "nothing new: the scores are noted every eight steps");
    const same = await get<HistoryMessage>("/v1/series/a/history?after=701");
    assert.deepEqual(same.columns.time, []);
    assert.equal(same.scores.first.window.count, 256);
  }));

Deno.test("scores: searched, limited, and a limit out of range refused", () =>
  placed(async ({ get, app, feed }) => {
    for (let index = 0; index < 60; index++) await feed(`Sensor ${index}`, [index]);
    const found = await get<ScoresMessage>("/v1/scores?search=SENSOR%205&limit=3");
    assert.deepEqual([found.total, found.matched], [60, 11]);
    assert.deepEqual(found.series.map(({ series }) => series), [
      "Sensor 5",
      "Sensor 50",
      "Sensor 51",
    ]);
    assert.deepEqual([found.series[1].value, found.series[1].skill], [50, null]);
    for (const limit of ["0", "-1", "x", "1e9", "2.5"]) {
      const answer = await app.request(`/v1/scores?limit=${limit}`);
      assert.deepEqual([answer.status, (await answer.json()).field], [400, "limit"]);
    }
  }));

Deno.test("status: health, feeds with their last message, events, no learner", () =>
  placed(async ({ get, engine, feed }) => {
    await feed("a", wave(0, 100));
    engine.report({ kind: "connected", source: "demo" });
    const before = await get<StatusMessage>("/v1/status");
    assert.deepEqual(before.feeds.map(({ name, lastMessageMs }) => [name, lastMessageMs]), [
      ["demo", null],
    ]);
    engine.received("demo");
    const status = await get<StatusMessage>("/v1/status");
    assert.ok(status.feeds[0].lastMessageMs! > 0);
    assert.deepEqual([status.horizon, status.learner, status.health.ok], [HORIZON, null, true]);
    assert.deepEqual(status.experts, LIGHT_EXPERTS);
    assert.deepEqual(status.events.map(({ text }) => text), ["demo connected"]);
    assert.equal(status.scores.first.series, 1);
    assert.ok(status.scores.first.skill! > 0, "a wave is easier than naive");
  }));

Deno.test("a series that nobody knows is 404", () =>
  placed(async ({ app }) => {
    const answer = await app.request("/v1/series/nobody/history");
    assert.deepEqual([answer.status, (await answer.json()).field], [404, "series"]);
  }));

Deno.test("the page and its parts come from here alone, under a policy without exceptions", () =>
  placed(async ({ app }) => {
    const page = await app.request("/");
    const policy = page.headers.get("content-security-policy") ?? "";
    assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self';/);
    assert.ok(!policy.includes("unsafe"));
    const text = await page.text();
    assert.ok(!/ style=| on[a-z]+="|<script>|<style>/.test(text), "nothing inline");
    const parts = [...text.matchAll(/(?:src|href)="([^"#]+)"/g)].map(([, path]) => path);
    assert.deepEqual([...new Set(parts)].sort(), [
      "/dashboard/main.js",
      "/dashboard/style.css",
      "/dashboard/uplot.js",
      "/favicon.ico",
    ]);
    for (const path of parts) {
      const part = await app.request(path);
      assert.equal(part.status, 200, path);
      assert.ok((await part.text()).length > 100);
      assert.equal(part.headers.get("content-security-policy"), policy);
    }
    const ids = [...text.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    assert.equal(new Set(ids).size, ids.length, "identifiers are unique");
  }));
