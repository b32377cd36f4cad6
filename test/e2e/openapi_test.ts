// The document against the code: the same routes, and answers as their schemas say.
import { deepEqual, equal, ok } from "node:assert/strict";
import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv2020 } from "ajv/2020";
import { OPENAPI_DOCUMENT } from "../../src/serve/openapi/document.ts";
import type { App } from "../../src/serve/app.ts";
import { settled, withApp } from "./served.ts";
import { OnlineForecaster, openNetwork } from "../../mod.ts";

type Json = ReturnType<typeof JSON.parse>;

const document = OPENAPI_DOCUMENT as Json;
/** Served beside the HTTP side, by upgrading. */
const SOCKETS = ["GET /v1/ingest"];
/** Pages are for people, not for programs. */
const isPage = (path: string): boolean => /^(\/|\/favicon\.ico|\/dashboard\/.*)$/.test(path);

function documented(): string[] {
  return Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.keys(operations as Json).map((method) => `${method.toUpperCase()} ${path}`)
  ).sort();
}

Deno.test("the document is OpenAPI 3.1", async () => {
  const { valid, errors } = await new Validator().validate(structuredClone(document));
  ok(valid, JSON.stringify(errors));
});

Deno.test("every route is in the document, and every one of the document is a route", () =>
  withApp((app) => {
    const routes = app.routes
      .filter(({ method, path }) => method !== "ALL" && !isPage(path))
      .map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, "{$1}")}`);
    deepEqual([...new Set([...routes, ...SOCKETS])].sort(), documented());
    return Promise.resolve();
  }));

/** The schemas of the document, which refer to each other within it. */
const ajv = new Ajv2020({ strict: true, strictTypes: false, allowUnionTypes: true });
ajv.addKeyword("components");
ajv.addSchema({ $id: "doc", components: document.components }, "doc");

/** Calls a route and holds the answer to the document: the status is there, the body fits. */
async function call(app: App, route: string, init: RequestInit = {}, query = ""): Promise<number> {
  const [method, path] = route.split(" ");
  const address = path.replace("{series}", init.headers ? "nobody" : "room") + query;
  const answer = await app.request(address, { method, ...init, headers: {} });
  const said = document.paths[path][method.toLowerCase()].responses[answer.status];
  ok(said, `${route} answered ${answer.status}, which is not in the document`);
  const type = (answer.headers.get("content-type") ?? "").split(";")[0];
  ok(said.content[type], `${route} answered ${type}`);
  if (type === "application/json") {
    const body = await answer.json();
    const reference = said.content[type].schema.$ref;
    const validate = ajv.getSchema(`doc${reference}`);
    const fits = validate?.(body);
    ok(fits, `${route}: ${JSON.stringify(validate?.errors)} in ${JSON.stringify(body)}`);
  } else await answer.body?.cancel();
  return answer.status;
}

/** A network small enough to be trained within a test. */
async function learningForecaster(): Promise<OnlineForecaster> {
  const network = await openNetwork({
    horizon: 2,
    hiddenSize: 4,
    trainInline: true,
    plan: { everySteps: 128, firstSteps: 128, delaySteps: 10, delayMs: 0 },
    trainer: { epochs: 1, window: 32, burnIn: 8 },
  });
  return new OnlineForecaster({ horizon: 2, guests: [network] });
}

Deno.test("answers are as the document says, good ones and refusals", async () => {
  await withApp(
    async (app, engine) => {
      const unknown = { headers: { as: "nobody" } };
      equal(await call(app, "GET /v1/series"), 200);
      const tick = JSON.stringify({ series: "room", time: 1, value: 2 });
      equal(await call(app, "POST /v1/ticks", { body: tick }), 200);
      equal(await call(app, "POST /v1/ticks", { body: `${tick}\n{}\n[1]` }), 400);
      equal(await call(app, "POST /v1/ticks", { body: " ".repeat(2 << 20) }), 413);
      await settled(engine);
      for (const route of documented()) {
        if (route.startsWith("GET") && !SOCKETS.includes(route)) await call(app, route);
      }
      equal(await call(app, "GET /v1/series", {}, "?limit=1&offset=0&search=ROO"), 200);
      for (const query of ["?limit=0", "?limit=x", "?limit=9999", "?offset=-1", "?offset=1e3"]) {
        equal(await call(app, "GET /v1/series", {}, query), 400, query);
      }
      equal(await call(app, "GET /v1/series/{series}", unknown), 404);
      equal(await call(app, "GET /v1/series/{series}/forecast", unknown), 404);
      equal(await call(app, "POST /v1/admin/roll-back"), 409);
      const model = await (await app.request("/v1/admin/model")).arrayBuffer();
      equal(await call(app, "PUT /v1/admin/model", { body: model }), 200);
      equal(await call(app, "PUT /v1/admin/model", { body: model.slice(0, -1) }), 400);
      const more = Array.from({ length: 400 }, (_, time) => {
        return { series: "room", time: time + 2, value: Math.sin(time / 9) };
      });
      await call(app, "POST /v1/ticks", { body: JSON.stringify(more) });
      await settled(engine);
      const { runs } = await (await app.request("/v1/learning")).json();
      ok(runs.length > 0, "a retraining is among the answers");
      for (const action of ["checkpoint", "retrain", "roll-back", "freeze", "unfreeze"]) {
        equal(await call(app, `POST /v1/admin/${action}`), 200, action);
      }
    },
    { forecaster: await learningForecaster() },
  );
});

Deno.test("where no network learns, its routes say so as the document does", () =>
  withApp(async (app) => {
    equal(await call(app, "GET /v1/learning"), 404);
    for (const route of documented().filter((route) => route.includes("/admin/"))) {
      equal(await call(app, route), route.endsWith("checkpoint") ? 200 : 409, route);
    }
  }));

Deno.test("pages of series follow one another without gap or repetition", () =>
  withApp(async (app, engine) => {
    const names = Array.from({ length: 25 }, (_, index) => `s${index}`);
    await engine.accept(names.map((series) => ({ series, time: 1, values: { value: 1 } })));
    await settled(engine);
    const seen: string[] = [];
    for (let offset: number | undefined = 0; offset !== undefined;) {
      const page = await (await app.request(`/v1/series?limit=10&offset=${offset}`)).json() as Json;
      equal(page.total, 25);
      seen.push(...page.series);
      offset = page.next;
    }
    deepEqual(seen, names);
  }));
