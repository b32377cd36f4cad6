import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { Access, isDenial, scopeOf } from "../../src/serve/access/access.ts";
import { isLoopback, parseOrigin } from "../../src/serve/access/hosts.ts";
import { RateLimiter } from "../../src/serve/access/rate_limiter.ts";
import { findToken, parseTokens } from "../../src/serve/access/tokens.ts";
import { ManualClock } from "../../streams/mod.ts";

/** SHA-256 of "correct horse battery". */
const DIGEST = "b83fdcd68f1f2ef1e3c3d2a3d2bb5a0ac4cbb9b7f1e2d0b6bf5c5b4e4ff0d7aa";

Deno.test("tokens are read a line each, and found by their secrets alone", () => {
  const tokens = parseTokens(
    `# who may what\n\nsensors ingest aaaaaaaaaaaaaaaa\n  board   read,admin   bbbbbbbbbbbbbbbb ; ` +
      `hidden read sha256:${DIGEST}`,
  );
  deepEqual(tokens.map(({ name, scopes }) => [name, [...scopes]]), [
    ["sensors", ["ingest"]],
    ["board", ["read", "admin"]],
    ["hidden", ["read"]],
  ]);
  equal(findToken(tokens, "bbbbbbbbbbbbbbbb")?.name, "board");
  for (const wrong of ["", "bbbbbbbbbbbbbbb", "bbbbbbbbbbbbbbbbb", "board", DIGEST]) {
    equal(findToken(tokens, wrong), undefined, wrong);
  }
});

Deno.test("a digest stands for its secret", async () => {
  const secret = "correct horse battery";
  const digest = new Uint8Array(
    await crypto.subtle.digest("SHA-256", new TextEncoder().encode(secret)),
  );
  const tokens = parseTokens(`a read sha256:${digest.toHex()}`);
  equal(findToken(tokens, secret)?.name, "a");
});

Deno.test("lines that are no tokens are refused by number, without repeating a secret", () => {
  const cases: [string, RegExp][] = [
    ["sensors ingest", /line 1: expected NAME SCOPES SECRET/],
    ["\nsensors ingest shortsecret", /line 2: a secret has at least 16/],
    ["a write aaaaaaaaaaaaaaaa", /unknown scope "write"/],
    ["a read aaaaaaaaaaaaaaaa\na read bbbbbbbbbbbbbbbb", /line 2: the name a is taken/],
    ["a read aaaaaaaaaaaaaaaa\nb read aaaaaaaaaaaaaaaa", /line 2: another token has the same/],
    ["a/b read aaaaaaaaaaaaaaaa", /a name has/],
    ["a read sha256:12", /64 hexadecimal digits/],
  ];
  for (const [text, expected] of cases) {
    throws(() => parseTokens(text), expected);
    throws(() => parseTokens(text), (error: Error) => !/aaaa|bbbb|shortsecret/.test(error.message));
  }
});

Deno.test("a bucket gives its burst at once, then its rate, and more than it holds on credit", async () => {
  const clock = new ManualClock(0);
  const limiter = new RateLimiter({ perSecond: 10, burst: 3 }, clock);
  deepEqual([1, 2, 3, 4].map(() => limiter.take("a")), [0, 0, 0, 100]);
  equal(limiter.take("b"), 0, "each has a bucket of its own");
  await clock.advance(100);
  deepEqual([limiter.take("a"), limiter.take("a")], [0, 100]);
  await clock.advance(60_000);
  equal(limiter.take("a", 13), 0, "a piece larger than the bucket is taken from a full one");
  equal(limiter.take("a"), 1100, "and owed");
  await clock.advance(1100);
  equal(limiter.take("a"), 0);
});

Deno.test("addresses and origins", () => {
  for (const host of ["127.0.0.1", "127.9.9.9", "localhost", "::1", "[::1]"]) ok(isLoopback(host));
  for (const host of ["0.0.0.0", "::", "10.0.0.1", "localhost.example.com", "127.0.0.1.nip.io"]) {
    ok(!isLoopback(host), host);
  }
  equal(parseOrigin("https://Example.com:443"), "https://example.com");
  for (const text of ["example.com", "https://example.com/a", "null", "*", "file:///a"]) {
    throws(() => parseOrigin(text), SyntaxError, text);
  }
});

Deno.test("what no rule names needs the scope read", () => {
  equal(scopeOf("GET", "/healthz"), undefined);
  equal(scopeOf("GET", "/"), undefined);
  equal(scopeOf("POST", "/"), "read");
  equal(scopeOf("GET", "/v1/ticks"), "ingest");
  equal(scopeOf("GET", "/v1/admin/anything"), "admin");
  equal(scopeOf("DELETE", "/whatever"), "read");
  equal(scopeOf("GET", "/dashboard"), "read");
});

Deno.test("without tokens a server on this machine answers to its own names alone", () => {
  const access = new Access({ loopback: true });
  const decide = (host: string, origin?: string): string => {
    const decision = access.decide({
      method: "GET",
      path: "/v1/series",
      host,
      origin,
      address: "127.0.0.1",
    });
    return isDenial(decision) ? decision.reason : decision.name;
  };
  equal(decide("127.0.0.1:8080"), "anonymous");
  equal(decide("localhost:8080", "http://localhost:8080"), "anonymous");
  equal(decide("rebound.example.com:8080"), "wrong-origin");
  equal(decide("rebound.example.com", "http://rebound.example.com"), "wrong-origin");
  equal(decide(""), "wrong-origin");
  equal(decide("localhost:8080", "http://localhost:9090"), "wrong-origin");
  equal(decide("localhost:8080", "null"), "wrong-origin");
});
