// Every route and socket, asked by those who may not: the table comes from the routes themselves.
import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
// @ts-types="npm:@types/ws@8"
import { WebSocket } from "ws";
import type { App } from "../../src/serve/app.ts";
import { scopeOf } from "../../src/serve/access/access.ts";
import { parseTokens, type Scope, SCOPES } from "../../src/serve/access/tokens.ts";
import type { Server } from "../../src/serve/server.ts";
import { withApp, withServer } from "./served.ts";

const SECRETS: Record<Scope, string> = {
  ingest: "ingest-ingest-ingest",
  read: "read-read-read-read-",
  admin: "admin-admin-admin-ad",
};
const TOKENS = parseTokens(
  SCOPES.map((scope) => `only-${scope} ${scope} ${SECRETS[scope]}`).join("\n"),
);
const SITE = "https://board.example.com";

interface Route {
  readonly method: string;
  readonly path: string;
}

function routesOf(app: App): Route[] {
  return app.routes.filter(({ method }) => method !== "ALL")
    .map(({ method, path }) => ({ method, path: path.replace(":series", "room") }));
}

async function ask(
  app: App,
  { method, path }: Route,
  headers: Record<string, string>,
): Promise<{ status: number; reason?: string; headers: Headers }> {
  const answer = await app.request(path, { method, headers });
  const isJson = answer.headers.get("content-type")?.startsWith("application/json");
  const body = isJson ? await answer.json() : (await answer.body?.cancel(), {});
  return { status: answer.status, reason: body.reason, headers: answer.headers };
}

const bearer = (secret: string): Record<string, string> => ({ authorization: `Bearer ${secret}` });

Deno.test("every route: without a token, with an unknown one, and with each wrong scope", () =>
  withApp(async (app) => {
    let guarded = 0;
    for (const route of routesOf(app)) {
      const name = `${route.method} ${route.path}`;
      const needed = scopeOf(route.method, route.path);
      const none = await ask(app, route, {});
      if (needed === undefined) {
        ok(none.status < 400, `${name} is open to all`);
        continue;
      }
      guarded++;
      deepEqual([none.status, none.reason], [401, "no-token"], name);
      match(none.headers.get("www-authenticate") ?? "", /^Bearer/);
      for (const wrong of ["wrong-wrong-wrong-wrong", SECRETS[needed].slice(0, -1)]) {
        const { status, reason } = await ask(app, route, bearer(wrong));
        deepEqual([status, reason], [401, "unknown-token"], name);
      }
      for (const scope of SCOPES) {
        const { status, reason } = await ask(app, route, bearer(SECRETS[scope]));
        if (scope === needed) {
          ok(status !== 401 && status !== 403, `${name} with its scope: ${status}`);
        } else deepEqual([status, reason], [403, "wrong-scope"], `${name} with ${scope}`);
      }
      const basic = await ask(app, route, { authorization: `Basic ${SECRETS[needed]}` });
      equal(basic.status, 401, `${name} with another scheme`);
    }
    ok(guarded >= 10, `${guarded} routes`);
  }, { access: { tokens: TOKENS } }));

Deno.test("every route: from a page of another site, also with a good token", () =>
  withApp(async (app) => {
    for (const route of routesOf(app)) {
      const scope = scopeOf(route.method, route.path);
      const headers = scope === undefined ? {} : bearer(SECRETS[scope]);
      const name = `${route.method} ${route.path}`;
      for (const origin of ["https://evil.example.com", "null", "http://board.example.com"]) {
        const { status, reason } = await ask(app, route, { ...headers, origin });
        deepEqual([status, reason], [403, "wrong-origin"], `${name} from ${origin}`);
      }
      for (const origin of [SITE, "http://localhost"]) {
        const { status, headers: answered } = await ask(app, route, { ...headers, origin });
        ok(status !== 401 && status !== 403, `${name} from ${origin}: ${status}`);
        equal(answered.get("access-control-allow-origin"), origin === SITE ? SITE : null);
      }
    }
  }, { access: { tokens: TOKENS, origins: [SITE] } }));

Deno.test("a browser's preflight is answered for listed sites only", () =>
  withApp(async (app) => {
    const preflight = (origin: string): Promise<Response> =>
      Promise.resolve(app.request("/v1/ticks", {
        method: "OPTIONS",
        headers: { origin, "access-control-request-method": "POST" },
      }));
    const listed = await preflight(SITE);
    equal(listed.status, 204);
    match(listed.headers.get("access-control-allow-headers") ?? "", /authorization/);
    equal((await preflight("https://evil.example.com")).status, 403);
  }, { access: { tokens: TOKENS, origins: [SITE] } }));

Deno.test("every route: too often", () =>
  withApp(async (app) => {
    for (const route of routesOf(app)) {
      // A token of its own for each route would hide that the rate is the client's, not the route's.
      const name = `${route.method} ${route.path}`;
      let last: Awaited<ReturnType<typeof ask>> | undefined;
      for (let attempt = 0; attempt < 4; attempt++) {
        last = await ask(app, route, {});
        if (last.status === 429) break;
      }
      deepEqual([last?.status, last?.reason], [429, "too-frequent"], name);
      ok(Number(last?.headers.get("retry-after")) >= 1, name);
    }
    const another = await ask(app, { method: "GET", path: "/v1/series" }, bearer(SECRETS.read));
    equal(another.status, 200, "another client is not held up");
  }, { access: { tokens: TOKENS, requests: { perSecond: 1e-3, burst: 3 } } }));

Deno.test("every route that takes a body: too large", () =>
  withApp(async (app) => {
    for (const { method, path } of routesOf(app).filter(({ method }) => method !== "GET")) {
      const scope = scopeOf(method, path) as Scope;
      const body = new Uint8Array((method === "PUT" ? 64 << 20 : 1 << 20) + 1);
      const answer = await app.request(path, { method, body, headers: bearer(SECRETS[scope]) });
      deepEqual([answer.status, (await answer.json()).reason], [413, "too-large"], path);
    }
  }, { access: { tokens: TOKENS } }));

Deno.test("ticks beyond a client's rate are refused whole, and taken again later", () =>
  withApp(async (app, engine) => {
    const send = (count: number): Promise<Response> => {
      const ticks = Array.from({ length: count }, (_, time) => ({ series: "a", time, value: 1 }));
      const body = JSON.stringify(ticks);
      return Promise.resolve(app.request("/v1/ticks", { method: "POST", body }));
    };
    equal((await send(10)).status, 200);
    const refused = await send(10);
    deepEqual([refused.status, (await refused.json()).reason], [429, "too-frequent"]);
    equal(engine.health().store.sequence, 10, "nothing of a refused body is taken");
  }, { access: { ticks: { perSecond: 1e-3, burst: 15 } } }));

/** How a WebSocket's opening went: `open`, or the status it was refused with. */
function opening(
  server: Server,
  path: string,
  options: { headers?: Record<string, string>; protocols?: string[] } = {},
): Promise<{ result: number | "open"; socket: WebSocket }> {
  const socket = new WebSocket(server.url.replace("http", "ws") + path, options.protocols ?? [], {
    headers: options.headers,
  });
  return new Promise((resolve) => {
    socket.on("open", () => resolve({ result: "open", socket }));
    socket.on("unexpected-response", (request, response) => {
      resolve({ result: response.statusCode ?? 0, socket });
      response.resume();
      request.destroy();
    });
    socket.on("error", () => {});
  });
}

async function openingResult(...call: Parameters<typeof opening>): Promise<number | "open"> {
  const { result, socket } = await opening(...call);
  await closed(socket);
  return result;
}

function closed(socket: WebSocket): Promise<number> {
  return new Promise((resolve) => {
    if (socket.readyState !== socket.OPEN) return resolve(0);
    socket.once("close", (code) => resolve(code));
    socket.close();
  });
}

const asProtocol = (secret: string): string[] => [
  "tickcast.v1",
  `tickcast.bearer.${
    new TextEncoder().encode(secret).toBase64({ alphabet: "base64url", omitPadding: true })
  }`,
];

Deno.test("every socket: without a token, with wrong scopes, from other sites, by header and protocol", () =>
  withServer(async ({ server }) => {
    for (const [path, needed] of [["/v1/ingest", "ingest"], ["/v1/forecasts", "read"]] as const) {
      equal(await openingResult(server, path), 401);
      equal(await openingResult(server, path, { headers: bearer("wrong-wrong-wrong-wrong") }), 401);
      equal(await openingResult(server, path, { protocols: asProtocol("wrong-wrong-wrong") }), 401);
      equal(await openingResult(server, path, { protocols: ["tickcast.bearer.!!"] }), 401);
      equal(
        await openingResult(server, `${path}?token=${SECRETS[needed]}`),
        401,
        "an address ends up in logs",
      );
      for (const scope of SCOPES) {
        const expected = scope === needed ? "open" : 403;
        equal(await openingResult(server, path, { headers: bearer(SECRETS[scope]) }), expected);
        const protocols = asProtocol(SECRETS[scope]);
        equal(await openingResult(server, path, { protocols }), expected);
      }
      const headers = { ...bearer(SECRETS[needed]), origin: "https://evil.example.com" };
      equal(await openingResult(server, path, { headers }), 403);
      equal(await openingResult(server, path, { headers: { ...headers, origin: SITE } }), "open");
    }
    equal(await openingResult(server, "/v1/other", { headers: bearer(SECRETS.read) }), 404);
    const { socket } = await opening(server, "/v1/forecasts", {
      protocols: asProtocol(SECRETS.read),
    });
    equal(socket.protocol, "tickcast.v1", "the token is not said back");
    await closed(socket);
  }, { access: { tokens: TOKENS, origins: [SITE] } }));

Deno.test("sockets: too large a frame closes, too many connections and too many attempts are refused", () =>
  withServer(async ({ server }) => {
    const { socket } = await opening(server, "/v1/ingest");
    const code = new Promise<number>((resolve) => socket.once("close", resolve));
    socket.send(" ".repeat((1 << 20) + 1));
    equal(await code, 1009);
    const first = await opening(server, "/v1/forecasts");
    const events = await fetch(`${server.url}/v1/forecasts`);
    equal(events.status, 200);
    equal(await openingResult(server, "/v1/forecasts"), 503, "streams and sockets count together");
    const fourth = await fetch(`${server.url}/v1/forecasts`);
    deepEqual([fourth.status, (await fourth.json()).reason], [503, "too-many-connections"]);
    await events.body?.cancel();
    await closed(first.socket);
    let result: number | "open" = "open";
    for (let attempt = 0; attempt < 20 && result !== 429; attempt++) {
      result = await openingResult(server, "/v1/forecasts");
    }
    equal(result, 429);
  }, { connectionsMax: 2, access: { requests: { perSecond: 1e-3, burst: 12 } } }));

Deno.test("tokens taken away end their connections, others stay", () =>
  withServer(async ({ server }) => {
    const read = await opening(server, "/v1/forecasts", { headers: bearer(SECRETS.read) });
    const ingest = await opening(server, "/v1/ingest", { headers: bearer(SECRETS.ingest) });
    const events = await fetch(`${server.url}/v1/forecasts`, { headers: bearer(SECRETS.read) });
    const code = new Promise<number>((resolve) => read.socket.once("close", resolve));
    server.replaceTokens(TOKENS.filter(({ name }) => name !== "only-read"));
    equal(await code, 1008);
    equal(await events.text(), ": open\n\n", "the stream has ended");
    equal(ingest.socket.readyState, ingest.socket.OPEN);
    const again = await fetch(`${server.url}/v1/series`, { headers: bearer(SECRETS.read) });
    equal(again.status, 401);
    await again.body?.cancel();
    await closed(ingest.socket);
  }, { access: { tokens: TOKENS } }));

Deno.test("a server that others can reach needs tokens, or to be told that it is open", async () => {
  await rejects(withServer(() => Promise.resolve(), { host: "0.0.0.0" }), /there are no tokens/);
  await withServer(async ({ server }) => {
    equal(await openingResult(server, "/v1/ingest"), "open");
  }, { host: "0.0.0.0", openToAll: true });
  await withServer(async ({ server }) => {
    equal(await openingResult(server, "/v1/ingest"), 401);
  }, { host: "0.0.0.0", access: { tokens: TOKENS } });
});

Deno.test("a name made to resolve to this machine is turned away", () =>
  withServer(async ({ server }) => {
    const { port } = new URL(server.url);
    const status = await new Promise((resolve) =>
      httpRequest({ port, host: "127.0.0.1", path: "/v1/series", headers: { host: "evil.test" } })
        .on("response", (response) => {
          response.resume();
          resolve(response.statusCode);
        }).end()
    );
    equal(status, 403);
  }));

Deno.test("HTTPS and WSS with a certificate of one's own", async () => {
  const folder = new URL("../fixtures/tls/", import.meta.url);
  const cert = await Deno.readTextFile(new URL("cert.pem", folder));
  const key = await Deno.readTextFile(new URL("key.pem", folder));
  await withServer(async ({ server }) => {
    match(server.url, /^https:/);
    const status = await new Promise((resolve, reject) =>
      httpsRequest(`${server.url}/healthz`, { ca: cert }, (response) => {
        response.resume();
        resolve(response.statusCode);
      }).on("error", reject).end()
    );
    equal(status, 200);
    const socket = new WebSocket(`${server.url.replace("https", "wss")}/v1/ingest`, { ca: cert });
    await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
    const answer = new Promise((resolve) =>
      socket.once("message", (data) => resolve(String(data)))
    );
    socket.send('{"series":"a","time":1,"value":2}');
    match(String(await answer), /"ack"/);
    await closed(socket);
  }, { tls: { cert, key } });
});

Deno.test("bodies over a real socket: none, and in chunks", () =>
  withServer(async ({ server, engine }) => {
    const { port } = new URL(server.url);
    const post = (path: string, pieces: readonly Uint8Array[]): Promise<number> =>
      new Promise((resolve, reject) => {
        const request = httpRequest({ port, host: "127.0.0.1", path, method: "POST" });
        request.on("response", (response) => {
          response.resume();
          response.on("end", () => resolve(response.statusCode ?? 0));
        });
        request.on("error", reject);
        for (const piece of pieces) request.write(piece);
        request.end();
      });
    const tick = new TextEncoder().encode('{"series":"a","time":1,"value":2}');
    equal(await post("/v1/admin/checkpoint", []), 200);
    equal(await post("/v1/ticks", []), 400);
    equal(await post("/v1/ticks", [tick.subarray(0, 9), tick.subarray(9)]), 200);
    equal(engine.health().store.sequence, 1);
  }));
